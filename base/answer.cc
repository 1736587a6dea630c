#include "base/answer.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace weir {

ModelName::ModelName(std::string_view name) {
  if (!name.empty() && (name.size() > kMost || !is_visible(name))) name = kOther;
  std::copy(name.begin(), name.end(), text_.begin());
  size_ = static_cast<std::uint8_t>(name.size());
}

std::uint16_t bad_metrics(const Answer& answer) {
  if (answer.outcome != OutcomeClass::kOk) return 0;
  const unsigned bits = (answer.empty ? 1U << kEmptyOutputMetric : 0) |
                        (answer.invalid ? 1U << kInvalidOutputMetric : 0) | 1U << finish_metric(answer.finish);
  return static_cast<std::uint16_t>(bits);
}

namespace {

// N and D of a ratio, N alone of an amount; what an answer did not say is not known.
struct Parts {
  bool known;
  std::uint64_t numerator;
  std::uint64_t denominator;
};
Parts parts_of(const Answer& answer, ValueMetric metric) {
  switch (metric) {
    case ValueMetric::kTokens:
      return {answer.counted, answer.tokens_out, 0};
    case ValueMetric::kTokenTime:
      return {answer.counted, answer.duration_us, answer.tokens_out};
    case ValueMetric::kTokenCost:
      return {answer.priced, answer.cost_micros, std::uint64_t{answer.tokens_in} + answer.tokens_out};
    case ValueMetric::kCost:
      break;
  }
  return {answer.priced, answer.cost_micros, 0};
}

void judge_ratio(Answer& answer, const ValueScale& scale, const Parts& parts, std::uint16_t& value) {
  if (scale.ratio <= 0) return;
  const double difference = static_cast<double>(parts.numerator) - scale.ratio * static_cast<double>(parts.denominator);
  const double distance = std::min(std::abs(difference), static_cast<double>(kNoDistance - 1));
  answer.distances[ratio_index(scale.of)] = static_cast<std::uint32_t>(std::llround(distance));
  if (scale.cap == 0) return;
  const double y = std::clamp(0.5 + difference / (2 * static_cast<double>(scale.cap)), 0.0, 1.0);
  value = static_cast<std::uint16_t>(std::llround(y * kWholeValue));
}

}  // namespace

void judge_values(Answer& answer, const RolloutTraffic& traffic) {
  if (answer.outcome != OutcomeClass::kOk) return;
  for (std::size_t k = 0; k < answer.values.size(); ++k) {
    const ValueScale& scale = traffic.scales[k];
    if (scale.cap == 0 && scale.ratio <= 0) continue;
    const Parts parts = parts_of(answer, scale.of);
    if (!parts.known) continue;
    if (is_ratio(scale.of)) {
      judge_ratio(answer, scale, parts, answer.values[k]);
    } else {
      const std::uint64_t amount = std::min(parts.numerator, scale.cap);
      answer.values[k] = static_cast<std::uint16_t>((amount * kWholeValue + scale.cap / 2) / scale.cap);
    }
  }
}

}  // namespace weir
