#include "app/metrics/request_metrics.h"

#include <algorithm>

namespace weir::app {
namespace {

constexpr const char* kOther = "other";
constexpr std::uint64_t kOverflow = UINT64_MAX;

}  // namespace

std::string version_label(const std::string& service, const std::string& full) {
  return full.size() > service.size() + 1 && full.starts_with(service) ? full.substr(service.size() + 1) : full;
}

void RequestMetrics::record(const Outcome& outcome) {
  if (outcome.kind != Outcome::Kind::kEnded || outcome.version == kNoId) return;
  const std::lock_guard lock(mutex_);
  ++request_series(outcome).by_class[static_cast<std::size_t>(outcome.outcome)];
  DurationSeries& duration = duration_series(outcome);
  if (outcome.rescued) ++duration.rescued;
  const double seconds = static_cast<double>(outcome.latency_us) / 1e6;
  const auto bound = std::lower_bound(kDurationBounds.begin(), kDurationBounds.end(), seconds);
  ++duration.buckets[static_cast<std::size_t>(bound - kDurationBounds.begin())];
  duration.sum_us += outcome.latency_us;
}

RequestSeries& RequestMetrics::request_series(const Outcome& outcome) {
  const std::uint64_t key = (std::uint64_t{outcome.route} << 32) | outcome.version;
  const auto known = requests_.find(key);
  if (known != requests_.end()) return known->second;
  const bool full = requests_.size() >= kSeriesLimit;
  RequestSeries& series = requests_[full ? kOverflow : key];
  const std::string& service = names_.services.name(outcome.service);
  series.service = full ? kOther : service;
  series.route = full ? kOther : names_.routes.name(outcome.route);
  series.version = full ? kOther : version_label(service, names_.versions.name(outcome.version));
  return series;
}

DurationSeries& RequestMetrics::duration_series(const Outcome& outcome) {
  const auto known = durations_.find(outcome.version);
  if (known != durations_.end()) return known->second;
  const bool full = durations_.size() >= kSeriesLimit;
  DurationSeries& series = durations_[full ? kOverflow : outcome.version];
  const std::string& service = names_.services.name(outcome.service);
  series.service = full ? kOther : service;
  series.version = full ? kOther : version_label(service, names_.versions.name(outcome.version));
  return series;
}

RequestTotals RequestMetrics::totals() const {
  RequestTotals out;
  const std::lock_guard lock(mutex_);
  out.requests.reserve(requests_.size());
  out.durations.reserve(durations_.size());
  for (const auto& [key, series] : requests_) out.requests.push_back(series);
  for (const auto& [key, series] : durations_) out.durations.push_back(series);
  return out;
}

}  // namespace weir::app
