#include "analysis/forecast/traffic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "analysis/judge/guard_rule.h"
#include "analysis/stats/bounded_value.h"
#include "base/traffic_plan.h"

namespace weir::analysis {
namespace {

constexpr double kLeastRate = 1e-6;  // STATISTICS.md 4.3
constexpr double kAssumedTotal = 1e6;
constexpr double kAssumedOffRatio = 0.77;  // mean |z| / mean N

// Of a lognormal's values the share below.
double share_below(double value_us, double median_us) {
  return value_us <= 0 ? 0 : 0.5 * std::erfc(-std::log(value_us / median_us) / (kAssumedSigma * std::sqrt(2)));
}

}  // namespace

void assume_latency(BaselineTraffic& traffic, double median_us) {
  double below = 0;
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
    const HistogramBucket bucket = histogram_bucket(i);
    const double share = share_below(static_cast<double>(bucket.low_us + bucket.width_us), median_us);
    traffic.latency[i] = kAssumedTotal * (share - below);
    below = share;
  }
  traffic.latency_total = kAssumedTotal * below;
}

double rate_of(const config::Guard& guard, const BaselineTraffic& traffic) {
  if (guard.metric == config::GuardMetric::kFeedback) return kAssumedBadRate;
  const std::size_t metric = rate_metric(guard);
  return metric < traffic.rates.size() ? traffic.rates[metric] : kAssumedRate;
}

double part_of_latency(const config::Guard& guard) {
  constexpr std::array<double, kTimeMetricCount> kParts = {1, 0.2, 0.25, 0.01};
  return kParts[static_cast<std::size_t>(config::time_of(guard))];
}

Moments assumed_mean(const config::Guard& guard) {
  constexpr Moments kAmount{0.124, 0.0131};
  constexpr Moments kScore{0.2, 0.0225};
  constexpr Moments kRatio{0.5, 0.0083};
  if (is_ratio(guard)) return kRatio;
  return family_of(guard) == config::Family::kAmount ? kAmount : kScore;
}

double reckoned_cap(const config::Guard& guard) {
  if (is_ratio(guard)) return 2 * FrozenScale::kMultiple * kAssumedOffRatio;
  return guard.cap > 0 ? guard.cap : std::numeric_limits<double>::infinity();
}

double usable_rate(double rate) { return std::clamp(rate, kLeastRate, 1 - kLeastRate); }

}  // namespace weir::analysis
