// Immutable, and thread-safe. Regular expressions in RE2's syntax: the time to match is linear in the text, whatever
// the expression is. Bytes are matched, not characters, so that no text fails for not being UTF-8. Threads that match
// by one expression at the same time share a reader's lock inside RE2.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace re2 {
class RE2;
}

namespace weir {

class Pattern {
 public:
  // Instructions of a compiled expression: "x{1000}" and its like are refused.
  static constexpr int kMaxProgram = 1'000;
  // What one expression may take for its automaton, which grows as it meets new texts. Beyond it the automaton is begun
  // anew: slower, never larger.
  static constexpr std::size_t kMaxMemory = 512 * 1024;

  // Nothing for what is no expression, or too large a one; `why` then says it.
  static std::optional<Pattern> compile(std::string_view text, std::string& why);

  // Whether all of `value` is what the expression describes. Allocates nothing once the automaton has met its like.
  bool matches(std::string_view value) const;
  const std::string& text() const;

  bool operator==(const Pattern& other) const { return text() == other.text(); }

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace weir
