// Confined to one thread. What happened in one tick, as integers: STATISTICS.md 4.1. Everything here only ever adds,
// so that workers, and later replicas, merge in any order to the same sums.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/window/answer_counts.h"
#include "analysis/window/cluster_deltas.h"
#include "base/comparison.h"
#include "base/histogram.h"
#include "base/ids.h"
#include "base/outcome.h"
#include "base/traffic_plan.h"

namespace weir::analysis {

// Metrics of one rollout, in the order of every table here: what outcomes tell, by class and by slots of times; what
// answers tell; capped amounts by their slots; scores by theirs. A slot of times is the bit of Outcome::over and the
// index of RolloutTraffic::thresholds; the judge hands slots to guards.
inline constexpr std::size_t kOutcomeMetricCount = kBinaryMetricCount + kMaxLatencyMetrics;
inline constexpr std::size_t kRateMetricCount = kOutcomeMetricCount + kAnswerMetricCount;
inline constexpr std::size_t kMetricCount = kRateMetricCount + kValueSlots + kScoreSlots;

constexpr std::size_t metric_index(BinaryMetric metric) { return static_cast<std::size_t>(metric); }
constexpr std::size_t latency_metric_index(std::size_t slot) { return kBinaryMetricCount + slot; }
constexpr std::size_t answer_metric_index(int metric) { return kOutcomeMetricCount + static_cast<std::size_t>(metric); }
constexpr std::size_t value_metric_index(std::size_t slot) { return kRateMetricCount + slot; }
constexpr std::size_t score_metric_index(std::size_t slot) { return kRateMetricCount + kValueSlots + slot; }

using MetricCounts = std::array<MetricCount, kOutcomeMetricCount>;
using RateCounts = std::array<MetricCount, kRateMetricCount>;

struct ClusterCounts {
  std::uint8_t cluster = 0;
  std::uint64_t requests = 0;
  MetricCounts metrics{};
};
using ClusterDeltas = TouchedClusters<ClusterCounts>;

// Histogram buckets that a tick touched, in the order of the first touch. Without memory until the first one.
class HistogramDelta {
 public:
  void add(std::size_t bucket, std::uint64_t count = 1) {
    if (counts_.empty()) counts_.resize(kHistogramBuckets);
    if (counts_[bucket] == 0) touched_.push_back(static_cast<std::uint16_t>(bucket));
    counts_[bucket] += count;
    total_ += count;
  }
  std::span<const std::uint16_t> touched() const { return touched_; }
  // Of one that was touched.
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket]; }
  std::uint64_t total() const { return total_; }
  void clear();

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::vector<std::uint16_t> touched_;
};

// What the times of a tick's requests were: of those that ended well, and of the latency and the time to the head also
// of those that passed a threshold.
class TimeDeltas {
 public:
  HistogramDelta& operator[](TimeMetric time) { return times_[static_cast<std::size_t>(time)]; }
  const HistogramDelta& operator[](TimeMetric time) const { return times_[static_cast<std::size_t>(time)]; }
  void clear();

 private:
  std::array<HistogramDelta, kTimeMetricCount> times_;
};

// A record's user, and how long ago its request was assigned.
struct UserSeen {
  std::uint32_t hash = 0;    // Outcome::user_hash
  std::uint32_t age_ms = 0;  // saturating
};

// One arm of one step: judged records only, but for `kept`.
struct ArmCounts {
  VersionId version = kNoId;
  std::uint64_t requests = 0;  // judged requests that ended; what minRequests counts
  // What users met, for budgets: requests that ended, but for a client's abort and what a rescue answered in the
  // candidate's place. Bad: failed, of whichever of errorRate and capacityRate.
  MetricCount met;
  // The same of the candidate's that no split has assigned: kept sessions, and who names what it has made. No evidence.
  MetricCount kept;
  std::int64_t overdue_change =
      0;                   // unfinished requests older than overdue_us: those that became so, less those that ended
  MetricCounts metrics{};  // equal to the sums over `clusters`
  ClusterDeltas clusters;
  AnswerCounts answers;
  TimeDeltas times;
  std::vector<UserSeen> users;  // of every record, in any order; the same user as often as it comes

  // Of one of the first kRateMetricCount metrics.
  const MetricCount& rate(std::size_t metric) const {
    return metric < kOutcomeMetricCount ? metrics[metric] : answers.metrics[metric - kOutcomeMetricCount];
  }
  // Of any metric; of a rate s1 and s2 are the bad ones.
  ValueSums sums(std::size_t metric) const {
    if (metric >= kRateMetricCount) return answers.values[metric - kRateMetricCount];
    const MetricCount& count = rate(metric);
    return {count.n, count.x, count.x};
  }
  void clear();
};

struct StepCounts {
  Epoch epoch = 0;  // whose step id it is
  StepId step = 0;  // never 0
  std::array<ArmCounts, kArmCount> arms;
  std::vector<FailedRequest> failed;  // a sample of the candidate's

  const ArmCounts& of(Arm arm) const { return arms[static_cast<std::size_t>(arm)]; }
  ArmCounts& of(Arm arm) { return arms[static_cast<std::size_t>(arm)]; }
  void clear();
};

// One version's records outside any judged step: before a rollout, after it, assigned under step id 0, or with judging
// off. They feed the memory of what this version is like, and are never evidence.
struct OutsideCounts {
  VersionId version = kNoId;
  std::uint64_t requests = 0;
  std::array<MetricCount, kBinaryMetricCount> metrics{};
  AnswerMetrics answers{};
  AmountTotals totals{};
  TimeDeltas times;

  void clear();
};

// One service's tick. Pointers are valid until the Tick that they came from is cleared.
struct ServiceCounts {
  ServiceId service = kNoId;
  std::vector<StepCounts*> steps;       // in the order of first appearance; the judge sorts
  std::vector<OutsideCounts*> outside;  // at most one a version
  std::uint64_t malformed = 0;          // records that cannot be: dropped, and a reason to hold
  std::vector<Comparison> compared;     // of copies, as they came: no evidence

  // Null when the version had no record outside a judged step.
  const OutsideCounts* outside_of(VersionId version) const;
};

}  // namespace weir::analysis
