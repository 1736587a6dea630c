#include "analysis/rollout/noise.h"

#include <algorithm>
#include <cmath>

#include "analysis/judge/guard_rule.h"
#include "analysis/rollout/honest_margin.h"
#include "analysis/stats/forecast.h"

namespace weir::analysis {
namespace {

using config::Family;

constexpr double kSeedRollout = 0.5;  // gamma of STATISTICS.md 4.0
// As the tests expect a rate before they know it (4.3).
constexpr double kPriorBad = 0.5;
constexpr double kPriorAll = 50;
constexpr double kLeastRate = 1e-6;
// As they clamp a mean (4.0).
constexpr double kLeastMean = 0.001;

// What is reckoned with: none of a few requests is not none of all.
double expected_rate(const MetricCount& count) {
  const double rate = (static_cast<double>(count.x) + kPriorBad) / (static_cast<double>(count.n) + kPriorAll);
  return std::clamp(rate, kLeastRate, 1 - kLeastRate);
}

// What has been seen, without a prior: noise is not to be smoothed away, and what is told is no guess.
double seen_rate(const MetricCount& count) {
  return count.n == 0 ? 0 : static_cast<double>(count.x) / static_cast<double>(count.n);
}

Moments moments_of(const ValueSums& sums) {
  if (sums.n == 0) return {kLeastMean, 0};
  const auto n = static_cast<double>(sums.n);
  const double mean = sums.sum() / n;
  return {std::clamp(mean, kLeastMean, 1 - kLeastMean), std::max(0.0, sums.squares() / n - mean * mean)};
}

// What is told of one guard, from both arms' sums in the step.
class Measuring {
 public:
  Measuring(const NoiseSource& source, const GuardStatus& guard)
      : source_(source),
        guard_(guard),
        weight_(static_cast<double>(source.policy.steps.front().weight_ppm) / kMillion),
        evidence_(rollback_evidence(source.policy.analysis.max_false_rollback, guard.weight, kSeedRollout)) {
    noise_.guard = guard_name(guard);
    noise_.family = family_of(guard.guard);
    noise_.requests = static_cast<double>(guard.in_step[1].n);
    noise_.gates = guard.gate;
    noise_.design_effect = guard.phi_div_advance;
    noise_.difference = guard.difference;
    noise_.known = guard.armed && guard.in_step[0].n > 0 && guard.in_step[1].n > 0;
    if (!noise_.known) return;
    switch (noise_.family) {
      case Family::kRate:
        rates();
        break;
      case Family::kTime:
        times();
        break;
      case Family::kAmount:
      case Family::kScore:
      case Family::kRatio:
        means();
        break;
    }
  }

  GuardNoise noise() const { return noise_; }

 private:
  double beta() const { return source_.policy.analysis.max_false_advance; }
  double observations(std::size_t arm) const { return static_cast<double>(guard_.in_step[arm].n); }
  double weight_of(std::size_t arm) const { return arm == 1 ? weight_ : 1 - weight_; }

  RateOutlook equal(double rate, const Margin& margin) const {
    return {.truth = {rate, rate}, .weight = weight_, .margin = margin, .divisor = guard_.phi_div_advance};
  }

  void rates() {
    const MetricCount both{guard_.in_step[0].n + guard_.in_step[1].n, guard_.in_step[0].x + guard_.in_step[1].x};
    noise_.level = seen_rate(both);
    noise_.planned = (guard_.margin_factor - 1) * noise_.level + guard_.margin;
    if (guard_.gate) noise_.to_advance = margin_to_advance(equal(expected_rate(both), {}), beta(), noise_.requests);
    const auto truth_of = [&](std::size_t arm) {
      return std::clamp(seen_rate(guard_.in_step[arm]), kLeastRate, 1 - kLeastRate);
    };
    for (const std::size_t candidate : {std::size_t{0}, std::size_t{1}}) {
      const RateOutlook seen{.truth = {truth_of(1 - candidate), truth_of(candidate)},
                             .weight = weight_of(candidate),
                             .margin = {},
                             .divisor = guard_.phi_div};
      noise_.to_stay = std::max(noise_.to_stay, margin_to_stay(seen, evidence_, observations(candidate)));
    }
  }

