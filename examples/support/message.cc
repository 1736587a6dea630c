#include "examples/support/message.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <cctype>
#include <charconv>
#include <cstddef>

namespace weir::examples {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::size_t kMaxMessageBytes = 1 << 20;

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() ? std::optional<Number>(value) : std::nullopt;
}

// Reads until `buffer` holds at least `size` bytes; false when it never will.
Awaitable<bool> fill(Socket& socket, std::string& buffer, std::size_t size) {
  std::array<char, 8192> chunk;
  while (buffer.size() < size) {
    const auto [error, count] = co_await socket.async_read_some(asio::buffer(chunk), kAsTuple);
    if (error) co_return false;
    buffer.append(chunk.data(), count);
  }
  co_return true;
}

}  // namespace

std::string_view Message::field(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !equals_ignoring_case(line.substr(0, colon), name)) continue;
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    return value;
  }
  return {};
}

int Message::status() const {
  const std::size_t space = head.find(' ');
  if (space == std::string::npos) return 0;
  return parse<int>(std::string_view(head).substr(space + 1)).value_or(0);
}

Awaitable<std::optional<Message>> read_message(Socket& socket, std::string& buffer) {
  std::size_t head_end = buffer.find(kHeadEnd);
  while (head_end == std::string::npos) {
    if (buffer.size() > kMaxMessageBytes) co_return std::nullopt;
    const bool more = co_await fill(socket, buffer, buffer.size() + 1);
    if (!more) co_return std::nullopt;
    head_end = buffer.find(kHeadEnd);
  }
  Message message;
  message.head = buffer.substr(0, head_end + kHeadEnd.size());
  message.close = message.field("connection") == "close";
  std::size_t body = 0;
  if (const std::string_view length = message.field("content-length"); !length.empty()) {
    body = parse<std::size_t>(length).value_or(kMaxMessageBytes + 1);
  }
  if (body > kMaxMessageBytes || !message.field("transfer-encoding").empty()) co_return std::nullopt;
  const std::size_t size = message.head.size() + body;
  const bool whole = co_await fill(socket, buffer, size);
  if (!whole) co_return std::nullopt;
  buffer.erase(0, size);
  co_return message;
}

}  // namespace weir::examples
