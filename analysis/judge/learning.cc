// What a judge learns of the baseline, by which the next tick is judged: thresholds and scales, rates and means
// (STATISTICS.md 4.2, 4.4 and 4.5).
#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/judge/state.h"
#include "analysis/stats/quantile.h"

namespace weir::analysis {
namespace {

constexpr double kMostThresholdObservations = 5'000;  // Nb at a threshold's first moment (4.4)
// A baseline whose answers are nearly all of one ratio has nearly no z to scale by, and any margin would be beyond a
// scale of that: z_max is so many times the mean of N at least.
constexpr double kLeastRatioScale = 2;

}  // namespace

bool Judge::State::learn_ratio(GuardState& guard) const {
  const RatioParts parts = ratio_parts(guard.guard);
  const DecayedRate& numerator = memory.amounts[parts.numerator];
  const DecayedRate& denominator = memory.amounts[parts.denominator];
  const bool enough = numerator.n >= static_cast<double>(FrozenScale::kValuesNeeded);
  if (!enough || numerator.x <= 0 || denominator.x <= 0) return false;
  guard.ratio = numerator.x / denominator.x;
  guard.mean_numerator = numerator.x / numerator.n;
  return true;
}

// Toward a ratio's first one, its values are in the memory; then they are counted anew, by how far they are from it.
double Judge::State::values_seen(const GuardState& guard) const {
  if (is_time(guard.guard)) return guard.history.total;
  const auto seen = static_cast<double>(guard.cap.values_seen());
  if (!is_ratio(guard.guard)) return seen;
  constexpr auto kFirst = static_cast<double>(FrozenScale::kValuesNeeded);
  if (guard.ratio > 0) return kFirst + seen;
  return std::min(kFirst, memory.amounts[ratio_parts(guard.guard).numerator].n);
}

void Judge::State::refresh_thresholds() {
  for (GuardState& guard : guards) {
    if (!is_ratio(guard.guard) || (!minute_began && guard.ratio > 0)) continue;
    if (learn_ratio(guard)) ++threshold_version;
  }
  const auto can_arm = [](const GuardState& guard) {
    return is_time(guard.guard) && !guard.is_limit && !guard.armed() &&
           guard.history.total >= history_needed(exceedance(guard.guard));
  };
  if (!minute_began && std::none_of(guards.begin(), guards.end(), can_arm)) return;
  for (GuardState& guard : guards) {
    if (!is_time(guard.guard) || guard.is_limit || (!guard.armed() && !can_arm(guard))) continue;
    const double tau = exceedance(guard.guard);
    const double quantile_us = upper_quantile_us(guard.history.counts, guard.history.total / guard.history.unit, tau);
    if (!guard.armed()) guard.usual.n = std::min(kMostThresholdObservations, guard.history.total);
    guard.usual.x = tau * guard.usual.n;
    guard.threshold.baseline_us = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(quantile_us)));
    guard.threshold.candidate_us = std::max<std::uint64_t>(1, candidate_threshold_us(guard.guard, quantile_us));
    ++threshold_version;
  }
}

namespace {

// What the baseline has had in one tick, wherever it was counted.
struct BaselineTick {
  std::array<ValueSums, kMetricCount> metrics{};
  AmountTotals totals{};
  std::vector<const TimeDeltas*> times;

  void add(std::span<const MetricCount> counts, std::size_t first) {
    for (std::size_t i = 0; i < counts.size(); ++i) metrics[first + i] += {counts[i].n, counts[i].x, counts[i].x};
  }
  void add(const AmountTotals& amounts) {
    for (std::size_t i = 0; i < totals.size(); ++i) {
      totals[i].n += amounts[i].n;
      totals[i].sum += amounts[i].sum;
    }
  }
  std::uint64_t observations(TimeMetric which) const {
    std::uint64_t sum = 0;
    for (const TimeDeltas* deltas : times) sum += (*deltas)[which].total();
    return sum;
  }
};

// Slots mean something to this judge's own steps alone.
BaselineTick baseline_tick(const std::vector<CheckedStep>& checked, const TickInput& input) {
  BaselineTick all;
  for (const CheckedStep& step : checked) {
    for (std::size_t m = 0; m < kMetricCount; ++m) all.metrics[m] += step.sums(Arm::kBaseline, m);
    all.add(step.arms[0]->answers.totals);
    all.times.push_back(&step.arms[0]->times);
  }
  for (const ArmCounts* arm : input.elsewhere) {
    all.add(std::span(arm->metrics).first(kBinaryMetricCount), 0);
    all.add(arm->answers.metrics, kOutcomeMetricCount);
    all.add(arm->answers.totals);
    all.times.push_back(&arm->times);
  }
  if (input.outside != nullptr) {
    all.add(input.outside->metrics, 0);
    all.add(input.outside->answers, kOutcomeMetricCount);
    all.add(input.outside->totals);
    all.times.push_back(&input.outside->times);
  }
  return all;
}

RateCounts rates_of(const BaselineTick& tick) {
  RateCounts rates{};
  for (std::size_t m = 0; m < kRateMetricCount; ++m) rates[m] = {tick.metrics[m].n, tick.metrics[m].s1};
  return rates;
}

}  // namespace

