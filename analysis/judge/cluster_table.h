// Confined to one thread. Which of an arm's clusters of users met how many bad events, or what values, since the
// rollout began: STATISTICS.md 4.7. A tick pays for the clusters that it touches, and memory is for the metrics that
// were ever seen.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <vector>

#include "analysis/stats/design_effect.h"
#include "analysis/window/tick_counts.h"

namespace weir::analysis {

class ClusterTable {
 public:
  // Metrics whose bit is not in `valid` are left out.
  void add(const ArmCounts& tick, const std::bitset<kMetricCount>& valid);
  // Forgets one metric, whose slot gets another meaning.
  void forget(std::size_t metric);

  // Of a metric of values, x is the sum of its values.
  ClusterCount of(std::size_t metric, std::size_t cluster) const;
  const ClusterSums& sums(std::size_t metric) const { return sums_[metric]; }
  // Of a rate, s1 and s2 are the bad ones.
  ValueSums total(std::size_t metric) const { return {sums_[metric].n, sums_[metric].x, squares_[metric]}; }
  // Clusters with a request that ended or passed a threshold.
  std::uint32_t seen() const { return seen_count_; }
  // Clusters with a bad event of the metric.
  std::uint32_t hit(std::size_t metric) const { return hit_[metric]; }

  // The cluster with the most bad events of the metric; the first of equals.
  struct Cluster {
    std::size_t number = 0;
    MetricCount count;
  };
  Cluster worst(std::size_t metric) const;
  // Of a metric of values: the one that raises their mean most; the first of equals. None while nothing was seen.
  Cluster worst_of_values(std::size_t metric) const;

  // For restoring, of an empty table. `squares` of a rate are its x.
  void count(std::size_t metric, std::size_t cluster, const ClusterCount& more) {
    if (lane_[metric] == 0) add_lane(metric);
    ClusterCount& known = cells_[cluster * lanes_ + lane_[metric] - 1];
    sums_[metric].add(known, more);
    if (known.x == 0 && more.x > 0) ++hit_[metric];
    known.n += more.n;
    known.x += more.x;
  }
  std::uint64_t& squares(std::size_t metric) { return squares_[metric]; }
  bool was_seen(std::size_t cluster) const { return seen_[cluster]; }
  void see(std::size_t cluster) {
    if (seen_[cluster]) return;
    seen_.set(cluster);
    ++seen_count_;
  }

 private:
  void add_lane(std::size_t metric);

  // By cluster, and within it by lane: what a request adds to lies side by side.
  std::vector<ClusterCount> cells_;
  std::size_t lanes_ = 0;
  std::array<std::uint8_t, kMetricCount> lane_{};  // 1 + the metric's lane; 0: never seen
  std::array<ClusterSums, kMetricCount> sums_{};
  std::array<std::uint64_t, kMetricCount> squares_{};
  std::array<std::uint32_t, kMetricCount> hit_{};
  std::bitset<kClusterCount> seen_;
  std::uint32_t seen_count_ = 0;
};

}  // namespace weir::analysis
