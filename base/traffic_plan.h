// Immutable. What the control plane tells the data plane: one numbered snapshot, replaced whole.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace weir {

// The times of a request that guards are about (PRODUCT.md section 5), all from its judged clock. Values are stored in
// the state file: append only.
enum class TimeMetric : std::uint8_t { kLatency = 0, kTimeToHeaders, kTimeToFirstOutput, kChunkGap };
inline constexpr int kTimeMetricCount = 4;

// Guards of times that a rollout can have: one is a quantile of a time, and has a slot, which is its bit in an Outcome.
// A slot keeps its meaning for a threshold version.
inline constexpr int kMaxLatencyMetrics = 8;

// One quantile's thresholds, in microseconds. 0: not armed, nothing is judged by it yet.
struct LatencyThreshold {
  std::uint64_t baseline_us = 0;
  std::uint64_t candidate_us = 0;
};

// What a guard of amounts or of their ratios is about: tokens and cost of a request, and over all requests the time of
// an output token and the cost of a token, of which more is worse. Values are stored in the state file: append only.
enum class ValueMetric : std::uint8_t { kTokens = 0, kCost, kTokenTime, kTokenCost };
constexpr bool is_ratio(ValueMetric metric) { return metric >= ValueMetric::kTokenTime; }
inline constexpr int kRatioCount = 2;
constexpr std::size_t ratio_index(ValueMetric ratio) {
  return static_cast<std::size_t>(ratio) - static_cast<std::size_t>(ValueMetric::kTokenTime);
}

// Guards of amounts and ratios that a rollout can have, with room for those that an edit has just replaced.
inline constexpr int kMaxValueMetrics = 8;

// What makes a value of an amount (STATISTICS.md 4.0 and 4.5): tokens, microseconds or millionths of the currency.
struct ValueScale {
  ValueMetric of = ValueMetric::kTokens;
  // Up to which it counts; of a ratio N / D, up to which N - ratio D either way. 0: nothing is judged by it.
  std::uint64_t cap = 0;
  double ratio = 0;  // of a ratio: what the baseline's has been, for one token; 0: not known yet
};

struct RolloutTraffic {
  // rollout_identity() of the split that this is meant for: during a reload a request may see a plan that is older or
  // newer than its routes, and then stays on the baseline.
  std::uint64_t identity = 0;
  // Of this rollout, this time: a retry is another one, an edited salt is not. 0: there is no rollout.
  std::uint64_t attempt = 0;
  StepId step = 0;
  Epoch epoch = 0;  // whose step id it is
  // Share of new units that go to the candidate. A rollback is one plan in which this is 0.
  std::uint32_t weight_ppm = 0;
  // Share of the baseline's requests that are copied to the candidate.
  std::uint32_t mirror_ppm = 0;
  // The candidate is about to get traffic: time to open connections to it.
  bool opening = false;
  // Nothing, not even an override, may reach the candidate: the rollout is rolled back.
  bool candidate_closed = false;
  bool promoted = false;
  // This step's split is evidence. False before the start, after the end, and while judging is off.
  bool judged = false;
  // Its answers may be scored later: each request leaves what joins a score to it.
  bool scored = false;
  std::uint32_t threshold_version = 0;
  // Bit k: there is a guard on the answers' k-th binary metric, and who answers badly by it is named.
  std::uint16_t answer_metrics = 0;
  std::uint8_t latency_metrics = 0;
  std::array<TimeMetric, kMaxLatencyMetrics> times{};  // what each is a threshold of
  std::array<LatencyThreshold, kMaxLatencyMetrics> thresholds{};
  std::array<ValueScale, kMaxValueMetrics> scales{};
  // Age at which an unfinished request is reported as overdue: the highest armed threshold, else 60 s.
  std::uint64_t overdue_us = 60'000'000;
};

struct TrafficPlan {
  // Rises by one with each plan; apply() ignores a lower one.
  std::uint64_t number = 0;
  // By ServiceId. A service beyond the end, or without a rollout, has the default entry.
  std::vector<RolloutTraffic> rollouts;

  const RolloutTraffic& of(ServiceId service) const {
    static const RolloutTraffic kNone;
    return service < rollouts.size() ? rollouts[service] : kNone;
  }
};

}  // namespace weir
