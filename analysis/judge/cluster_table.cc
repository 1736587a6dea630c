#include "analysis/judge/cluster_table.h"

#include <algorithm>
#include <utility>

namespace weir::analysis {

void ClusterTable::add(const ArmCounts& tick, const std::bitset<kMetricCount>& valid) {
  for (const ClusterCounts& cluster : tick.clusters.touched()) {
    bool counted = cluster.requests > 0;
    for (std::size_t m = 0; m < kMetricCount; ++m) {
      if (!valid[m] || cluster.metrics[m].n == 0) continue;
      count(m, cluster.cluster, {cluster.metrics[m].n, cluster.metrics[m].x});
      counted = true;
    }
    if (counted) seen_.set(cluster.cluster);
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