// `known` is what the baseline's amounts have been, in number and sum; of a ratio, how far its values were from it.
// Once there is a cap, the mean begins as if they had stayed below it, and a ratio's in the middle; what comes is
// counted as it is.
void Judge::State::learn_cap(GuardState& guard, const DecayedRate& known) {
  if (guard.is_limit || known.n <= 0) return;
  if (!guard.cap.frozen()) {
    const double least = is_ratio(guard.guard) ? kLeastRatioScale * guard.mean_numerator : 0;
    guard.cap.add(known.x, static_cast<std::uint64_t>(std::llround(known.n)), least);
    if (!guard.cap.frozen()) return;
    guard.cap = FrozenScale(std::max(1.0, std::round(*guard.cap.value())));
    ++threshold_version;
  }
  const double n = std::min(known.n, static_cast<double>(FrozenScale::kValuesNeeded));
  const double y = is_ratio(guard.guard) ? 0.5 : std::min(1.0, known.x / known.n / *guard.cap.value());
  guard.usual = {.x = n * y, .n = n};
}

// After the tests: what was learnt from this tick predicts the next one, never itself (4.2).
void Judge::State::remember(const TickInput& input) {
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr) continue;
    const auto see = [](StepState::Seen& seen, std::uint64_t baseline, std::uint64_t candidate) {
      if (baseline + candidate == 0) return;
      seen.candidate += candidate;
      seen.both += baseline + candidate;
    };
    for (std::size_t m = 0; m < kMetricCount; ++m) {
      see(step.step->seen[m], step.sums(Arm::kBaseline, m).n, step.sums(Arm::kCandidate, m).n);
    }
    see(step.step->requests, step.arms[0]->requests, step.arms[1]->requests);
  }
  const BaselineTick tick = baseline_tick(checked, input);
  const RateCounts rates = rates_of(tick);
  baseline_past.add(rates, input.dt);
  for (std::size_t m = 0; m < kBinaryMetricCount; ++m) memory.rates[m].add(rates[m], input.dt);
  for (std::size_t m = 0; m < kAnswerMetricCount; ++m) {
    memory.answers[m].add(rates[kOutcomeMetricCount + m], input.dt);
  }
  for (std::size_t i = 0; i < kAmountCount; ++i) {
    memory.amounts[i].add(static_cast<double>(tick.totals[i].n), static_cast<double>(tick.totals[i].sum), input.dt);
  }
  baseline_errors.add(rates[metric_index(BinaryMetric::kErrorRate)], input.dt);
  baseline_errors.learn(memory.rates[metric_index(BinaryMetric::kErrorRate)]);

  const auto learn = [&](TimeMetric which, DecayedHistogram& into, double half_life) {
    into.fade(input.dt, tick.observations(which), half_life);
    for (const TimeDeltas* deltas : tick.times) into.add((*deltas)[which]);
  };
  for (int i = 0; i < kTimeMetricCount; ++i) {
    const auto which = static_cast<TimeMetric>(i);
    if (tick.observations(which) > 0) learn(which, memory.times[which], 100 / 0.01);
  }
  for (GuardState& guard : guards) {
    if (guard.is_limit) continue;
    if (is_time(guard.guard)) learn(time_of(guard.guard), guard.history, 100 / exceedance(guard.guard));
    if (guard.metric >= value_metric_index(0) && !guard.armed()) {
      const AmountTotal& total = tick.totals[scaling_amount(guard.guard)];
      learn_cap(guard, {.x = static_cast<double>(total.sum), .n = static_cast<double>(total.n)});
    } else if ((is_time(guard.guard) || guard.metric >= kRateMetricCount) && guard.armed()) {
      const ValueSums sums = guard.tested(tick.metrics[guard.metric]);
      const double x = is_mean(guard.guard) ? sums.sum() : static_cast<double>(sums.s1);
      guard.usual.add(static_cast<double>(sums.n), x, input.dt);
    }
  }
}

void Judge::take_baseline(const Judge& known) {
  State& s = *state_;
  s.memory = known.state_->memory;
  for (GuardState& guard : s.guards) {
    if (guard.is_limit) continue;
    const auto same = [&](const GuardState& other) { return !other.is_limit && same_number(other.guard, guard.guard); };
    const std::vector<GuardState>& guards = known.state_->guards;
    const auto from = std::find_if(guards.begin(), guards.end(), same);
    if (from == guards.end()) continue;
    guard.history = from->history;
    guard.usual = from->usual;
    guard.cap = from->cap;
    guard.ratio = from->ratio;
    guard.mean_numerator = from->mean_numerator;
    guard.threshold = from->threshold;
    if (same_rule(from->guard, guard.guard) || guard.threshold.baseline_us == 0) continue;
    const auto baseline_us = static_cast<double>(guard.threshold.baseline_us);
    guard.threshold.candidate_us = std::max<std::uint64_t>(1, candidate_threshold_us(guard.guard, baseline_us));
  }
  ++s.threshold_version;
  s.edited = true;
}

}  // namespace weir::analysis
