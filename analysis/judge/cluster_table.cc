#include "analysis/judge/cluster_table.h"

#include <algorithm>

namespace weir::analysis {

void ClusterTable::add(const ArmCounts& tick, const std::bitset<kMetricCount>& valid) {
  for (const ClusterCounts& cluster : tick.clusters.touched()) {
    bool counted = cluster.requests > 0;
    for (std::size_t m = 0; m < kMetricCount; ++m) {
      if (!valid[m] || cluster.metrics[m].n == 0) continue;
      metrics_[m][cluster.cluster].n += cluster.metrics[m].n;
      metrics_[m][cluster.cluster].x += cluster.metrics[m].x;
      counted = true;
    }
    if (counted) seen_.set(cluster.cluster);
  }
}

void ClusterTable::forget(std::size_t metric) { metrics_[metric] = {}; }

MetricCount ClusterTable::total(std::size_t metric) const {
  MetricCount sum;
  for (const ClusterCount& cluster : metrics_[metric]) {
    sum.n += cluster.n;
    sum.x += cluster.x;
  }
  return sum;
}

ClusterTable::Cluster ClusterTable::worst(std::size_t metric) const {
  const Column& column = metrics_[metric];
  const auto worst = std::max_element(column.begin(), column.end(),
                                      [](const ClusterCount& a, const ClusterCount& b) { return a.x < b.x; });
  return {static_cast<std::size_t>(worst - column.begin()), {worst->n, worst->x}};
}

std::uint32_t ClusterTable::hit(std::size_t metric) const {
  const auto hit = std::count_if(metrics_[metric].begin(), metrics_[metric].end(),
                                 [](const ClusterCount& cluster) { return cluster.x > 0; });
  return static_cast<std::uint32_t>(hit);
}

}  // namespace weir::analysis
