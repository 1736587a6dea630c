// Confined to one thread. What a version has been like lately: STATISTICS.md 4.2 and 4.4. A rollout starts from its
// baseline's memory, so that the expected rate is right from the first candidate request.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <utility>

#include "analysis/window/tick.h"
#include "base/histogram.h"
#include "base/ids.h"

namespace weir::analysis {

using Seconds = std::chrono::duration<double>;

// Bad events and observations, both fading: half-life the longer of 300 s and 5,000 observations.
struct DecayedRate {
  double x = 0;
  double n = 0;

  void add(const MetricCount& tick, Seconds dt) { add(static_cast<double>(tick.n), static_cast<double>(tick.x), dt); }
  // Of a mean: the number of values, and their sum.
  void add(double tick_n, double tick_x, Seconds dt);
};

// The distribution of a time, fading: half-life the longer of 10 min and `half_life_observations`.
struct DecayedHistogram {
  std::array<double, kHistogramBuckets> counts{};  // of `unit` observations each: what fades is the unit
  double unit = 1;
  double total = 0;  // observations

  // Fades once for the tick's `dt` and its total of observations; then add() what came.
  void fade(Seconds dt, std::uint64_t observations, double half_life_observations);
  void add(const HistogramDelta& delta);
};

struct BaselineMemory {
  std::array<DecayedRate, kBinaryMetricCount> rates{};
  std::array<DecayedRate, kAnswerMetricCount> answers{};
  std::array<DecayedRate, kAmountCount> amounts{};  // x is their sum
  // Of those that have been seen; half-life of a p99's: 10 min or 10,000 observations.
  std::map<TimeMetric, DecayedHistogram> times;

  // Empty when it was never seen.
  const DecayedHistogram& time(TimeMetric which) const;
};

// The memory of every (service, version) that has had traffic.
class BaselineMemories {
 public:
  // Judged and other records alike; those whose version was chosen for them never reach a Tick.
  void update(const Tick& tick, Seconds dt);
  // Empty for a version never seen.
  BaselineMemory of(ServiceId service, VersionId version) const;
  // A service that is gone.
  void forget(ServiceId service);

 private:
  std::map<std::pair<ServiceId, VersionId>, BaselineMemory> memories_;
};

}  // namespace weir::analysis
