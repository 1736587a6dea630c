// Pure functions, and a plain value. Socket addresses, as a plan writes them and as the kernel does.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::proxy {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  // Of AF_UNIX: the socket's file; empty for one without.
  std::string_view path() const;
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
};

// IPv4 as IPv4-mapped IPv6, so that one rule of a plan reads the same on every listener. Zeros for other families.
std::array<std::uint8_t, 16> ip_bytes(const SocketAddress& address);
// "10.0.0.1" or "2001:db8::1", for X-Forwarded-For and logs; IPv4-mapped ones as IPv4. Empty for other families.
std::string ip_text(const SocketAddress& address);
// The same, into `space`. Allocates nothing. Empty for an address of all zeros: none is known.
std::string_view write_ip(const std::array<std::uint8_t, 16>& address, std::span<char, 48> space);
// "10.0.0.1:80", "[::1]:80" or "unix:/path".
std::string to_string(const SocketAddress& address);

// An IP address in digits, as ip_bytes() has it. Allocates nothing.
std::optional<std::array<std::uint8_t, 16>> parse_ip_bytes(std::string_view host);

// An address given in digits: no name is looked up. Nothing if it is no such address.
std::optional<SocketAddress> parse_ip(std::string_view host, std::uint16_t port);
// Where a host is without asking anybody: an address in digits is itself, and "localhost" is 127.0.0.1, then ::1
// (RFC 6761 section 6.3). Empty for any other name.
std::vector<SocketAddress> known_addresses(std::string_view host, std::uint16_t port);
// A Unix socket's file. The path is one that config::parse_unix_path() has taken.
SocketAddress unix_address(std::string_view path);
// "host:port" or "[v6]:port", the host perhaps empty for every IPv4 address, or "localhost"; or "unix:/path".
std::optional<SocketAddress> parse_listen_address(std::string_view text);

}  // namespace weir::proxy
