// Pure functions. Percent-encoding (RFC 3986 2.1).
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "base/hex.h"

namespace weir {

inline constexpr std::size_t kEscapeSize = 3;  // "%41"

// What the escape stands for that `text` begins with; nothing where it begins with none.
constexpr std::optional<char> escaped_octet(std::string_view text) {
  return text.starts_with('%') ? octet_of(text.substr(1)) : std::nullopt;
}

// The escape that stands for it, in its normal form (RFC 3986 6.2.2.1).
constexpr std::array<char, kEscapeSize> escape_of(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return {'%', kUpperHexDigits[octet >> 4], kUpperHexDigits[octet & 15]};
}

}  // namespace weir
