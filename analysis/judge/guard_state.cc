#include <algorithm>
#include <utility>

#include "analysis/judge/state.h"

namespace weir::analysis {
namespace {

constexpr double kMicros = 1e6;
constexpr double kRatePriorMass = 5;  // STATISTICS.md 4.0, phi prior mass
// So many answers of either arm are taken to be as long as all are.
constexpr double kAlikeAnswers = 20;
constexpr double kMostLonger = 20;

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

double GuardState::longer() const {
  const auto& [baseline, candidate] = parts_in_step;
  const double n = static_cast<double>(baseline.n + candidate.n);
  const double length = static_cast<double>(baseline.denominator + candidate.denominator) / std::max(1.0, n);
  if (length <= 0) return 1;
  const auto mean = [&](const RatioSums& arm) {
    return (static_cast<double>(arm.denominator) + kAlikeAnswers * length) /
           (static_cast<double>(arm.n) + kAlikeAnswers);
  };
  return std::clamp(mean(candidate) / mean(baseline), 1 / kMostLonger, kMostLonger);
}

// With k the candidate's mean of D over the baseline's, z = N - r D is D_b k (r_c - r) on average of the candidate and
// D_b (r_b - r) of the baseline, so that r_c <= (1 + relative) r_b is E[z_c] <= k (E[z_b] + relative E[N_b]): answers
// of another length are no evidence while the baseline's ratio is on its way from what r says. k = 1 is
// STATISTICS.md 4.5.
Margin GuardState::of_lengths(const Margin& margin) const {
  if (!is_ratio(guard)) return margin;
  const double k = longer();
  return {.factor = k * margin.factor, .absolute = k * margin.absolute + (1 - k) / 2};
}

}  // namespace weir::analysis
