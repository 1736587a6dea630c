// Immutable values. In whose words a route's answers are read.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::config {

enum class Inspect : std::uint8_t {
  kOff,
  kAuto,       // whichever of these it turns out to be
  kOpenAi,     // chat, completions, responses, embeddings
  kAnthropic,  // messages
  kOllama,
  kTgi,
  kOip,  // the open inference protocol, with Triton's generate; TensorFlow Serving
};
// As a plan writes them, in their order.
inline constexpr std::array<std::string_view, 7> kInspectWords = {"off",    "auto", "openai", "anthropic",
                                                                  "ollama", "tgi",  "oip"};

// Whether an origin is asked to say an answer's tokens where the client has not asked for that.
enum class IncludeUsage : std::uint8_t {
  kAuto,  // where the plan has a use for them: prices, a guard of tokens or cost
  kAlways,
  kLeave,
};
inline constexpr std::array<std::string_view, 3> kIncludeUsageWords = {"auto", "always", "never"};

// When the head of a stream goes to the client.
enum class StreamHead : std::uint8_t {
  kAtOnce,
  kFirstEvent,  // with it: an error that comes first is told by a status
};
inline constexpr std::array<std::string_view, 2> kStreamHeadWords = {"atOnce", "firstEvent"};

}  // namespace weir::config
