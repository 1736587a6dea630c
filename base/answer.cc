#include "base/answer.h"

#include <algorithm>

#include "base/text.h"

namespace weir {

ModelName::ModelName(std::string_view name) {
  if (!name.empty() && (name.size() > kMost || !is_visible(name))) name = kOther;
  std::copy(name.begin(), name.end(), text_.begin());
  size_ = static_cast<std::uint8_t>(name.size());
}

std::array<std::uint16_t, kMaxValueMetrics> judged_values(const Answer& answer, const RolloutTraffic& traffic) {
  std::array<std::uint16_t, kMaxValueMetrics> values;
  values.fill(kNoValue);
  if (answer.outcome != OutcomeClass::kOk) return values;
  for (std::size_t k = 0; k < values.size(); ++k) {
    const auto& [of, cap] = traffic.caps[k];
    const bool cost = of == ValueMetric::kCost;
    if (cap == 0 || !(cost ? answer.priced : answer.counted)) continue;
    const std::uint64_t amount = std::min<std::uint64_t>(cost ? answer.cost_micros : answer.tokens_out, cap);
    values[k] = static_cast<std::uint16_t>((amount * kWholeValue + cap / 2) / cap);
  }
  return values;
}

}  // namespace weir
