#include "base/finish_reason.h"

#include <array>
#include <cstddef>

namespace weir {

std::string_view to_string(FinishReason reason) {
  constexpr std::array<std::string_view, kFinishReasonCount> kNames = {
      "none", "stop", "length", "tool_calls", "content_filter", "error", "other"};
  return kNames[static_cast<std::size_t>(reason)];
}

}  // namespace weir
