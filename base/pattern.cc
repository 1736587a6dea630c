#include "base/pattern.h"

#include <re2/re2.h>

#include <utility>

namespace weir {

std::optional<Pattern> Pattern::compile(std::string_view text, std::string& why) {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_max_mem(kMaxMemory);
  options.set_never_capture(true);
  auto compiled = std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!compiled->ok()) {
    why = compiled->error();
    return std::nullopt;
  }
  if (compiled->ProgramSize() > kMaxProgram) {
    why = "it is larger than " + std::to_string(kMaxProgram) + " instructions";
    return std::nullopt;
  }
  return Pattern(std::move(compiled));
}

bool Pattern::matches(std::string_view value) const {
  // Without a place for captures RE2 runs its automaton alone.
  return compiled_->Match(re2::StringPiece(value.data(), value.size()), 0, value.size(), re2::RE2::ANCHOR_BOTH, nullptr,
                          0);
}

const std::string& Pattern::text() const { return compiled_->pattern(); }

}  // namespace weir
