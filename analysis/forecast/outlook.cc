#include "analysis/forecast/outlook.h"

#include <algorithm>
#include <cmath>

#include "analysis/judge/guard_rule.h"
#include "analysis/stats/forecast.h"

namespace weir::analysis {
namespace {

// STATISTICS.md 4.0, gamma.
constexpr double kSeedRollout = 0.5;
constexpr double kSeedSteps = 0.25;  // over K

constexpr double kTailBegins = 0.95;
constexpr double kTailWhole = 0.99;
constexpr double kSlowInput = 10;
constexpr int kBisections = 60;

// The share of requests above the candidate's threshold when the slowest of them are stretched.
double share_of_slow_tail(const LatencyOutlook& outlook, double factor) {
  const double threshold_us = outlook.candidate_threshold_us();
  const auto stretched_us = [&](double share_above) {
    const double reached = std::clamp((1 - share_above - kTailBegins) / (kTailWhole - kTailBegins), 0.0, 1.0);
    return upper_quantile_us(*outlook.baseline, outlook.total, share_above) * (1 + (factor - 1) * reached);
  };
  double low = 0;
  double high = 1;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = low + (high - low) / 2;
    (stretched_us(middle) > threshold_us ? low : high) = middle;
  }
  return low;
}

// What a candidate that is so much worse does, and its baseline. `latency`: the rule that times are held against.
Rates truth_of(const config::Guard& guard, const Regression& regression, const BaselineTraffic& traffic,
               const LatencyOutlook& latency) {
  const double usual = is_time(guard) ? exceedance(guard) : rate_of(guard, traffic);
  switch (regression.kind) {
    case Regression::Kind::kTotalFailure:
      return {usual, 1};
    case Regression::Kind::kSlowTail:
      return {usual, share_of_slow_tail(latency, regression.degree)};
    case Regression::Kind::kSlower:
      return exceedance_rates(latency, regression.degree);
    case Regression::Kind::kSlowInputs: {
      Rates rates = exceedance_rates(latency, 1);
      const double slow = exceedance_rates(latency, kSlowInput).candidate;
      rates.candidate += regression.degree * (slow - rates.candidate);
      return rates;
    }
    case Regression::Kind::kErrors:
    case Regression::Kind::kMoreBad:
    case Regression::Kind::kMoreTokens:
    case Regression::Kind::kDearer:
    case Regression::Kind::kWorseScores:
      break;
  }
  return {usual, std::min(1.0, regression.degree * usual)};
}

LimitOutlook limit_outlook(const config::Guard& guard, const Regression& regression, const BaselineTraffic& traffic) {
  // Where every request fails there is no spread to be careful about (4.7).
  const bool spread = regression.kind != Regression::Kind::kTotalFailure;
  return {.rate = truth_of(guard, regression, traffic, ceiling_outlook(guard, traffic)).candidate,
          .limit = limit_share(guard),
          .divisor = spread ? traffic.design_effect : 1};
}

// A candidate that is as the baseline is.
Regression no_worse(const config::Guard& guard) {
  return {is_time(guard) ? Regression::Kind::kSlower : Regression::Kind::kErrors, 1};
}

// Of the share of alpha that a guard has within its pool, as its ceiling has. `gamma`: what is injected as the change
// begins.
double evidence_of(const config::Guard& guard, const config::Analysis& analysis, double gamma) {
  double sum = 0;
  for (const config::Guard& other : analysis.guards) {
    if (other.action == guard.action) sum += table_weight(other) * (other.has_max() ? 2 : 1);
  }
  return rollback_evidence(analysis.max_false_rollback, table_weight(guard) / sum, gamma);
}

class StepSight {
 public:
  struct Of {
    const config::Rollout& rollout;
    const BaselineTraffic& traffic;
    const StepTime& time;
    bool first;  // in which the versions are compared
  };
  explicit StepSight(const Of& of) : of_(of) {}

