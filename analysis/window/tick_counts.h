// Confined to one thread. What happened in one tick, as integers: STATISTICS.md 4.1. Everything here only ever adds,
// so that workers, and later replicas, merge in any order to the same sums.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/histogram.h"
#include "base/ids.h"
#include "base/outcome.h"
#include "base/traffic_plan.h"

namespace weir::analysis {

// Metrics of one rollout, in the order of every table here: the binary ones, then its latency slots. A latency slot is
// the bit of Outcome::over and the index of RolloutTraffic::thresholds; the judge hands slots to guards.
inline constexpr std::size_t kMetricCount = kBinaryMetricCount + kMaxLatencyMetrics;
inline constexpr std::size_t kClusterCount = 256;  // G of STATISTICS.md 4.0

constexpr std::size_t metric_index(BinaryMetric metric) { return static_cast<std::size_t>(metric); }
constexpr std::size_t latency_metric_index(std::size_t slot) { return kBinaryMetricCount + slot; }

struct MetricCount {
  std::uint64_t n = 0;  // observations
  std::uint64_t x = 0;  // of them bad; x <= n
};
using MetricCounts = std::array<MetricCount, kMetricCount>;

struct ClusterCounts {
  std::uint8_t cluster = 0;
  std::uint64_t requests = 0;
  MetricCounts metrics{};
};

// The clusters that a tick touched; an arm's few requests do not pay for all 256.
class ClusterDeltas {
 public:
  ClusterCounts& of(std::uint8_t cluster) {
    std::uint16_t& place = place_[cluster];
    if (place == 0) {
      touched_.push_back({.cluster = cluster, .requests = 0, .metrics = {}});
      place = static_cast<std::uint16_t>(touched_.size());
    }
    return touched_[place - 1U];
  }
  std::span<const ClusterCounts> touched() const { return touched_; }
  void clear();

 private:
  std::array<std::uint16_t, kClusterCount> place_{};  // 1 + index in touched_; 0: not touched
  std::vector<ClusterCounts> touched_;
};

// Histogram buckets that a tick touched, in the order of the first touch.
class HistogramDelta {
 public:
  void add(std::size_t bucket, std::uint64_t count = 1) {
    if (counts_[bucket] == 0) touched_.push_back(static_cast<std::uint16_t>(bucket));
    counts_[bucket] += count;
    total_ += count;
  }
  std::span<const std::uint16_t> touched() const { return touched_; }
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket]; }
  std::uint64_t total() const { return total_; }
  void clear();

 private:
  Histogram counts_{};
  std::uint64_t total_ = 0;
  std::vector<std::uint16_t> touched_;
};

// A record's user, and how long ago its request was assigned.
struct UserSeen {
  std::uint32_t hash = 0;    // Outcome::user_hash
  std::uint32_t age_ms = 0;  // saturating
};

// One arm of one step: judged records only.
struct ArmCounts {
  VersionId version = kNoId;
  std::uint64_t requests = 0;  // judged requests that ended; what minRequests counts
  std::int64_t overdue_change =
      0;                   // unfinished requests older than overdue_us: those that became so, less those that ended
  MetricCounts metrics{};  // equal to the sums over `clusters`
  ClusterDeltas clusters;
  HistogramDelta latency;       // ended ok, or passed a threshold
  std::vector<UserSeen> users;  // of every record, in any order; the same user as often as it comes

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
  HistogramDelta latency;

  void clear();
};

// One service's tick. Pointers are valid until the Tick that they came from is cleared.
struct ServiceCounts {
  ServiceId service = kNoId;
  std::vector<StepCounts*> steps;       // in the order of first appearance; the judge sorts
  std::vector<OutsideCounts*> outside;  // at most one a version
  std::uint64_t malformed = 0;          // records that cannot be: dropped, and a reason to hold

  // Null when the version had no record outside a judged step.
  const OutsideCounts* outside_of(VersionId version) const;
};

}  // namespace weir::analysis
