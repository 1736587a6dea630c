// Immutable values. Why a model ended.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

// In the words of the OpenAI API, into which other dialects' are translated ("max_tokens" is `length`). Values are
// stored in the state file: append only.
enum class FinishReason : std::uint8_t { kNone = 0, kStop, kLength, kToolCalls, kContentFilter, kError, kOther };
inline constexpr int kFinishReasonCount = 7;
std::string_view to_string(FinishReason reason);

}  // namespace weir
