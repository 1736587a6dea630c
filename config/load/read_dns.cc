#include <arpa/inet.h>

#include <array>

#include "config/address.h"
#include "config/load/read.h"
#include "config/load/values.h"
#include "config/units.h"

namespace weir::config {
namespace {

constexpr std::uint16_t kPort = 53;

bool is_ip(const std::string& text) {
  if (text.find('\0') != std::string::npos) return false;  // inet_pton() would not look behind it
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

// With its port.
std::optional<std::string> parse_server(const std::string& text) {
  if (is_ip(text)) return to_string(HostPort{text, kPort});
  const std::optional<HostPort> server = parse_host_port(text);
  return server && server->port != 0 && is_ip(server->host) ? std::optional(to_string(*server)) : std::nullopt;
}

}  // namespace

Dns read_dns(const Node& root, Report& report) {
  Dns dns;
  const Node* const node = root.find("dns");
  if (node == nullptr) return dns;
  if (const Node* const servers = node->find("servers")) {
    for (const Node& element : servers->list) {
      if (std::optional<std::string> server = parse_server(element.scalar)) {
        dns.servers.push_back(std::move(*server));
      } else if (!element.scalar.empty()) {
        report.error(element.position, "dns.servers: \"" + element.scalar + "\"",
                     "an address in digits, such as 10.0.0.2, 10.0.0.2:53 or [2001:db8::1]:53");
      }
    }
    if (servers->list.size() > Dns::kMostServers) {
      report.error(servers->position, "dns.servers has " + std::to_string(servers->list.size()) + " entries",
                   "at most " + std::to_string(Dns::kMostServers));
    }
  }
  const std::string* const family = scalar(*node, "family");
  if (family != nullptr && *family == "ipv4") dns.family = Dns::Family::kIpv4;
  if (family != nullptr && *family == "ipv6") dns.family = Dns::Family::kIpv6;
  dns.min_ttl = duration_of(*node, "minTtl").value_or(dns.min_ttl);
  dns.max_ttl = duration_of(*node, "maxTtl").value_or(dns.max_ttl);
  if (dns.min_ttl > dns.max_ttl) {
    report.error(node->position,
                 "dns: minTtl is " + format_duration(dns.min_ttl) + ", and maxTtl is " + format_duration(dns.max_ttl),
                 "a minTtl that is no longer than maxTtl");
  }
  return dns;
}

}  // namespace weir::config
