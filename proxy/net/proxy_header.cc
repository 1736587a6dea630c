#include "proxy/net/proxy_header.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace weir::proxy {
namespace {

using State = ProxyHeader::State;

constexpr std::string_view kVersion1 = "PROXY ";
constexpr std::string_view kVersion2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kLongestLine = 107;  // CRLF included (2.1)
constexpr std::size_t kFixedPart = 16;     // of version 2

ProxyHeader malformed() { return {.state = State::kMalformed, .size = 0, .source = std::nullopt}; }

ProxyHeader whole(std::size_t size, std::optional<SocketAddress> source) {
  return {.state = State::kWhole, .size = size, .source = source};
}

// One word, and the one space behind it.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, port);
  const bool one_form = digits == "0" || !digits.starts_with('0');
  return error == std::errc() && at == end && one_form ? std::optional(port) : std::nullopt;
}

// "TCP4 source destination port port", without the word before it (2.1).
std::optional<SocketAddress> parse_addresses(std::string_view line) {
  const int family = take_word(line) == "TCP4" ? AF_INET : AF_INET6;
  const std::string_view source = take_word(line);
  const std::string_view destination = take_word(line);
  const std::optional<std::uint16_t> port = parse_port(take_word(line));
  const std::optional<std::uint16_t> their_port = parse_port(line);
  if (!port || !their_port) return std::nullopt;
  const std::optional<SocketAddress> from = parse_ip(source, *port);
  const std::optional<SocketAddress> to = parse_ip(destination, *their_port);
  return from && to && from->family() == family && to->family() == family ? from : std::nullopt;
}

ProxyHeader parse_version_1(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kLongestLine).find_first_of("\r\n");
  if (end == std::string_view::npos) return bytes.size() < kLongestLine ? ProxyHeader() : malformed();
  // A line end of another kind is none, nor is one that comes too late.
  if (bytes[end] == '\n' || end + 2 > kLongestLine) return malformed();
  if (end + 1 == bytes.size()) return {};
  if (bytes[end + 1] != '\n') return malformed();
  const std::string_view line = bytes.substr(kVersion1.size(), end - kVersion1.size());
  // Whatever stands behind UNKNOWN is not for us.
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return whole(end + 2, std::nullopt);
  if (!line.starts_with("TCP4 ") && !line.starts_with("TCP6 ")) return malformed();
  const std::optional<SocketAddress> source = parse_addresses(line);
  return source ? whole(end + 2, source) : malformed();
}

std::size_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at])) << 8 | static_cast<std::uint8_t>(bytes[at + 1]);
}

// Version 2's block of source and destination, `port` bytes into it the source's port (2.2).
SocketAddress source_of(std::string_view block, int family) {
  SocketAddress address;
  if (family == AF_INET) {
    auto& v4 = *reinterpret_cast<sockaddr_in*>(&address.storage);
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, block.data(), 4);
    address.size = sizeof v4;
    address.set_port(static_cast<std::uint16_t>(number_at(block, 8)));
  } else {
    auto& v6 = *reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, block.data(), 16);
    address.size = sizeof v6;
    address.set_port(static_cast<std::uint16_t>(number_at(block, 32)));
  }
  return address;
}

ProxyHeader parse_version_2(std::string_view bytes) {
  if (bytes.size() > 12) {
    const auto command = static_cast<std::uint8_t>(bytes[12]);
    if (command != 0x20 && command != 0x21) return malformed();
  }
  // Of a connection that the proxy opened for itself the family says nothing.
  if (bytes.size() > 13 && bytes[12] == 0x21) {
    const auto family = static_cast<std::uint8_t>(bytes[13]);
    if (family >> 4 > 3 || (family & 15) > 2) return malformed();
  }
  if (bytes.size() < kFixedPart) return {};
  const std::size_t rest = number_at(bytes, 14);
  if (rest > kMostProxyHeaderRest) return malformed();
  const bool local = bytes[12] == 0x20;
  const bool v4 = bytes[13] == 0x11;
  const bool v6 = bytes[13] == 0x21;
  // Too short for its addresses: known before they have come.
  if (!local && ((v4 && rest < 12) || (v6 && rest < 36))) return malformed();
  const std::size_t size = kFixedPart + rest;
  if (bytes.size() < size) return {};
  // Other families are skipped, like the TLVs behind the addresses.
  if (local || (!v4 && !v6)) return whole(size, std::nullopt);
  return whole(size, source_of(bytes.substr(kFixedPart), v4 ? AF_INET : AF_INET6));
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) {
  if (bytes.empty()) return {};
  const std::string_view start = bytes.front() == kVersion1.front() ? kVersion1 : kVersion2;
  const std::size_t both = std::min(bytes.size(), start.size());
  if (bytes.substr(0, both) != start.substr(0, both)) return malformed();
  if (bytes.size() < start.size()) return {};
  return start == kVersion1 ? parse_version_1(bytes) : parse_version_2(bytes);
}

}  // namespace weir::proxy
