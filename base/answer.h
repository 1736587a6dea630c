// Immutable. What a model server's answer really was, as far as its bytes told: the record that the data plane leaves
// beside the Outcome of a request whose answer it looked into. What an Outcome says is not said again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/finish_reason.h"
#include "base/ids.h"
#include "base/outcome.h"
#include "base/traffic_plan.h"

namespace weir {

// The binary guards that an answer tells: empty output, invalid output, and one for each finish reason.
inline constexpr int kEmptyOutputMetric = 0;
inline constexpr int kInvalidOutputMetric = 1;
constexpr int finish_metric(FinishReason reason) { return 2 + static_cast<int>(reason); }
inline constexpr int kAnswerMetricCount = 2 + kFinishReasonCount;

// An amount as it is judged: ten-thousandths of its cap (STATISTICS.md 4.1, v). Of a ratio, half of them is the
// baseline's.
inline constexpr std::uint16_t kWholeValue = 10'000;
inline constexpr std::uint16_t kNoValue = 0xffff;
inline constexpr std::uint32_t kNoDistance = 0xffff'ffff;

// A model's name, short and plain enough to be a label; of any other it says that it is one.
class ModelName {
 public:
  static constexpr std::size_t kMost = 63;
  static constexpr std::string_view kOther = "other";

  ModelName() = default;
  explicit ModelName(std::string_view name);

  std::string_view view() const { return {text_.data(), size_}; }
  bool empty() const { return size_ == 0; }

 private:
  std::array<char, kMost> text_{};
  std::uint8_t size_ = 0;
};

// Made once its request has ended. Written by one worker, read by the control thread through that worker's ring.
struct Answer {
  // Whose it is, as in the Outcome.
  ServiceId service = kNoId;
  VersionId version = kNoId;
  StepId step = 0;
  Epoch epoch = 0;
  RouteId route = kNoId;

  std::uint32_t duration_us = 0;        // the judged latency; saturating
  std::uint32_t time_to_output_us = 0;  // to the first event that carries output; saturating; 0: there was none
  std::uint32_t mean_gap_us = 0;        // between events with output; saturating; 0: fewer than two
  std::uint32_t tokens_in = 0;          // those of the cache included
  std::uint32_t tokens_out = 0;         // those of reasoning included
  std::uint32_t tokens_cached = 0;

  Arm arm = Arm::kBaseline;
  std::uint8_t cluster = 0;
  OutcomeClass outcome = OutcomeClass::kOk;
  FinishReason finish = FinishReason::kNone;
  bool known : 1 = true;  // false: a request that failed before there was an answer; only what stands above is known
  bool judged : 1 = false;
  bool chosen : 1 = false;   // its version, by another than the split: never evidence
  bool counted : 1 = false;  // the answer said its tokens
  bool priced : 1 = false;   // cost_micros is known
  bool empty : 1 = false;    // no output, or nothing but white space
  bool invalid : 1 = false;  // JSON that was asked for, or a tool call's, that does not parse
  bool streamed : 1 = false;

  std::uint64_t cost_micros = 0;  // millionths of the plan's currency
  ModelName asked;  // the model that the request asked for, if it was read
  // By the scales in force when the request was assigned: judge_values().
  std::array<std::uint16_t, kMaxValueMetrics> values{kNoValue, kNoValue, kNoValue, kNoValue,
                                                     kNoValue, kNoValue, kNoValue, kNoValue};
  std::array<std::uint32_t, kRatioCount> distances{kNoDistance, kNoDistance};
};
static_assert(sizeof(Answer) == 152);

// Bit k: it is a bad one by the k-th binary guard. What was cut short says nothing of what it would have been.
std::uint16_t bad_metrics(const Answer& answer);

// Sets the answer's values, as they are judged by `traffic`, which it was assigned by, and how far its ratios are from
// the baseline's: |N - ratio D|, saturating. Only an answer that ended well and says the amount has one: half an answer
// is a small one.
void judge_values(Answer& answer, const RolloutTraffic& traffic);

}  // namespace weir
