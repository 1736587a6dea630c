#include "analysis/judge/cluster_table.h"

#include <algorithm>
#include <utility>

namespace weir::analysis {

void ClusterTable::add(const ArmCounts& tick, const std::bitset<kMetricCount>& valid) {
  const auto add_rates = [&](std::size_t first, std::size_t cluster, std::span<const MetricCount> counts) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const MetricCount& of = counts[i];
      if (of.n == 0 || !valid[first + i]) continue;
      count(first + i, cluster, {of.n, of.x});
      squares_[first + i] += of.x;
      see(cluster);
    }
  };
  for (const ClusterCounts& at : tick.clusters.touched()) {
    if (at.requests > 0) see(at.cluster);
    add_rates(0, at.cluster, at.metrics);
  }
  for (const AnswerClusterCounts& at : tick.answers.clusters.touched()) {
    add_rates(kOutcomeMetricCount, at.cluster, at.metrics);
    for (std::size_t i = 0; i < at.values.size(); ++i) {
      const ValueSums& of = at.values[i];
      if (of.n == 0 || !valid[kRateMetricCount + i]) continue;
      count(kRateMetricCount + i, at.cluster, {of.n, of.s1});
      squares_[kRateMetricCount + i] += of.s2;
      see(at.cluster);
    }
  }
}

void ClusterTable::add_lane(std::size_t metric) {
  std::vector<ClusterCount> wider(kClusterCount * (lanes_ + 1));
  for (std::size_t g = 0; g < kClusterCount && lanes_ > 0; ++g) {
    std::copy_n(&cells_[g * lanes_], lanes_, &wider[g * (lanes_ + 1)]);
  }
  cells_ = std::move(wider);
  lane_[metric] = static_cast<std::uint8_t>(++lanes_);
}

void ClusterTable::forget(std::size_t metric) {
  for (std::size_t g = 0; g < kClusterCount && lane_[metric] > 0; ++g) cells_[g * lanes_ + lane_[metric] - 1] = {};
  sums_[metric] = {};
  squares_[metric] = 0;
  hit_[metric] = 0;
}

ClusterCount ClusterTable::of(std::size_t metric, std::size_t cluster) const {
  return lane_[metric] == 0 ? ClusterCount() : cells_[cluster * lanes_ + lane_[metric] - 1];
}

ClusterTable::Cluster ClusterTable::worst(std::size_t metric) const {
  Cluster worst{.number = 0, .count = {of(metric, 0).n, of(metric, 0).x}};
  for (std::size_t g = 1; g < kClusterCount; ++g) {
    const ClusterCount cluster = of(metric, g);
    if (cluster.x > worst.count.x) worst = {.number = g, .count = {cluster.n, cluster.x}};
  }
  return worst;
}

ClusterTable::Cluster ClusterTable::worst_of_values(std::size_t metric) const {
  Cluster worst;
  if (sums_[metric].n == 0) return worst;
  const double mean = static_cast<double>(sums_[metric].x) / static_cast<double>(sums_[metric].n);
  double most = 0;
  for (std::size_t g = 0; g < kClusterCount; ++g) {
    const ClusterCount cluster = of(metric, g);
    const double excess = static_cast<double>(cluster.x) - mean * static_cast<double>(cluster.n);
    if (cluster.n == 0 || (worst.count.n > 0 && excess <= most)) continue;
    most = excess;
    worst = {.number = g, .count = {cluster.n, cluster.x}};
  }
  return worst;
}

}  // namespace weir::analysis
