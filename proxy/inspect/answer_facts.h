// Immutable values. What the bytes of a model server's answer tell of it, as far as they have come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/answer.h"

namespace weir::proxy {

// Of a word of any dialect; kOther for one that is not known.
FinishReason finish_reason(std::string_view word);

enum class Ending : std::uint8_t {
  kOpen,       // more is to come
  kOk,         // ended as its dialect says
  kTruncated,  // ended without that
  kError,      // said of itself that it failed
  kCapacity,   // said so, and that it had no room
};

struct AnswerFacts {
  bool known = false;  // its bytes are in a dialect: all below means something
  bool streamed = false;
  bool begun = false;  // of a stream: its first event has come, whatever it says
  Ending ending = Ending::kOpen;
  bool of_request = false;  // kError: it is the request that is said to be wrong
  FinishReason finish = FinishReason::kNone;
  bool empty = false;    // it ended well, and there was nothing for its reader but white space
  bool invalid = false;  // JSON that was asked for, or a tool call's, does not parse

  // Of events with output (text, reasoning, tool calls, media, none of them empty), by the clock of the observer; a
  // whole answer's output comes with its last byte.
  std::uint32_t outputs = 0;
  std::uint64_t first_output_us = 0;
  std::uint64_t last_output_us = 0;

  std::uint64_t id = 0;  // join_key() of what the answer calls itself; 0: nothing, or what is too long for a name

  // What the last whole usage said; none: it said nothing.
  std::optional<std::uint64_t> tokens_in;   // those from a cache included
  std::optional<std::uint64_t> tokens_out;  // those of reasoning included
  std::uint64_t tokens_cached = 0;
  std::uint64_t tokens_reasoning = 0;

  // What the answer calls its model; cut.
  std::size_t model_size = 0;
  std::array<char, 64> model_space{};

  std::string_view model() const { return {model_space.data(), model_size}; }
  bool failed() const { return ending == Ending::kError || ending == Ending::kCapacity; }
  // Between events with output, on average; 0: there were less than two.
  std::uint64_t mean_gap_us() const { return outputs < 2 ? 0 : (last_output_us - first_output_us) / (outputs - 1); }
};

}  // namespace weir::proxy
