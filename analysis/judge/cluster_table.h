// Confined to one thread. Which of an arm's clusters of users met how many bad events since the rollout began:
// STATISTICS.md 4.7.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>

#include "analysis/stats/design_effect.h"
#include "analysis/window/tick_counts.h"

namespace weir::analysis {

class ClusterTable {
 public:
  // Metrics whose bit is not in `valid` are left out.
  void add(const ArmCounts& tick, const std::bitset<kMetricCount>& valid);
  // Forgets one metric, whose slot gets another meaning.
  void forget(std::size_t metric);

  std::span<const ClusterCount> of(std::size_t metric) const { return metrics_[metric]; }
  MetricCount total(std::size_t metric) const;
  // Clusters with a request that ended or passed a threshold.
  std::uint32_t seen() const { return static_cast<std::uint32_t>(seen_.count()); }
  // Clusters with a bad event of the metric.
  std::uint32_t hit(std::size_t metric) const;

  // The cluster with the most bad events of the metric; the first of equals.
  struct Cluster {
    std::size_t number = 0;
    MetricCount count;
  };
  Cluster worst(std::size_t metric) const;

  // For saving and restoring.
  using Column = std::array<ClusterCount, kClusterCount>;
  Column& column(std::size_t metric) { return metrics_[metric]; }
  std::bitset<kClusterCount>& seen_bits() { return seen_; }

 private:
  std::array<Column, kMetricCount> metrics_{};
  std::bitset<kClusterCount> seen_;
};

}  // namespace weir::analysis
