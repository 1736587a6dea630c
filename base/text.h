// Pure functions. Texts that people write and programs compare: ASCII letters without their case, UTF-8, what was
// likely meant by a word that nobody knows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir {

// Of ASCII letters; all else stays.
constexpr char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower_case(std::string_view text);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// Neither a space nor a control character, and within ASCII.
constexpr bool is_visible(char c) { return c > ' ' && c <= '~'; }
// Not empty, and all of it: what a header can carry, and no eye misreads.
bool is_visible(std::string_view text);

// Takes as long for a guess that is wrong in its first byte as for one wrong in its last. An empty secret is nobody's.
bool equal_in_constant_time(std::string_view secret, std::string_view guess);

// The last line break taken off: what an editor leaves at the end of a file.
std::string_view without_line_break(std::string_view text);

// Of `words` the one that a slip of the keyboard turns into `word`; empty when none is near.
std::string_view nearest_word(const std::vector<std::string_view>& words, std::string_view word);

}  // namespace weir
