#include "analysis/judge/cluster_table.h"

#include <algorithm>
#include <utility>

namespace weir::analysis {

void ClusterTable::add(const ArmCounts& tick, const std::bitset<kMetricCount>& valid) {
  const auto add = [&](std::size_t metric, std::uint8_t cluster, const ValueSums& sums) {
    if (sums.n == 0 || !valid[metric]) return;
    count(metric, cluster, {sums.n, sums.s1});
    squares_[metric] += sums.s2;
    seen_.set(cluster);
  };
  const auto add_rate = [&](std::size_t metric, std::uint8_t cluster, const MetricCount& count) {
    add(metric, cluster, {count.n, count.x, count.x});
  };
  for (const ClusterCounts& at : tick.clusters.touched()) {
    if (at.requests > 0) seen_.set(at.cluster);
    for (std::size_t i = 0; i < at.metrics.size(); ++i) add_rate(i, at.cluster, at.metrics[i]);
  }
  for (const AnswerClusterCounts& at : tick.answers.clusters.touched()) {
    for (std::size_t i = 0; i < at.metrics.size(); ++i) add_rate(kOutcomeMetricCount + i, at.cluster, at.metrics[i]);
    for (std::size_t i = 0; i < at.values.size(); ++i) add(kRateMetricCount + i, at.cluster, at.values[i]);
  }
}

void ClusterTable::count(std::size_t metric, std::size_t cluster, const ClusterCount& more) {
  if (lane_[metric] == 0) add_lane(metric);
  ClusterCount& known = cells_[cluster * lanes_ + lane_[metric] - 1];
  sums_[metric].add(known, more);
  hit_[metric] += known.x == 0 && more.x > 0 ? 1 : 0;
  known.n += more.n;
  known.x += more.x;
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

}  // namespace weir::analysis
