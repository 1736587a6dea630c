// Immutable, and pure functions. Networks, and the addresses in them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::config {

using IpBytes = std::array<std::uint8_t, 16>;  // IPv4 as IPv4-mapped IPv6

struct Cidr {
  std::string text;     // as written
  IpBytes address{};    // what stands behind the prefix does not count
  int prefix_bits = 0;  // of the 128

  static constexpr int kV4Bits = 96;  // in front of an IPv4 address
  bool is_v4() const;
};

bool contains(const Cidr& network, const IpBytes& address);
bool contains(const std::vector<Cidr>& networks, const IpBytes& address);

// Whether all of `part` is in one of the networks.
bool covers(const std::vector<Cidr>& networks, const Cidr& part);

// The proxies before us whose word about a request is believed.
struct TrustedHops {
  std::vector<Cidr> networks;
  bool unix_sockets = false;
};

}  // namespace weir::config
