#include "analysis/window/tick_counts.h"

namespace weir::analysis {

void HistogramDelta::clear() {
  for (const std::uint16_t bucket : touched_) counts_[bucket] = 0;
  touched_.clear();
  total_ = 0;
}

void TimeDeltas::clear() {
  for (HistogramDelta& time : times_) time.clear();
}

void ArmCounts::clear() {
  version = kNoId;
  requests = 0;
  met = {};
  kept = {};
  overdue_change = 0;
  metrics = {};
  clusters.clear();
  answers.clear();
  times.clear();
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
  answers = {};
  totals = {};
  times.clear();
}

const OutsideCounts* ServiceCounts::outside_of(VersionId version) const {
  for (const OutsideCounts* counts : outside) {
    if (counts->version == version) return counts;
  }
  return nullptr;
}

}  // namespace weir::analysis
