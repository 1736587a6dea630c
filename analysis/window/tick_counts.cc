#include "analysis/window/tick_counts.h"

namespace weir::analysis {

void ClusterDeltas::clear() {
  for (const ClusterCounts& counts : touched_) place_[counts.cluster] = 0;
  touched_.clear();
}

void HistogramDelta::clear() {
  for (const std::uint16_t bucket : touched_) counts_[bucket] = 0;
  touched_.clear();
  total_ = 0;
}

void ArmCounts::clear() {
  version = kNoId;
  requests = 0;
  overdue_change = 0;
  metrics = {};
  clusters.clear();
  latency.clear();
  users.clear();
}

void StepCounts::clear() {
  epoch = 0;
  step = 0;
  for (ArmCounts& arm : arms) arm.clear();
  failed.clear();
}

void OutsideCounts::clear() {
  version = kNoId;
  requests = 0;
  metrics = {};
  latency.clear();
}

const OutsideCounts* ServiceCounts::outside_of(VersionId version) const {
  for (const OutsideCounts* counts : outside) {
    if (counts->version == version) return counts;
  }
  return nullptr;
}

}  // namespace weir::analysis
