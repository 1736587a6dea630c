// The evidence of a tick: both arms over the same seconds, step by step, and the candidate alone where there is a
// ceiling, or nobody to compare it with (STATISTICS.md 4.2 to 4.5, 4.10, 4.15).
#include <algorithm>
#include <cmath>

#include "analysis/judge/state.h"

namespace weir::analysis {
namespace {

constexpr double kLeastRate = 1e-6;

}  // namespace

double Judge::State::expected(const GuardState& guard) const {
  if (is_mean(guard.guard)) return baseline_mean(guard.usual.x, guard.usual.n);
  if (is_time(guard.guard)) {
    if (guard.usual.n <= 0) return exceedance(guard.guard);
    return std::clamp(guard.usual.x / guard.usual.n, kLeastRate, 1 - kLeastRate);
  }
  if (guard.is_late()) return baseline_rate(guard.usual.x, guard.usual.n);
  const DecayedRate& rate = guard.metric < kOutcomeMetricCount ? memory.rates[guard.metric]
                                                               : memory.answers[guard.metric - kOutcomeMetricCount];
  return baseline_rate(rate.x, rate.n);
}

void Judge::State::test(Seconds dt) {
  for (GuardState& guard : guards) {
    if (!guard.armed()) continue;
    if (guard.is_limit) {
      hold_to_limit(guard);
    } else {
      compare(guard, dt);
      watch_drift(guard);
    }
  }
}

void Judge::State::compare(GuardState& guard, Seconds dt) {
  show(guard, dt);
  const Margin margin = guard.rollback_margin();
  const Margin advance = guard.advance_margin(current.next_weight);
  Predicted predicted{.baseline_rate = expected(guard), .allocation = 0, .divisor = 1};
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || !step.step->compares()) continue;
    const TickPair tick = step.pair(guard);
    const StepState::Seen& seen = step.step->seen[guard.metric];
    predicted.allocation =
        allocation(static_cast<double>(seen.candidate), static_cast<double>(seen.both), step.step->weight);
    predicted.divisor = guard.phi_div;
    guard.rollback.add(tick, margin, predicted);
    predicted.divisor = guard.phi_div_advance;
    if (!guard.is_late()) guard.advance.add(tick, advance, predicted);
    for (LateGate& gate : guard.late.all()) gate.advance.add(tick, guard.advance_margin(gate.next_weight), predicted);
  }
}

// Blocks never span two steps, so that what comes late, under an earlier one, is left out.
void Judge::State::show(GuardState& guard, Seconds dt) {
  TickPair tick;
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || step.step->id != current.step || !step.step->compares()) continue;
    tick = step.pair(guard);
  }
  if (is_mean(guard.guard)) {
    guard.difference.add(tick.means(), dt.count(), guard.longer());
  } else {
    guard.difference.add(tick.rates(), dt.count());
  }
}

// Scores come after their requests, so that most of them are of an earlier tick.
void Judge::State::watch_scores(Seconds dt) {
  for (GuardState& guard : guards) {
    if (!guard.is_late() || guard.is_limit) continue;
    const std::size_t slot = guard.metric - kRateMetricCount;
    MetricCount baseline;
    for (const CheckedStep& step : checked) {
      if (step.step == nullptr || !step.step->compares()) continue;
      ScoredWatch::Counts counts{};
      for (std::size_t arm = 0; arm < kArmCount; ++arm) {
        const ArmCounts& of = *step.arms[arm];
        for (const ClusterCounts& at : of.clusters.touched()) {
          guard.scored.count(static_cast<Arm>(arm), at.cluster, at.requests, 0);
        }
        for (const AnswerClusterCounts& at : of.answers.clusters.touched()) {
          guard.scored.count(static_cast<Arm>(arm), at.cluster, 0, at.values[slot].n);
        }
        counts[arm] = {of.requests, step.sums(static_cast<Arm>(arm), guard.metric).n};
      }
      const StepState::Seen& seen = step.step->requests;
      guard.scored.add(
          counts, allocation(static_cast<double>(seen.candidate), static_cast<double>(seen.both), step.step->weight));
      baseline.n += counts[0].n;
      baseline.x += counts[0].x;
    }
    guard.scored.remember(baseline, dt);
  }
}

// It needs no baseline, and so goes on where nobody is left on it.
void Judge::State::hold_to_limit(GuardState& guard) {
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || step.step->weight <= 0) continue;
    const ValueSums candidate = step.pair(guard).candidate;
    guard.limit.add(candidate.n, candidate.s1, limit_share(guard.guard), guard.phi_div);
  }
}

void Judge::State::watch_drift(GuardState& guard) {
  if (guard.drift_limit <= 0) return;
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || step.step->weight < 1) continue;
    const ValueSums candidate = step.pair(guard).candidate;
    const double divisor = own_divisor(guard.spread_of(all_of_candidate()), kClusterCount);
    guard.drift.add(candidate.n, candidate.s1, guard.drift_limit, divisor);
  }
}

// The reference is frozen where the comparison ends. The detector is of shares of requests: a mean has none, and scores
// come too late for it.
void Judge::State::begin_drift(double weight) {
  drifted = false;
  for (GuardState& guard : guards) {
    guard.drift.restart();
    guard.drift_limit = 0;
    if (weight < 1 || guard.is_limit || guard.metric >= kRateMetricCount || !guard.armed()) continue;
    const MetricCount past = baseline_past.of(guard.metric);
    const double rate =
        past.n == 0 ? expected(guard) : baseline_rate(static_cast<double>(past.x), static_cast<double>(past.n));
    guard.drift_limit = drift_limit(rate, guard.rollback_margin());
    guard.drift.inject(std::log(kSeedMinute));
  }
}

}  // namespace weir::analysis
