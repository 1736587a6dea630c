// Pure functions. Addresses as a plan writes them. No name is looked up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::config {

struct HostPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

// "host:port", or "[v6]:port" where the host has colons. The port is 0 to 65535, in digits.
std::optional<HostPort> parse_host_port(std::string_view text);

// Likewise with `port` where none is given: "host", "[v6]" (RFC 9110 7.2, uri-host [ ":" port ]). Nothing where more
// than that, such as a user, is in it.
std::optional<HostPort> parse_authority(std::string_view text, std::uint16_t port);

// What can be listened on: the host in digits, or "localhost", which is 127.0.0.1; empty or "*" for every IPv4 address.
// An IPv4-mapped IPv6 address is the IPv4 one.
std::optional<HostPort> parse_listen_address(std::string_view text);

// What sockaddr_un holds of a path (unix(7)), without the NUL behind it.
inline constexpr std::size_t kLongestUnixPath = 107;  // bytes

// "unix:/path": the path of a Unix socket, from the root on, without control characters.
std::optional<std::string> parse_unix_path(std::string_view text);

// "http://host", "http://host:port", perhaps with one slash behind it: the host a name or digits, the port 80 unless
// given.
std::optional<HostPort> parse_http_url(std::string_view url);
// Likewise "https://host", the port 443 unless given.
std::optional<HostPort> parse_https_url(std::string_view url);

// Labels of 1 to 63 letters, digits, "-" and "_", with a dot between two and perhaps one behind the last; at most 253
// characters (RFC 1035 2.3.4, RFC 1034 3.1).
bool is_host_name(std::string_view host);

// "host:port", with brackets where they are needed.
std::string to_string(const HostPort& address);

// "localhost", 127.0.0.0/8 and ::1, in digits; brackets allowed. No name but localhost is one.
bool is_loopback_host(std::string_view host);

}  // namespace weir::config