  GuardSight sight(std::size_t index) const {
    const config::Guard& guard = guards()[index];
    GuardSight out;
    const Margin margin = rollback_margin(guard, reckoned_cap(guard));
    if (is_mean(guard)) {
      out.baseline = assumed_mean(guard).mean;
      out.accepted = degree(guard, margin.factor * out.baseline + margin.absolute);
    } else if (is_time(guard)) {
      const LatencyOutlook latency = latency_outlook(guard, of_.traffic);
      const double quantile_us = upper_quantile_us(of_.traffic.latency, of_.traffic.latency_total, latency.tau);
      out.baseline = quantile_us * part_of_latency(guard);
      out.accepted = latency.candidate_threshold_us() / std::max(1.0, quantile_us);
    } else {
      out.baseline = rate(guard);
      out.accepted = std::min(1.0, margin.factor * out.baseline + margin.absolute);
    }
    if (limits(guard)) out.accepted = accepted_below_ceiling(guard, out);
    const double most_s = of_.time.most_s;
    out.while_it_stays = smallest(index, std::min(of_.time.lasts_s.p50, most_s));
    out.at_the_most = smallest(index, most_s);
    return out;
  }

  // By the comparison or the ceiling, whichever is first.
  Detection detect(const Regression& regression) const {
    Detection fastest;
    if (!of_.time.compared) fastest.why = Detection::Why::kNotCompared;
    const auto consider = [&](const Detection& found) {
      const bool faster = found.found_s.p95 < fastest.found_s.p95;
      if (!fastest.guard || faster) fastest = found;
    };
    for (std::size_t i = 0; i < guards().size(); ++i) {
      const config::Guard& guard = guards()[i];
      if (!tells(guard, regression)) continue;
      const GuardTime& time = of_.time.guards[i];
      if (of_.time.compared) consider(detect_by(i, forecast_of(guard, regression), time));
      if (!limits(guard)) continue;
      Detection found =
          detect_by(i, forecast(limit_outlook(guard, regression, of_.traffic), evidence(guard)), time.of_ceiling());
      found.by_ceiling = true;
      consider(found);
    }
    return fastest;
  }

 private:
  const std::vector<config::Guard>& guards() const { return of_.rollout.analysis.guards; }

  double rate(const config::Guard& guard) const { return rate_of(guard, of_.traffic); }

  RateOutlook outlook(const config::Guard& guard) const {
    const double baseline = is_time(guard) ? exceedance(guard) : rate(guard);
    return {.truth = {baseline, baseline},
            .weight = of_.time.weight,
            .margin = rollback_margin(guard),
            .divisor = of_.traffic.design_effect};
  }

  MeanOutlook mean_outlook(const config::Guard& guard) const {
    const Moments usual = assumed_mean(guard);
    return {.baseline = usual,
            .candidate = usual,
            .weight = of_.time.weight,
            .margin = rollback_margin(guard, reckoned_cap(guard)),
            .divisor = of_.traffic.design_effect};
  }

  // Of a candidate with the mean `y`: so many times the baseline's amount, or so much of the scale worse.
  static double degree(const config::Guard& guard, double y) {
    const double usual = assumed_mean(guard).mean;
    if (family_of(guard) == config::Family::kAmount) return y / usual;
    if (is_ratio(guard)) return 1 + (y - usual) * reckoned_cap(guard);
    return (y - usual) * (guard.scoring.to - guard.scoring.from);
  }

  // When the change begins with the step.
  double evidence(const config::Guard& guard) const {
    const double gamma = of_.first ? kSeedRollout : kSeedSteps / static_cast<double>(of_.rollout.steps.size());
    return evidence_of(guard, of_.rollout.analysis, gamma);
  }

  bool limits(const config::Guard& guard) const { return of_.time.limited && guard.has_max(); }

  // How bad a candidate may be for ever, where the comparison alone would accept what `sight` says.
  double accepted_below_ceiling(const config::Guard& guard, const GuardSight& sight) const {
    double limit = limit_share(guard);
    if (is_time(guard)) limit = std::max(1.0, static_cast<double>(limit_us(guard)) / std::max(1.0, sight.baseline));
    return of_.time.compared ? std::min(limit, sight.accepted) : limit;
  }

  std::optional<double> smallest(std::size_t index, double within_s) const {
    const config::Guard& guard = guards()[index];
    std::optional<double> least;
    if (of_.time.compared) least = smallest_compared(index, within_s);
    if (!limits(guard)) return least;
    const std::optional<double> limited = smallest_limited(index, within_s);
    return least && limited ? std::min(*least, *limited) : least ? least : limited;
  }

  std::optional<double> smallest_limited(std::size_t index, double within_s) const {
    const config::Guard& guard = guards()[index];
    const double n = of_.time.guards[index].of_ceiling().observations_within(within_s);
    if (n < kFewest) return {};
    const LimitOutlook usual = limit_outlook(guard, no_worse(guard), of_.traffic);
    const std::optional<double> found = smallest_found(usual, evidence(guard), n);
    if (!found) return {};
    if (!is_time(guard)) return std::max(*found, rate(guard));
    const double slowdown = slowdown_for(ceiling_outlook(guard, of_.traffic), *found);
    return std::isfinite(slowdown) ? std::optional(std::max(1.0, slowdown)) : std::nullopt;
  }

