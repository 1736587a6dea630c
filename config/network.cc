#include "config/network.h"

#include <algorithm>
#include <cstddef>

namespace weir::config {
namespace {

// RFC 4291 2.5.5.2.
constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const IpBytes& address) { return std::equal(kMapped.begin(), kMapped.end(), address.begin()); }

}  // namespace

bool Cidr::is_v4() const { return prefix_bits >= kV4Bits && is_mapped(address); }

bool contains(const Cidr& network, const IpBytes& address) {
  // The IPv4 addresses stand inside IPv6's here, and yet are in no network of IPv6, not even in all of it.
  if (network.prefix_bits < Cidr::kV4Bits && is_mapped(address)) return false;
  const auto whole = static_cast<std::size_t>(network.prefix_bits / 8);
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), network.address.begin())) {
    return false;
  }
  const int rest = network.prefix_bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00u >> rest);
  return ((address[whole] ^ network.address[whole]) & mask) == 0;
}

bool contains(const std::vector<Cidr>& networks, const IpBytes& address) {
  return std::any_of(networks.begin(), networks.end(), [&](const Cidr& network) { return contains(network, address); });
}

bool covers(const std::vector<Cidr>& networks, const Cidr& part) {
  return std::any_of(networks.begin(), networks.end(), [&](const Cidr& network) {
    return network.prefix_bits <= part.prefix_bits && contains(network, part.address);
  });
}

}  // namespace weir::config
