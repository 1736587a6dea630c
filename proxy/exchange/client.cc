#include "proxy/exchange/client.h"

#include <algorithm>

namespace weir::proxy {
namespace {

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Walks towards us, so that one pass over the fields will do: what the walk from our side would find is what this one
// was last told.
class Way {
 public:
  explicit Way(const config::TrustedHops& hops) : hops_(hops) {}

  void pass(std::string_view element) {
    if (element.empty()) return;  // RFC 9110 5.6.1: an empty element of a list is none
    const std::optional<ClientAddress> address = parse_hop(element);
    if (!address) {
      client_.reset();
    } else if (!client_ || !config::contains(hops_.networks, *address)) {
      client_ = address;
    }
  }
  const std::optional<ClientAddress>& client() const { return client_; }

 private:
  const config::TrustedHops& hops_;
  std::optional<ClientAddress> client_;
};

}  // namespace

bool is_trusted(const config::TrustedHops& hops, const SocketAddress& peer) {
  if (peer.family() == AF_UNIX) return hops.unix_sockets;
  return !hops.networks.empty() && config::contains(hops.networks, ip_bytes(peer));
}

ClientAddress client_address(const http::FieldList& fields, const SocketAddress& peer,
                             const config::TrustedHops& hops) {
  if (!fields.has(http::FieldId::kXForwardedFor) || !is_trusted(hops, peer)) return ip_bytes(peer);
  Way way(hops);
  for (const http::Field& field : fields) {
    if (field.id != http::FieldId::kXForwardedFor) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      way.pass(trimmed(rest.substr(0, comma)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return way.client().value_or(ip_bytes(peer));
}

std::optional<ClientAddress> parse_hop(std::string_view element) {
  std::string_view host = element;
  const std::size_t colon = element.rfind(':');
  if (element.starts_with('[')) {
    const std::size_t close = element.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view behind = element.substr(close + 1);
    if (!behind.empty() && (behind.front() != ':' || !is_port(behind.substr(1)))) return std::nullopt;
    host = element.substr(1, close - 1);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
  } else if (colon != std::string_view::npos && element.find(':') == colon) {
    if (!is_port(element.substr(colon + 1))) return std::nullopt;
    host = element.substr(0, colon);
  }
  return parse_ip_bytes(host);
}

}  // namespace weir::proxy