  std::optional<double> smallest_compared(std::size_t index, double within_s) const {
    const config::Guard& guard = guards()[index];
    const double n = of_.time.guards[index].observations_within(within_s);
    if (n < kFewest) return {};
    if (is_mean(guard)) {
      const std::optional<double> mean = smallest_found(mean_outlook(guard), evidence(guard), n);
      return mean ? std::optional(degree(guard, *mean)) : std::nullopt;
    }
    const std::optional<double> found = smallest_found(outlook(guard), evidence(guard), n);
    if (!found || !is_time(guard)) return found;
    const double slowdown = slowdown_for(latency_outlook(guard, of_.traffic), *found);
    return std::isfinite(slowdown) ? std::optional(slowdown) : std::nullopt;
  }

  Forecast forecast_of(const config::Guard& guard, const Regression& regression) const {
    if (is_mean(guard)) {
      MeanOutlook worse = mean_outlook(guard);
      if (family_of(guard) == config::Family::kAmount) {
        worse.candidate.mean *= regression.degree;
        worse.candidate.variance *= regression.degree * regression.degree;
      } else if (is_ratio(guard)) {
        worse.candidate.mean += (regression.degree - 1) / reckoned_cap(guard);
      } else {
        worse.candidate.mean += regression.degree;
      }
      return forecast(worse, TestSide::kRollback, evidence(guard));
    }
    RateOutlook worse = outlook(guard);
    worse.truth = truth_of(guard, regression, of_.traffic, latency_outlook(guard, of_.traffic));
    // Where every request fails there is no spread to be careful about (4.7).
    if (regression.kind == Regression::Kind::kTotalFailure) worse.divisor = 1;
    return forecast(worse, TestSide::kRollback, evidence(guard));
  }

  static Detection detect_by(std::size_t index, const Forecast& found, const GuardTime& time) {
    if (found.never()) return {.why = Detection::Why::kWithinMargin, .guard = index, .found_s = {}};
    return {.why = Detection::Why::kFound, .guard = index, .found_s = time.seconds_until(found)};
  }

  static constexpr double kFewest = 3;

  const Of& of_;
};

}  // namespace

bool tells(const config::Guard& guard, const Regression& regression) {
  switch (regression.kind) {
    case Regression::Kind::kErrors:
    case Regression::Kind::kTotalFailure:
      return guard.metric == config::GuardMetric::kErrorRate;
    case Regression::Kind::kSlower:
      return is_time(guard) || guard.metric == config::GuardMetric::kTokensPerSecond;
    case Regression::Kind::kSlowTail:
    case Regression::Kind::kSlowInputs:
      return is_time(guard);  // what begins late, or goes on slowly, ends late
    case Regression::Kind::kMoreTokens:
      return guard.metric == config::GuardMetric::kTokensPerRequest;
    case Regression::Kind::kDearer:
      return guard.metric == config::GuardMetric::kCostPerRequest ||
             guard.metric == config::GuardMetric::kCostPer1kTokens;
    case Regression::Kind::kMoreBad:
      return guard.metric == config::GuardMetric::kFeedback && !is_mean(guard);
    case Regression::Kind::kWorseScores:
      break;
  }
  return guard.metric == config::GuardMetric::kFeedback && is_mean(guard);
}

RolloutOutlook look_ahead(const config::Rollout& rollout, const BaselineTraffic& traffic) {
  std::vector<StepTime> times = step_times(rollout, traffic);
  RolloutOutlook out{.steps = {}, .total_s = {0, 0}, .ceilings = ceiling_cautions(rollout, traffic, times)};
  bool first = true;
  for (StepTime& time : times) {
    StepOutlook step{.time = std::move(time), .guards = {}, .regressions = {}};
    const StepSight::Of of{rollout, traffic, step.time, first};
    const StepSight sight(of);
    for (std::size_t i = 0; i < rollout.analysis.guards.size(); ++i) step.guards.push_back(sight.sight(i));
    for (std::size_t i = 0; i < kRegressions.size(); ++i) step.regressions[i] = sight.detect(kRegressions[i]);
    if (step.time.limited) first = false;
    out.total_s.p50 += step.time.in_time_p50 ? step.time.lasts_s.p50 : kNeverSeconds;
    out.total_s.p95 += step.time.in_time_p95 ? step.time.lasts_s.p95 : kNeverSeconds;
    out.steps.push_back(std::move(step));
  }
  for (const Caution& passed : out.ceilings) {
    const bool stops = rollout.analysis.guards[passed.guard.value_or(0)].action != config::GuardAction::kWarn;
    if (stops && passed.kind == Caution::Kind::kOverCeiling) out.total_s = {};
  }
  return out;
}

