#include "app/metrics/shadow_metrics.h"

namespace weir::app {
namespace {

constexpr const char* kOtherSeries = "other";
constexpr std::uint64_t kAllOthers = UINT64_MAX;

double ratio(std::uint64_t baseline, std::uint64_t candidate) {
  return static_cast<double>(candidate) / static_cast<double>(baseline);
}

}  // namespace

void ShadowMetrics::record(const Comparison& comparison) {
  const std::lock_guard lock(mutex_);
  ShadowSeries& into = series(comparison);
  if (comparison.opinion != Opinion::kNone) {
    ++into.opinions[static_cast<std::size_t>(comparison.opinion)];
    return;
  }
  const auto& [baseline, candidate] = comparison.sides;
  ++into.outcomes[static_cast<std::size_t>(baseline.outcome)][static_cast<std::size_t>(candidate.outcome)];
  ++into.likeness[static_cast<std::size_t>(comparison.likeness)];
  if (comparison.likeness == Likeness::kUnknown) return;
  if (baseline.json == JsonForm::kValid && candidate.json != JsonForm::kValid) ++into.json_invalid;
  if (baseline.duration_us > 0) {
    into.duration_ratio.add(ratio(baseline.duration_us, candidate.duration_us), kRatioBounds);
  }
  if (baseline.bytes > 0) into.length_ratio.add(ratio(baseline.bytes, candidate.bytes), kRatioBounds);
}

ShadowSeries& ShadowMetrics::series(const Comparison& comparison) {
  const auto& [baseline, candidate] = comparison.sides;
  const std::uint64_t key = (std::uint64_t{baseline.version} << 32) | candidate.version;
  const auto known = series_.find(key);
  if (known != series_.end()) return known->second;
  const bool full = series_.size() >= kSeriesLimit;
  ShadowSeries& added = series_[full ? kAllOthers : key];
  const std::string& service = names_.services.name(comparison.service);
  const auto label = [&](VersionId id) { return version_label(service, names_.versions.name(id)); };
  added.service = full ? kOtherSeries : service;
  added.baseline = full ? kOtherSeries : label(baseline.version);
  added.candidate = full ? kOtherSeries : label(candidate.version);
  return added;
}

std::vector<ShadowSeries> ShadowMetrics::totals() const {
  std::vector<ShadowSeries> out;
  const std::lock_guard lock(mutex_);
  out.reserve(series_.size());
  for (const auto& [key, series] : series_) out.push_back(series);
  return out;
}

}  // namespace weir::app
