// Pure functions. Classes of bytes in HTTP/1 heads (RFC 9110 5.6, RFC 9112), and the searches that the scanners spend
// their time in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::http {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

inline constexpr auto kTokenBytes = [] {
  std::array<bool, 256> table{};
  for (char c = 0x20; c < 0x7f; ++c) table[static_cast<std::uint8_t>(c)] = is_digit(c) || is_alpha(c);
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<std::uint8_t>(c)] = true;
  return table;
}();
constexpr bool is_token(char c) { return kTokenBytes[static_cast<std::uint8_t>(c)]; }

// The first byte at or behind `from` that is no token character; the size when there is none.
inline std::size_t find_not_token(std::string_view bytes, std::size_t from) {
#ifdef __SSE2__
  // Letters, digits and '-', of which nearly all names consist, sixteen at a time. Signed: bytes from 0x80 on are less.
  while (bytes.size() - from >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + from));
    const __m128i lower = _mm_or_si128(block, _mm_set1_epi8(0x20));
    const __m128i letter =
        _mm_and_si128(_mm_cmpgt_epi8(lower, _mm_set1_epi8('a' - 1)), _mm_cmplt_epi8(lower, _mm_set1_epi8('z' + 1)));
    const __m128i digit =
        _mm_and_si128(_mm_cmpgt_epi8(block, _mm_set1_epi8('0' - 1)), _mm_cmplt_epi8(block, _mm_set1_epi8('9' + 1)));
    const __m128i usual = _mm_or_si128(_mm_or_si128(letter, digit), _mm_cmpeq_epi8(block, _mm_set1_epi8('-')));
    const unsigned unusual = static_cast<unsigned>(_mm_movemask_epi8(usual)) ^ 0xffffU;
    from += unusual == 0 ? 16U : static_cast<unsigned>(__builtin_ctz(unusual));
    if (unusual == 0) continue;
    if (!is_token(bytes[from])) return from;
    ++from;
  }
#endif
  while (from < bytes.size() && is_token(bytes[from])) ++from;
  return from;
}

// The first control character other than HTAB (DEL is one); the size when there is none.
inline std::size_t find_control(std::string_view bytes, std::size_t from) {
#ifdef __SSE2__
  const __m128i last_control = _mm_set1_epi8(0x1f);
  const __m128i del = _mm_set1_epi8(0x7f);
  const __m128i tab = _mm_set1_epi8('\t');
  while (bytes.size() - from >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + from));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
    const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(block, tab), control), _mm_cmpeq_epi8(block, del));
    const int mask = _mm_movemask_epi8(bad);
    if (mask != 0) return from + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
    from += 16;
  }
#endif
  for (; from < bytes.size(); ++from) {
    const auto c = static_cast<std::uint8_t>(bytes[from]);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return from;
  }
  return from;
}

// The first byte that cannot stand in a request target: up to 0x20, '#', DEL, or above.
inline std::size_t find_not_target(std::string_view bytes, std::size_t from) {
#ifdef __SSE2__
  while (bytes.size() - from >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + from));
    const __m128i below = _mm_cmplt_epi8(block, _mm_set1_epi8(0x21));  // signed: those from 0x80 on too
    const __m128i other =
        _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('#')), _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f)));
    const int mask = _mm_movemask_epi8(_mm_or_si128(below, other));
    if (mask != 0) return from + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
    from += 16;
  }
#endif
  for (; from < bytes.size(); ++from) {
    const auto c = static_cast<std::uint8_t>(bytes[from]);
    if (c <= 0x20 || c >= 0x7f || c == '#') return from;
  }
  return from;
}

}  // namespace weir::http
