#include "analysis/forecast/step_time.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <variant>

#include "analysis/judge/guard_rule.h"
#include "analysis/rollout/rollout_state.h"
#include "analysis/stats/bounded_value.h"

namespace weir::analysis {
namespace {

constexpr double kZ95 = 1.6448536;
// More candidate requests than anybody serves: a gate that needs them is one that rounding alone lets pass some time.
constexpr double kMostRequests = 1e12;

double seconds_of(config::Duration duration) { return std::chrono::duration<double>(duration).count(); }

bool is_gate(const config::Guard& guard) { return guard.gate && guard.action != config::GuardAction::kWarn; }

// A healthy candidate is as the baseline is: its latencies, too, stay the margin below what the guard allows.
Rates healthy_rates(const config::Guard& guard, const BaselineTraffic& traffic) {
  if (is_time(guard)) return exceedance_rates(latency_outlook(guard, traffic), 1);
  const double rate = rate_of(guard, traffic);
  return {rate, rate};
}

// When so many requests have come.
TimeSpan requests_time(double n, double rps) {
  if (n <= 0) return {0, 0};
  return {n / rps, (n + kZ95 * std::sqrt(n)) / rps};
}

// One reading of a step: how it goes in half of all cases, or in all but 5 of 100.
class Walk {
 public:
  using Chance = double TimeSpan::*;

  Walk(const StepTime& step, const config::Step& plan, Chance chance) : step_(step), plan_(plan), chance_(chance) {
    double longest_s = 0;
    for (std::size_t i = 0; i < plan.stages.size(); ++i) {
      const double begun_s = end_s;
      if (const auto* hold = std::get_if<config::Hold>(&plan.stages[i])) {
        pass(*hold);
      } else {
        pass(std::get<config::Pause>(plan.stages[i]), i);
      }
      if (!(end_s - begun_s > longest_s)) continue;
      longest_s = end_s - begun_s;
      waits_for = ends_stage_;
    }
  }

  double end_s = 0;
  double most_s = 0;
  bool in_time = true;
  bool by_person = false;
  Bottleneck waits_for;  // by what the longest of its stages ends

 private:
  using Kind = Bottleneck::Kind;

  // The stage is not over before; the latest of all that is waited for is named.
  void until(double at_s, Bottleneck why) {
    if (at_s <= end_s) return;
    end_s = at_s;
    ends_stage_ = why;
  }

  void gates() {
    if (step_.at_full || !step_.judged) return;
    if (!step_.compared) return until(kNeverSeconds, {.kind = Kind::kNoTraffic, .guard = 0});
    bool any = false;
    for (std::size_t i = 0; i < step_.guards.size(); ++i) {
      if (!step_.guards[i].gate) continue;
      any = true;
      until(step_.guards[i].passes_s.*chance_, {.kind = Kind::kGate, .guard = i});
    }
    if (!any) until(kNeverSeconds, {.kind = Kind::kNoGate, .guard = 0});
  }

  void pass(const config::Hold& hold) {
    const double begun_s = end_s;
    until(begun_s + seconds_of(hold.at_least), {.kind = Kind::kAtLeast, .guard = 0});
    gates();
    if (step_.judged) {
      const auto least = static_cast<double>(hold.min_requests);
      until(requests_time(least, step_.candidate_rps).*chance_, {.kind = Kind::kMinRequests, .guard = 0});
    }
    const double most = seconds_of(hold.at_most);
    most_s += most;
    if (end_s > begun_s + most) in_time = false;
  }

  void pass(const config::Pause& pause, std::size_t stage) {
    if (!pause.duration) {
      by_person = true;
      return;
    }
    const double over_s = end_s + seconds_of(*pause.duration);
    until(over_s, {.kind = Kind::kPause, .guard = 0});
    most_s += seconds_of(*pause.duration);
    if (stage + 1 < plan_.stages.size()) return;
    gates();
    if (end_s > over_s + seconds_of(hold_before(stage).at_most)) in_time = false;
  }

  // Whose atMost bounds the wait after a pause that ends the step.
  config::Hold hold_before(std::size_t stage) const {
    config::Hold before;
    for (std::size_t i = 0; i < stage; ++i) {
      if (const auto* hold = std::get_if<config::Hold>(&plan_.stages[i])) before = *hold;
    }
    return before;
  }

  const StepTime& step_;
  const config::Step& plan_;
  Chance chance_;
  Bottleneck ends_stage_;
};

class Course {
 public:
  Course(const config::Rollout& rollout, const BaselineTraffic& traffic) : rollout_(rollout), traffic_(traffic) {}

  StepTime next(const config::Step& plan) {
    StepTime step;
    step.at_full = plan.weight_ppm == kMillion;
    step.endless = only_measures(rollout_.strategy);
    step.weight = share(served_weight(rollout_, plan.weight_ppm));
    step.candidate_rps = step.weight * traffic_.rps;
    step.judged = rollout_.analysis.enabled;
    step.limited = step.judged && step.weight > 0;
    step.compared = step.limited && step.weight < 1;
    // A candidate that nobody was sent to is cold.
    const double warmup_s = step.weight > 0 && cold_ ? seconds_of(rollout_.analysis.warmup) : 0;
    if (step.weight > 0) cold_ = false;
    const double next_weight = share(weight_after(rollout_, plan.weight_ppm));
    for (const config::Guard& guard : rollout_.analysis.guards) {
      step.guards.push_back(time_of(guard, step, next_weight, warmup_s));
    }
    const double scored_rps = step.compared ? step.candidate_rps * traffic_.scored_share : 0;
    const Walk half(step, plan, &TimeSpan::p50);
    const Walk most(step, plan, &TimeSpan::p95);
    step.lasts_s = {half.end_s, most.end_s};
    step.most_s = most.most_s;
    step.waits_for = most.waits_for;
    step.by_person = most.by_person;
    step.in_time_p50 = half.in_time;
    step.in_time_p95 = most.in_time;
    const double lasts_s = std::isfinite(half.end_s) ? half.end_s : 0;
    scored_.push_back({.rps = scored_rps, .lasts_s = lasts_s, .weight = step.weight});
    if (std::isfinite(half.end_s)) told_ += (1 - step.weight) * traffic_.rps * std::max(0.0, half.end_s - warmup_s);
    return step;
  }

