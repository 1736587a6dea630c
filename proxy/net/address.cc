#include "proxy/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/text.h"
#include "config/address.h"

namespace weir::proxy {

std::string_view SocketAddress::path() const {
  constexpr std::size_t kPath = offsetof(sockaddr_un, sun_path);
  if (family() != AF_UNIX || size <= kPath) return {};
  const char* const text = reinterpret_cast<const sockaddr_un*>(&storage)->sun_path;
  return {text, ::strnlen(text, size - kPath)};
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return 0;
}

void SocketAddress::set_port(std::uint16_t port) {
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port = htons(port);
}

std::array<std::uint8_t, 16> ip_bytes(const SocketAddress& address) {
  std::array<std::uint8_t, 16> bytes{};
  if (address.family() == AF_INET) {
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(&bytes[12], &reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr, 4);
  } else if (address.family() == AF_INET6) {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr, 16);
  }
  return bytes;
}

std::string_view write_ip(const std::array<std::uint8_t, 16>& address, std::span<char, 48> space) {
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (address == std::array<std::uint8_t, 16>{}) return {};
  const bool v4 = std::memcmp(address.data(), kMapped.data(), kMapped.size()) == 0;
  const char* const text = v4 ? ::inet_ntop(AF_INET, &address[12], space.data(), space.size())
                              : ::inet_ntop(AF_INET6, address.data(), space.data(), space.size());
  return text == nullptr ? std::string_view() : std::string_view(text);
}

std::string ip_text(const SocketAddress& address) {
  if (address.family() != AF_INET && address.family() != AF_INET6) return {};
  std::array<char, 48> space{};
  const std::string_view text = write_ip(ip_bytes(address), space);
  return text.empty() ? "::" : std::string(text);
}

std::string to_string(const SocketAddress& address) {
  if (address.family() == AF_UNIX) return "unix:" + std::string(address.path());
  const std::string ip = ip_text(address);
  const bool brackets = ip.find(':') != std::string::npos;
  return (brackets ? "[" + ip + "]:" : ip + ":") + std::to_string(address.port());
}

std::optional<std::array<std::uint8_t, 16>> parse_ip_bytes(std::string_view host) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (host.size() >= text.size() || host.find('\0') != std::string_view::npos) return std::nullopt;
  host.copy(text.data(), host.size());
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, text.data(), &bytes[12]) == 1) {
    bytes[10] = bytes[11] = 0xff;
    return bytes;
  }
  return ::inet_pton(AF_INET6, text.data(), bytes.data()) == 1 ? std::optional(bytes) : std::nullopt;
}

std::optional<SocketAddress> parse_ip(std::string_view host, std::uint16_t port) {
  const std::string text(host);
  if (text.find('\0') != std::string::npos) return std::nullopt;  // inet_pton() would not look behind it
  SocketAddress address;
  auto& v4 = *reinterpret_cast<sockaddr_in*>(&address.storage);
  auto& v6 = *reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    address.size = sizeof v4;
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    address.size = sizeof v6;
  } else {
    return std::nullopt;
  }
  address.set_port(port);
  return address;
}

std::vector<SocketAddress> known_addresses(std::string_view host, std::uint16_t port) {
  if (lower_case(host) == "localhost") return {*parse_ip("127.0.0.1", port), *parse_ip("::1", port)};
  const std::optional<SocketAddress> address = parse_ip(host, port);
  return address ? std::vector{*address} : std::vector<SocketAddress>{};
}

SocketAddress unix_address(std::string_view path) {
  SocketAddress address;
  auto& to = *reinterpret_cast<sockaddr_un*>(&address.storage);
  to.sun_family = AF_UNIX;
  const std::size_t bytes = std::min(path.size(), sizeof to.sun_path - 1);
  std::copy_n(path.data(), bytes, to.sun_path);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + bytes + 1);
  return address;
}

std::optional<SocketAddress> parse_listen_address(std::string_view text) {
  if (const std::optional<std::string> path = config::parse_unix_path(text)) return unix_address(*path);
  const std::optional<config::HostPort> address = config::parse_listen_address(text);
  return address ? parse_ip(address->host, address->port) : std::nullopt;
}

}  // namespace weir::proxy
