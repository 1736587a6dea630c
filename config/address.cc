#include "config/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace weir::config {
namespace {

// As inet_pton() reads it, written back in its one form.
std::optional<std::string> canonical_ip(std::string_view host) {
  const std::string text(host);
  if (text.find('\0') != std::string::npos) return std::nullopt;  // inet_pton() would not look behind it
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  const int family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (::inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  ::inet_ntop(family, bytes.data(), out.data(), out.size());
  return std::string(out.data());
}

}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  HostPort address;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const bool brackets = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  if (brackets != (host.find(':') != std::string_view::npos)) return std::nullopt;
  if (brackets && !canonical_ip(host)) return std::nullopt;
  address.host = host;
  return address;
}

std::optional<HostPort> parse_authority(std::string_view text, std::uint16_t port) {
  const bool has_port = !text.ends_with(']') && text.find(':') != std::string_view::npos;
  const std::optional<HostPort> address =
      parse_host_port(has_port ? std::string(text) : std::string(text) + ":" + std::to_string(port));
  if (!address) return std::nullopt;
  const bool digits = address->host.find(':') != std::string::npos;  // an IPv6 address, which has been read
  return digits || is_host_name(address->host) ? address : std::nullopt;
}

std::optional<HostPort> parse_listen_address(std::string_view text) {
  std::optional<HostPort> address = parse_host_port(text);
  if (!address) return std::nullopt;
  if (address->host.empty() || address->host == "*") address->host = "0.0.0.0";
  if (address->host == "localhost") address->host = "127.0.0.1";
  const std::optional<std::string> ip = canonical_ip(address->host);
  if (!ip) return std::nullopt;
  // An IPv4 address in IPv6's words; a socket that takes IPv6 alone cannot be bound to it.
  constexpr std::string_view kMapped = "::ffff:";
  const bool mapped = ip->starts_with(kMapped) && ip->find('.') != std::string::npos;
  address->host = mapped ? ip->substr(kMapped.size()) : *ip;
  return address;
}

std::optional<std::string> parse_unix_path(std::string_view text) {
  constexpr std::string_view kScheme = "unix:";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const bool names_a_file = text.starts_with('/') && !text.ends_with('/') && text.size() <= kLongestUnixPath;
  if (!names_a_file || std::any_of(text.begin(), text.end(), control)) return std::nullopt;
  return std::string(text);
}

namespace {

std::optional<HostPort> parse_url(std::string_view url, std::string_view scheme, std::uint16_t port) {
  if (!url.starts_with(scheme)) return std::nullopt;
  url.remove_prefix(scheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  const std::optional<HostPort> address = parse_authority(url, port);
  return address && address->port != 0 ? address : std::nullopt;
}

}  // namespace

std::optional<HostPort> parse_http_url(std::string_view url) { return parse_url(url, "http://", 80); }
std::optional<HostPort> parse_https_url(std::string_view url) { return parse_url(url, "https://", 443); }

bool is_host_name(std::string_view host) {
  constexpr std::size_t kLongest = 253;
  constexpr std::size_t kLongestLabel = 63;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (host.size() > kLongest) return false;
  if (host.ends_with('.')) host.remove_suffix(1);
  while (true) {
    const std::string_view label = host.substr(0, host.find('.'));
    if (label.empty() || label.size() > kLongestLabel || !std::all_of(label.begin(), label.end(), allowed)) return false;
    if (label.size() == host.size()) return true;
    host.remove_prefix(label.size() + 1);
  }
}

std::string to_string(const HostPort& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  return (brackets ? "[" + address.host + "]:" : address.host + ":") + std::to_string(address.port);
}

bool is_loopback_host(std::string_view host) {
  if (lower_case(host) == "localhost") return true;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::optional<std::string> ip = canonical_ip(host);
  return ip && (*ip == "::1" || (ip->starts_with("127.") && ip->find(':') == std::string::npos));
}

}  // namespace weir::config
