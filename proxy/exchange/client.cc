#include "proxy/exchange/client.h"

#include <algorithm>

#include "proxy/http/white_space.h"

namespace weir::proxy {
namespace {

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The field's n-th line, counted from 0; null when there are fewer.
const http::Field* line(const http::FieldList& fields, http::FieldId id, std::size_t n) {
  for (const http::Field& field : fields) {
    if (field.id == id && n-- == 0) return &field;
  }
  return nullptr;
}

struct Way {
  ClientAddress client{};
  std::size_t hops = 0;  // passed
};

// False: it ends here.
bool pass(std::string_view element, const config::TrustedHops& hops, Way& way) {
  if (element.empty()) return true;  // RFC 9110 5.6.1: an empty element of a list is none
  const std::optional<ClientAddress> address = parse_hop(element);
  if (!address) return false;
  way.client = *address;
  const bool passed = config::contains(hops.networks, way.client);
  if (passed) ++way.hops;
  return passed;
}

// From our side, so that a long list costs no more than the hops that are believed.
Way walk(const http::FieldList& fields, const SocketAddress& peer, const config::TrustedHops& hops) {
  Way way{ip_bytes(peer)};
  if (!fields.has(http::FieldId::kXForwardedFor) || !is_trusted(hops, peer)) return way;
  const auto is_line = [](const http::Field& field) { return field.id == http::FieldId::kXForwardedFor; };
  for (auto n = static_cast<std::size_t>(std::count_if(fields.begin(), fields.end(), is_line)); n-- > 0;) {
    std::string_view rest = line(fields, http::FieldId::kXForwardedFor, n)->value;
    while (!rest.empty()) {
      const std::size_t comma = rest.rfind(',');
      const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
      if (!pass(http::trimmed(rest.substr(begin)), hops, way)) return way;
      rest = rest.substr(0, begin == 0 ? 0 : comma);
    }
  }
  return way;
}

}  // namespace

bool is_trusted(const config::TrustedHops& hops, const SocketAddress& peer) {
  if (peer.family() == AF_UNIX) return hops.unix_sockets;
  return !hops.networks.empty() && config::contains(hops.networks, ip_bytes(peer));
}

ClientAddress client_address(const http::FieldList& fields, const SocketAddress& peer,
                             const config::TrustedHops& hops) {
  return walk(fields, peer, hops).client;
}

std::size_t hops_passed(const http::FieldList& fields, const SocketAddress& peer, const config::TrustedHops& hops) {
  return walk(fields, peer, hops).hops;
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
