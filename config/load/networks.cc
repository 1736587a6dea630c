#include "config/load/networks.h"

#include <arpa/inet.h>

#include <charconv>

namespace weir::config {

std::optional<Cidr> parse_cidr(const std::string& text) {
  Cidr cidr;
  cidr.text = text;
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  int most = 128;
  if (::inet_pton(AF_INET, address.c_str(), &cidr.address[12]) == 1) {
    cidr.address[10] = cidr.address[11] = 0xff;
    most = 32;
  } else if (::inet_pton(AF_INET6, address.c_str(), cidr.address.data()) != 1) {
    return std::nullopt;
  }
  int bits = most;
  if (slash != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + slash + 1, end, bits);
    if (error != std::errc() || at != end || bits < 0 || bits > most) return std::nullopt;
  }
  cidr.prefix_bits = bits + 128 - most;
  // An IPv4 address in IPv6's form is one of IPv4, and so is a network; a shorter prefix would hold none of them.
  const Cidr mapped{.text = {}, .address = cidr.address, .prefix_bits = 128};
  if (mapped.is_v4() && !cidr.is_v4()) return std::nullopt;
  return cidr;
}

std::vector<Cidr> read_networks(const Node& list, const std::string& path, Report& report) {
  std::vector<Cidr> networks;
  for (const Node& element : list.list) {
    if (const std::optional<Cidr> cidr = parse_cidr(element.scalar)) {
      networks.push_back(*cidr);
    } else {
      report.error(element.position, path + ": \"" + element.scalar + "\"",
                   "an address or a network, such as 10.0.0.0/8");
    }
  }
  return networks;
}

std::optional<TrustedHops> read_trusted_hops(const Node& node, const std::string& path, Report& report) {
  const Node* const list = node.find("trustedHops");
  if (list == nullptr) return std::nullopt;
  TrustedHops hops;
  if (list->list.size() == 1 && list->list.front().scalar == "none") return hops;
  for (const Node& element : list->list) {
    if (element.scalar == "unix") {
      hops.unix_sockets = true;
    } else if (const std::optional<Cidr> cidr = parse_cidr(element.scalar)) {
      hops.networks.push_back(*cidr);
    } else {
      report.error(element.position, path + ": \"" + element.scalar + "\"",
                   "an address or a network, such as 10.0.0.0/8, or unix; none alone for nobody");
    }
  }
  return hops;
}

}  // namespace weir::config