  void times() {
    const auto known = source_.memory.times.find(time_of(guard_.guard));
    noise_.known = known != source_.memory.times.end() && known->second.total > 0;
    if (!noise_.known) return;
    const LatencyOutlook outlook{.baseline = &known->second.counts,
                                 .total = known->second.total / known->second.unit,
                                 .tau = exceedance(guard_.guard),
                                 .factor = 1,
                                 .absolute_us = 0};
    noise_.level = outlook.candidate_threshold_us();
    const auto allowed_us = static_cast<double>(candidate_threshold_us(guard_.guard, noise_.level));
    noise_.planned = noise_.level > 0 ? allowed_us / noise_.level - 1 : 0;
    if (!guard_.gate) return;
    noise_.to_advance =
        slowdown_to_advance(outlook, equal(outlook.tau, advance_margin(guard_.guard, 1)), beta(), noise_.requests);
  }

  void means() {
    ValueSums both = guard_.means->in_step[0];
    both += guard_.means->in_step[1];
    const Moments level = moments_of(both);
    RatioSums parts = guard_.means->parts_in_step[0];
    parts += guard_.means->parts_in_step[1];
    noise_.level = guard_.means->mean(both, parts);
    noise_.unit = guard_.means->unit;
    const double beyond = (guard_.margin_factor - 1) * level.mean + guard_.margin;
    noise_.planned = noise_.family == Family::kAmount ? beyond / level.mean : in_units(beyond);
    if (guard_.gate) {
      const MeanOutlook equal{
          .baseline = level, .candidate = level, .weight = weight_, .margin = {}, .divisor = guard_.phi_div_advance};
      noise_.to_advance = margin_to_advance(equal, noise_.family, beta(), noise_.requests);
      if (noise_.to_advance) noise_.to_advance = in_units(*noise_.to_advance);
    }
    for (const std::size_t candidate : {std::size_t{0}, std::size_t{1}}) {
      const MeanOutlook seen{.baseline = moments_of(guard_.means->in_step[1 - candidate]),
                             .candidate = moments_of(guard_.means->in_step[candidate]),
                             .weight = weight_of(candidate),
                             .margin = {},
                             .divisor = guard_.phi_div};
      const double stays = margin_to_stay(seen, noise_.family, evidence_, observations(candidate));
      noise_.to_stay = std::max(noise_.to_stay, in_units(stays));
    }
  }

  // A margin as a plan has it: of scores points of their scale, of a ratio a share of the baseline's, which is in the
  // middle; of an amount it is one.
  double in_units(double margin) const {
    const double points = margin * std::abs(guard_.means->at_worst - guard_.means->at_best);
    if (noise_.family == Family::kRatio) return points * 2 / (guard_.means->at_worst + guard_.means->at_best);
    return noise_.family == Family::kScore ? points : margin;
  }

  const NoiseSource& source_;
  const GuardStatus& guard_;
  const double weight_;
  const double evidence_;
  GuardNoise noise_;
};

}  // namespace

std::optional<double> GuardNoise::smallest_honest() const {
  if (!known) return {};
  if (!gates) return to_stay;
  if (!to_advance) return {};
  return std::max(*to_advance, to_stay);
}

bool GuardNoise::too_tight() const {
  const std::optional<double> honest_from = smallest_honest();
  return !honest_from || planned < *honest_from;
}

std::vector<GuardNoise> noise_of(const NoiseSource& source) {
  std::vector<GuardNoise> noises;
  for (const GuardStatus& guard : source.guards) {
    if (!guard.is_limit) noises.push_back(Measuring(source, guard).noise());
  }
  return noises;
}

}  // namespace weir::analysis
