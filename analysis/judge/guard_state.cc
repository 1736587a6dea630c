#include <algorithm>
#include <utility>

#include "analysis/judge/state.h"

namespace weir::analysis {
namespace {

constexpr double kMicros = 1e6;
constexpr double kRatePriorMass = 5;  // STATISTICS.md 4.0, phi prior mass

// The plan's own cap, in the unit of the records.
FrozenScale cap_of(const config::Guard& guard) {
  if (guard.cap <= 0) return {};
  const double unit = guard.metric == config::GuardMetric::kCostPerRequest ? kMicros : 1;
  return FrozenScale(std::max(1.0, std::round(guard.cap * unit)));
}

}  // namespace

GuardState::GuardState(config::Guard of, bool limit_alone, Refresh refresh)
    : guard(std::move(of)),
      is_limit(limit_alone),
      metric(rate_metric(guard)),
      rollback(TestSide::kRollback, is_mean(guard), refresh),
      advance(TestSide::kAdvance, is_mean(guard), refresh),
      difference(!is_mean(guard)),
      cap(cap_of(guard)) {}

bool GuardState::armed() const {
  switch (family_of(guard)) {
    case config::Family::kTime:
      return threshold.baseline_us > 0;
    case config::Family::kAmount:
    case config::Family::kRatio:
      return cap.frozen();
    case config::Family::kRate:
    case config::Family::kScore:
      break;
  }
  return true;
}

ValueSums GuardState::tested(const ValueSums& sums) const {
  if (!is_late() || is_mean(guard)) return sums;
  return {sums.n, sums.s1 / kValueOne, sums.s1 / kValueOne};
}

Spread GuardState::spread_of(const ClusterTable& table) const {
  if (metric < kRateMetricCount) return spread(table.sums(metric), kClusterCount);
  Spread arm = mean_spread(table.sums(metric), kClusterCount, table.total(metric).s2);
  if (!is_mean(guard)) arm.prior_mass = kRatePriorMass;
  return arm;
}

ValueScale GuardState::scale() const {
  return {.of = value_metric(guard), .cap = static_cast<std::uint64_t>(cap.value().value_or(0)), .ratio = ratio};
}

double GuardState::margin_cap() const {
  if (!cap.frozen()) return 1;
  if (is_ratio(guard)) return 2 * *cap.value() / mean_numerator;
  return *cap.value() / (guard.metric == config::GuardMetric::kCostPerRequest ? kMicros : 1);
}

}  // namespace weir::analysis