Detection first_detection(const config::Rollout& rollout, const BaselineTraffic& traffic,
                          const Regression& regression) {
  for (const StepTime& time : step_times(rollout, traffic)) {
    if (time.limited) return StepSight({rollout, traffic, time, true}).detect(regression);
  }
  return {.why = Detection::Why::kNotCompared, .guard = {}, .found_s = {}};
}

std::vector<Caution> cautions(const std::vector<StepTime>& steps) {
  using Kind = Caution::Kind;
  std::vector<Caution> out;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const StepTime& step = steps[i];
    if (!step.judged || step.weight >= 1) continue;
    if (step.waits_for.kind == Bottleneck::Kind::kNoTraffic) out.push_back({Kind::kNobody, i, {}});
    if (step.waits_for.kind == Bottleneck::Kind::kNoGate && !step.endless) out.push_back({Kind::kNoGate, i, {}});
    if (!step.compared) continue;
    bool told = step.waits_for.kind == Bottleneck::Kind::kNoGate;
    for (std::size_t g = 0; g < step.guards.size(); ++g) {
      const GuardTime& guard = step.guards[g];
      const bool late = guard.armed_s > step.most_s;
      if (guard.gate && !guard.possible) out.push_back({Kind::kImpossible, i, g});
      if (late && !step.at_full) out.push_back({Kind::kNotArmed, i, g});
      told = told || (guard.gate && (late || !guard.possible));
    }
    if (told || step.in_time_p95) continue;
    const bool gate = step.waits_for.kind == Bottleneck::Kind::kGate;
    out.push_back({step.in_time_p50 ? Kind::kMaybeSlow : Kind::kTooSlow, i,
                   gate ? std::optional(step.waits_for.guard) : std::nullopt});
  }
  return out;
}

namespace {

bool is_known(const config::Guard& guard, const BaselineTraffic& traffic) {
  if (is_time(guard)) return guard.metric == config::GuardMetric::kLatency && traffic.latency_known;
  const std::size_t metric = rate_metric(guard);
  return family_of(guard) == config::Family::kRate && guard.metric != config::GuardMetric::kFeedback &&
         metric < traffic.rates_known.size() && traffic.rates_known[metric];
}

// The evidence grows from step to step: when there are so many of the candidate's requests.
Caution when_passed(std::size_t guard, const Forecast& healthy, const std::vector<StepTime>& steps) {
  Forecast left = healthy;
  double before_s = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const StepTime& step = steps[i];
    const double lasts_s = std::min(step.lasts_s.p50, step.most_s);
    const GuardTime time = step.guards[guard].of_ceiling();
    const double told = step.limited ? time.observations_within(lasts_s) : 0;
    if (step.limited && left.n50 <= told) {
      return {Caution::Kind::kOverCeiling, i, guard, before_s + time.seconds_until(left).p50};
    }
    left.n50 -= told;
    before_s += lasts_s;
  }
  return {Caution::Kind::kNearCeiling, 0, guard, kNeverSeconds};
}

}  // namespace

std::vector<Caution> ceiling_cautions(const config::Rollout& rollout, const BaselineTraffic& traffic,
                                      const std::vector<StepTime>& steps) {
  std::vector<Caution> out;
  if (!rollout.analysis.enabled || rollout.strategy == config::Strategy::kAa) return out;
  const std::vector<config::Guard>& guards = rollout.analysis.guards;
  for (std::size_t i = 0; i < guards.size(); ++i) {
    if (!guards[i].has_max() || !is_known(guards[i], traffic)) continue;
    const LimitOutlook healthy = limit_outlook(guards[i], no_worse(guards[i]), traffic);
    if (healthy.rate <= healthy.limit) continue;
    const Forecast passed = forecast(healthy, evidence_of(guards[i], rollout.analysis, kSeedRollout));
    out.push_back(when_passed(i, passed, steps));
  }
  return out;
}

}  // namespace weir::analysis