 private:
  static double share(std::uint32_t ppm) { return static_cast<double>(ppm) / kMillion; }

  GuardTime time_of(const config::Guard& guard, const StepTime& step, double next_weight, double warmup_s) const {
    GuardTime time;
    time.gate = is_gate(guard) && !step.at_full;
    const bool scored = guard.metric == config::GuardMetric::kFeedback;
    time.told_rps = step.candidate_rps * (scored ? traffic_.scored_share : 1);
    time.told_after_s = scored ? traffic_.scored_after_s : 0;
    if (is_time(guard)) {
      time.limited_s = warmup_s;
      const double lacks = std::max(0.0, history_needed(exceedance(guard)) - traffic_.latency_history - told_);
      const double baseline_rps = (1 - step.weight) * traffic_.rps;
      time.armed_s = warmup_s + (lacks > 0 ? lacks / baseline_rps : 0);
    }
    if (family_of(guard) == config::Family::kAmount) time.armed_s = warmup_s;  // a running baseline has had 200 values
    if (is_ratio(guard)) {
      // How far from its ratio they are is only told once there is a rollout.
      const double lacks = std::max(0.0, static_cast<double>(FrozenScale::kValuesNeeded) - told_);
      time.armed_s = warmup_s + (lacks > 0 ? lacks / ((1 - step.weight) * traffic_.rps) : 0);
    }
    if (!time.gate || !step.compared) return time;
    const Forecast passes = passing(guard, step, next_weight, scored ? earlier_but(0) : std::vector<Earlier>());
    time.possible = passes.n95 < kMostRequests;
    if (scored && !scored_.empty()) {
      const Forecast at_once = passing(guard, step, next_weight, earlier_but(traffic_.scored_after_s));
      const auto seconds = [&](double n_at_once, double n) {
        return n_at_once <= 0 ? 0 : time.told_after_s + n / time.told_rps;
      };
      time.passes_s = {seconds(at_once.n50, passes.n50), seconds(at_once.n95, passes.n95)};
    } else if (passes.n95 == 0) {
      time.passes_s = {time.armed_s, time.armed_s};
    } else {
      time.passes_s = time.seconds_until(passes);
    }
    return time;
  }

  // What scores of the steps before have shown: a gate of scores counts them, for they come late, and quality has
  // nothing to do with load (4.8). All but those of the last seconds, which are still on their way as a step begins.
  std::vector<Earlier> earlier_but(double seconds) const {
    std::vector<Earlier> earlier;
    for (auto step = scored_.rbegin(); step != scored_.rend(); ++step) {
      const double left_out_s = std::min(seconds, step->lasts_s);
      seconds -= left_out_s;
      const double n = step->rps * (step->lasts_s - left_out_s);
      if (n > 0) earlier.push_back({.n = n, .weight = step->weight});
    }
    return earlier;
  }

  Forecast passing(const config::Guard& guard, const StepTime& step, double next_weight,
                   const std::vector<Earlier>& earlier) const {
    const double beta = rollout_.analysis.max_false_advance;
    const Margin margin = advance_margin(guard, next_weight, reckoned_cap(guard));
    if (is_mean(guard)) {
      const Moments usual = assumed_mean(guard);
      const MeanOutlook healthy{.baseline = usual,
                                .candidate = usual,
                                .weight = step.weight,
                                .margin = margin,
                                .divisor = traffic_.design_effect};
      return forecast(healthy, TestSide::kAdvance, advance_evidence_of_mean(beta), earlier);
    }
    const RateOutlook healthy{.truth = healthy_rates(guard, traffic_),
                              .weight = step.weight,
                              .margin = margin,
                              .divisor = traffic_.design_effect};
    return forecast(healthy, TestSide::kAdvance, advance_evidence_of_rate(beta), earlier);
  }

  const config::Rollout& rollout_;
  // A step's scores.
  struct Scored {
    double rps = 0;
    double lasts_s = 0;
    double weight = 0;
  };

  const BaselineTraffic& traffic_;
  double told_ = 0;             // requests of the baseline since the rollout began
  std::vector<Scored> scored_;  // of the steps before
  bool cold_ = true;
};

}  // namespace

LatencyOutlook latency_outlook(const config::Guard& guard, const BaselineTraffic& traffic) {
  return {.baseline = &traffic.latency,
          .total = traffic.latency_total,
          .tau = exceedance(guard),
          .factor = 1 + guard.relative,
          .absolute_us =
              std::chrono::duration<double, std::micro>(guard.absolute_duration).count() / part_of_latency(guard)};
}

LatencyOutlook ceiling_outlook(const config::Guard& guard, const BaselineTraffic& traffic) {
  LatencyOutlook outlook = latency_outlook(guard, traffic);
  outlook.factor = 0;
  outlook.absolute_us = static_cast<double>(limit_us(guard)) / part_of_latency(guard);
  return outlook;
}

std::vector<StepTime> step_times(const config::Rollout& rollout, const BaselineTraffic& traffic) {
  std::vector<StepTime> steps;
  Course course(rollout, traffic);
  for (const config::Step& plan : rollout.steps) steps.push_back(course.next(plan));
  return steps;
}

}  // namespace weir::analysis
