// Confined to one thread. A number for the value of a JSON text that comes in pieces: the same one for texts that differ
// in white space, in the order of members, in escapes and in how a number is written. Nothing of the text is kept. Once
// warm it allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace weir::json {

class Fingerprint {
 public:
  // Arrays and objects within each other.
  static constexpr std::size_t kMaxDepth = 128;

  Fingerprint();
  ~Fingerprint();
  Fingerprint(const Fingerprint&) = delete;
  Fingerprint& operator=(const Fingerprint&) = delete;

  // Another text.
  void begin();
  void feed(std::string_view piece);
  // The text is over. Nothing: it is not one whole JSON value (RFC 8259), or deeper than kMaxDepth.
  std::optional<std::uint64_t> end();
  // Whether it is JSON is not known, for it goes deeper.
  bool too_deep() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::json
