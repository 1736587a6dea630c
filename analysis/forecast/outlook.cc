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
      out.baseline = upper_quantile_us(of_.traffic.latency, of_.traffic.latency_total, latency.tau);
      out.accepted = latency.candidate_threshold_us() / std::max(1.0, out.baseline);
    } else {
      out.baseline = rate(guard);
      out.accepted = std::min(1.0, margin.factor * out.baseline + margin.absolute);
    }
    if (!of_.time.compared) return out;
    const double most_s = of_.time.most_s;
    out.while_it_stays = smallest(index, std::min(of_.time.lasts_s.p50, most_s));
    out.at_the_most = smallest(index, most_s);
    return out;
  }

  Detection detect(const Regression& regression) const {
    Detection fastest;
    if (!of_.time.compared) fastest.why = Detection::Why::kNotCompared;
    for (std::size_t i = 0; i < guards().size() && of_.time.compared; ++i) {
      if (!tells(guards()[i], regression)) continue;
      const Detection found = detect_by(i, regression);
      const bool faster = found.found_s.p95 < fastest.found_s.p95;
      if (fastest.why == Detection::Why::kNoGuard || faster) fastest = found;
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
    return (y - usual) * (guard.scoring.to - guard.scoring.from);
  }

  // Of the share of alpha that a guard has within its pool, when the change begins with the step.
  double evidence(const config::Guard& guard) const {
    double sum = 0;
    for (const config::Guard& other : guards()) {
      if (other.action == guard.action) sum += table_weight(other);
    }
    const double gamma = of_.first ? kSeedRollout : kSeedSteps / static_cast<double>(of_.rollout.steps.size());
    return rollback_evidence(of_.rollout.analysis.max_false_rollback, table_weight(guard) / sum, gamma);
  }

  std::optional<double> smallest(std::size_t index, double within_s) const {
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

  Rates truth(const config::Guard& guard, const Regression& regression) const {
    const double usual = is_time(guard) ? exceedance(guard) : rate(guard);
    switch (regression.kind) {
      case Regression::Kind::kTotalFailure:
        return {usual, 1};
      case Regression::Kind::kSlowTail:
        return {usual, share_of_slow_tail(latency_outlook(guard, of_.traffic), regression.degree)};
      case Regression::Kind::kSlower:
        return exceedance_rates(latency_outlook(guard, of_.traffic), regression.degree);
      case Regression::Kind::kSlowInputs: {
        const LatencyOutlook latency = latency_outlook(guard, of_.traffic);
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

  Forecast forecast_of(const config::Guard& guard, const Regression& regression) const {
    if (is_mean(guard)) {
      MeanOutlook worse = mean_outlook(guard);
      if (family_of(guard) == config::Family::kAmount) {
        worse.candidate.mean *= regression.degree;
        worse.candidate.variance *= regression.degree * regression.degree;
      } else {
        worse.candidate.mean += regression.degree;
      }
      return forecast(worse, TestSide::kRollback, evidence(guard));
    }
    RateOutlook worse = outlook(guard);
    worse.truth = truth(guard, regression);
    // Where every request fails there is no spread to be careful about (4.7).
    if (regression.kind == Regression::Kind::kTotalFailure) worse.divisor = 1;
    return forecast(worse, TestSide::kRollback, evidence(guard));
  }

  Detection detect_by(std::size_t index, const Regression& regression) const {
    const Forecast found = forecast_of(guards()[index], regression);
    if (found.never()) return {.why = Detection::Why::kWithinMargin, .guard = index, .found_s = {}};
    const GuardTime& time = of_.time.guards[index];
    return {.why = Detection::Why::kFound,
            .guard = index,
            .found_s = {time.seconds_until(found.n50), time.seconds_until(found.n95)}};
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
    case Regression::Kind::kSlowTail:
    case Regression::Kind::kSlower:
    case Regression::Kind::kSlowInputs:
      return is_time(guard);  // what begins late, or goes on slowly, ends late
    case Regression::Kind::kMoreTokens:
      return guard.metric == config::GuardMetric::kTokensPerRequest;
    case Regression::Kind::kDearer:
      return guard.metric == config::GuardMetric::kCostPerRequest;
    case Regression::Kind::kMoreBad:
      return guard.metric == config::GuardMetric::kFeedback && !is_mean(guard);
    case Regression::Kind::kWorseScores:
      break;
  }
  return guard.metric == config::GuardMetric::kFeedback && is_mean(guard);
}

RolloutOutlook look_ahead(const config::Rollout& rollout, const BaselineTraffic& traffic) {
  RolloutOutlook out{.steps = {}, .total_s = {0, 0}};
  bool first = true;
  for (StepTime& time : step_times(rollout, traffic)) {
    StepOutlook step{.time = std::move(time), .guards = {}, .regressions = {}};
    const StepSight::Of of{rollout, traffic, step.time, first};
    const StepSight sight(of);
    for (std::size_t i = 0; i < rollout.analysis.guards.size(); ++i) step.guards.push_back(sight.sight(i));
    for (std::size_t i = 0; i < kRegressions.size(); ++i) step.regressions[i] = sight.detect(kRegressions[i]);
    if (step.time.compared) first = false;
    out.total_s.p50 += step.time.in_time_p50 ? step.time.lasts_s.p50 : kNeverSeconds;
    out.total_s.p95 += step.time.in_time_p95 ? step.time.lasts_s.p95 : kNeverSeconds;
    out.steps.push_back(std::move(step));
  }
  return out;
}

Detection first_detection(const config::Rollout& rollout, const BaselineTraffic& traffic,
                          const Regression& regression) {
  for (const StepTime& time : step_times(rollout, traffic)) {
    if (time.compared) return StepSight({rollout, traffic, time, true}).detect(regression);
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

}  // namespace weir::analysis
