// Pure functions. Percent-encoding (RFC 3986 2.1).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace weir {

// -1: no hexadecimal digit.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

inline constexpr std::size_t kEscapeSize = 3;  // "%41"

// What the escape stands for that `text` begins with; nothing where it begins with none.
constexpr std::optional<char> escaped_octet(std::string_view text) {
  if (text.size() < kEscapeSize || text[0] != '%') return std::nullopt;
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

}  // namespace weir
