#include "analysis/judge/judge.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <utility>

#include "analysis/judge/guard_rule.h"
#include "analysis/judge/state.h"
#include "analysis/stats/log_sum.h"
#include "analysis/stats/quantile.h"

namespace weir::analysis {
namespace {

// STATISTICS.md 4.0, gamma.
constexpr double kSeedRollout = 0.5;
constexpr double kSeedSteps = 0.25;  // over K
constexpr double kSeedMinute = 0.25 / 1440;

// Observations of a step that ended so many steps ago feed the memory only.
constexpr std::size_t kStepsKept = 64;
constexpr double kMostThresholdObservations = 5'000;  // Nb at a threshold's first moment (4.4)
constexpr double kLeastRate = 1e-6;
constexpr std::size_t kFailedNamed = 5;

}  // namespace

Judge::State::State(JudgeSpec with, const BaselineMemory& memory)
    : spec(std::move(with)),
      step_seeds_left(std::max(0, spec.steps - 1)),
      rates(memory.rates),
      history(memory.latency),
      split(static_cast<std::uint32_t>(std::max(1, spec.steps))) {
  set_guards(spec.guards);
}

GuardState Judge::State::make_guard(const config::Guard& guard, bool is_limit) {
  GuardState made;
  made.guard = guard;
  made.is_limit = is_limit;
  made.rollback = RateTest(TestSide::kRollback, spec.refresh);
  made.advance = RateTest(TestSide::kAdvance, spec.refresh);
  made.metric = metric_index(binary_metric(guard));
  if (!is_latency(guard)) return made;
  take_slot(made);
  if (is_limit) {
    made.threshold = {.baseline_us = limit_us(guard), .candidate_us = limit_us(guard)};
  } else {
    made.history = history;
  }
  return made;
}

void Judge::State::take_slot(GuardState& made) {
  const auto used = [&](std::size_t slot) {
    return std::any_of(guards.begin(), guards.end(), [&](const GuardState& other) {
      return is_latency(other.guard) && other.metric == latency_metric_index(slot);
    });
  };
  // Round and round: a slot just left may still be named by requests under way.
  std::size_t slot = next_slot;
  for (int tries = 0; tries < kMaxLatencyMetrics && used(slot); ++tries) slot = (slot + 1) % kMaxLatencyMetrics;
  next_slot = (slot + 1) % kMaxLatencyMetrics;
  made.metric = latency_metric_index(slot);
  for (ClusterTable& table : clusters) table.forget(made.metric);
  if (alone) alone->forget(made.metric);
  baseline_past.forget(made.metric);
  for (StepState& step : steps) step.seen[made.metric] = {};
  for (auto& arm : in_step) arm[made.metric] = {};
}

namespace {

struct Rule {
  config::Guard guard;
  bool is_limit = false;
};

// A guard with a ceiling is two rules, of one weight each.
std::vector<Rule> rules_of(const std::vector<config::Guard>& guards) {
  std::vector<Rule> rules;
  for (const config::Guard& guard : guards) {
    rules.push_back({guard, false});
    if (guard.has_max()) rules.push_back({guard, true});
  }
  return rules;
}

bool is_rule_of(const GuardState& known, const Rule& rule) {
  if (known.is_limit != rule.is_limit) return false;
  return rule.is_limit ? same_limit(known.guard, rule.guard) : same_rule(known.guard, rule.guard);
}

}  // namespace

// Kept guards keep weight and evidence; new and changed ones begin anew; no weight rises (4.0, "weights").
void Judge::State::set_guards(const std::vector<config::Guard>& wanted) {
  const std::vector<GuardState> before = std::move(guards);
  const bool started = !steps.empty();
  guards.clear();
  std::vector<Rule> fresh;
  for (const Rule& rule : rules_of(wanted)) {
    const auto kept =
        std::find_if(before.begin(), before.end(), [&](const GuardState& old) { return is_rule_of(old, rule); });
    if (kept == before.end()) {
      fresh.push_back(rule);
      continue;
    }
    guards.push_back(*kept);
    guards.back().guard = rule.guard;
  }
  std::array<double, kPoolCount> sums{};
  for (const Rule& rule : fresh) sums[static_cast<std::size_t>(rule.guard.action)] += table_weight(rule.guard);
  for (std::size_t pool = 0; pool < kPoolCount; ++pool) {
    if (table_sums[pool] == 0) table_sums[pool] = sums[pool];
  }
  for (const auto& [guard, is_limit] : fresh) {
    guards.push_back(make_guard(guard, is_limit));
    guards.back().weight = table_weight(guard) / table_sums[static_cast<std::size_t>(guard.action)];
    if (started) guards.back().inject(std::log(kSeedMinute));
  }
  ++threshold_version;
}

void Judge::State::inject_all(double log_gamma) {
  for (GuardState& guard : guards) guard.inject(log_gamma);
}

StepState* Judge::State::find_step(StepId id) {
  const auto at = std::find_if(steps.begin(), steps.end(), [&](const StepState& step) { return step.id == id; });
  return at == steps.end() ? nullptr : &*at;
}

bool Judge::State::idle(const TickInput& input) const {
  return input.steps.empty() && input.elsewhere.empty() && input.outside == nullptr && input.malformed == 0 &&
         !stepped && !minute_began && !edited;
}

// Of a tick without any record only its time counts: a hundred quiet rollouts cost next to nothing.
bool Judge::State::rest(Seconds dt) {
  checked.clear();
  for (GuardState& guard : guards) {
    if (!guard.is_limit && !(is_latency(guard.guard) && !guard.armed())) guard.difference.add(TickRates(), dt.count());
  }
  baseline_past.add({}, dt);
  const double errors = baseline_errors.rate();
  baseline_errors.add({}, dt);
  split.pass(dt);
  const bool users = split.end_tick(std::chrono::microseconds(overdue_us()));
  return users || baseline_errors.rate() != errors;
}

// Drops what breaks 4.13's invariants; sorts by step, because evidence is added in that order.
void Judge::State::check(const TickInput& input) {
  checked.clear();
  malformed += input.malformed;
  for (const StepCounts* counts : input.steps) {
    CheckedStep step{.step = find_step(counts->step), .arms = {}, .valid = {}};
    for (std::size_t arm = 0; arm < counts->arms.size(); ++arm) {
      step.arms[arm] = &counts->arms[arm];
      for (std::size_t m = 0; m < kMetricCount; ++m) {
        const MetricCount& count = counts->arms[arm].metrics[m];
        step.valid[arm][m] = count.x <= count.n;
        if (count.x > count.n) ++malformed;
      }
    }
    // One arm's counts alone are no comparison.
    step.valid[0] = step.valid[1] = step.valid[0] & step.valid[1];
    checked.push_back(step);
  }
  const auto id = [](const CheckedStep& step) { return step.step == nullptr ? 0 : step.step->id; };
  std::sort(checked.begin(), checked.end(), [&](const auto& a, const auto& b) { return id(a) < id(b); });
}

void Judge::State::refresh_thresholds() {
  const auto can_arm = [](const GuardState& guard) {
    return is_latency(guard.guard) && !guard.is_limit && !guard.armed() &&
           guard.history.total >= history_needed(exceedance(guard.guard));
  };
  if (!minute_began && std::none_of(guards.begin(), guards.end(), can_arm)) return;
  for (GuardState& guard : guards) {
    if (guard.is_limit || (!guard.armed() && !can_arm(guard))) continue;
    const double tau = exceedance(guard.guard);
    const double quantile_us = upper_quantile_us(guard.history.counts, guard.history.total / guard.history.unit, tau);
    if (!guard.armed()) guard.above.n = std::min(kMostThresholdObservations, guard.history.total);
    guard.above.x = tau * guard.above.n;
    guard.threshold.baseline_us = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(quantile_us)));
    guard.threshold.candidate_us = std::max<std::uint64_t>(1, candidate_threshold_us(guard.guard, quantile_us));
    ++threshold_version;
  }
}

void Judge::State::fill_clusters() {
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr) continue;
    if (step.step->weight >= 1 && !alone) alone = clusters[1];
    if (step.step->weight > 0 && alone) alone->add(*step.arms[1], step.valid[1]);
    if (!step.step->compares()) continue;
    for (std::size_t arm = 0; arm < kArmCount; ++arm) clusters[arm].add(*step.arms[arm], step.valid[arm]);
  }
}

// With this tick's requests already in the tables, so that a burst damps its own weight (4.7).
void Judge::State::weigh_clusters() {
  if (checked.empty()) return;
  for (GuardState& guard : guards) {
    if (guard.is_limit) {
      guard.phi_div = own_divisor(spread(all_of_candidate().sums(guard.metric), kClusterCount), kClusterCount);
      continue;
    }
    const Spread baseline = spread(clusters[0].sums(guard.metric), kClusterCount);
    const Spread candidate = spread(clusters[1].sums(guard.metric), kClusterCount);
    const double factor = rollback_margin(guard.guard).factor;
    const DesignEffect effect = design_effect(baseline, candidate, factor, kClusterCount);
    const MetricCount bad = clusters[1].total(guard.metric);
    const bool total_failure = !is_latency(guard.guard) && bad.n > 0 && bad.x == bad.n;
    guard.phi_div = total_failure ? 1 : effect.divisor;
    guard.phi_div_advance = effect.advance_divisor;
  }
}

double Judge::State::expected_rate(const GuardState& guard) const {
  if (!is_latency(guard.guard)) {
    const DecayedRate& rate = rates[guard.metric];
    return baseline_rate(rate.x, rate.n);
  }
  if (guard.above.n <= 0) return exceedance(guard.guard);
  return std::clamp(guard.above.x / guard.above.n, kLeastRate, 1 - kLeastRate);
}

void Judge::State::test(Seconds dt) {
  for (GuardState& guard : guards) {
    if (is_latency(guard.guard) && !guard.armed()) continue;
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
  const Margin margin = rollback_margin(guard.guard);
  const Margin advance = advance_margin(guard.guard, current.next_weight);
  Predicted predicted{.baseline_rate = expected_rate(guard), .allocation = 0, .divisor = 1};
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || !step.step->compares()) continue;
    const MetricCount baseline = step.count(Arm::kBaseline, guard.metric);
    const MetricCount candidate = step.count(Arm::kCandidate, guard.metric);
    const TickRates tick{baseline.n, baseline.x, candidate.n, candidate.x};
    const StepState::Seen& seen = step.step->seen[guard.metric];
    predicted.allocation =
        allocation(static_cast<double>(seen.candidate), static_cast<double>(seen.both), step.step->weight);
    predicted.divisor = guard.phi_div;
    guard.rollback.add(tick, margin, predicted);
    predicted.divisor = guard.phi_div_advance;
    guard.advance.add(tick, advance, predicted);
  }
}

// Blocks never span two steps, so that what comes late, under an earlier one, is left out.
void Judge::State::show(GuardState& guard, Seconds dt) {
  TickRates tick;
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || step.step->id != current.step || !step.step->compares()) continue;
    const MetricCount baseline = step.count(Arm::kBaseline, guard.metric);
    const MetricCount candidate = step.count(Arm::kCandidate, guard.metric);
    tick = {baseline.n, baseline.x, candidate.n, candidate.x};
  }
  guard.difference.add(tick, dt.count());
}

// It needs no baseline, and so goes on where nobody is left on it.
void Judge::State::hold_to_limit(GuardState& guard) {
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || step.step->weight <= 0) continue;
    const MetricCount candidate = step.count(Arm::kCandidate, guard.metric);
    guard.limit.add(candidate.n, candidate.x, limit_share(guard.guard), guard.phi_div);
  }
}

void Judge::State::watch_drift(GuardState& guard) {
  if (guard.drift_limit <= 0) return;
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || step.step->weight < 1) continue;
    const MetricCount candidate = step.count(Arm::kCandidate, guard.metric);
    const double divisor = own_divisor(spread(all_of_candidate().sums(guard.metric), kClusterCount), kClusterCount);
    guard.drift.add(candidate.n, candidate.x, guard.drift_limit, divisor);
  }
}

// The reference is frozen where the comparison ends.
void Judge::State::begin_drift(double weight) {
  drifted = false;
  for (GuardState& guard : guards) {
    guard.drift.restart();
    guard.drift_limit = 0;
    if (weight < 1 || guard.is_limit || (is_latency(guard.guard) && !guard.armed())) continue;
    const MetricCount past = baseline_past.of(guard.metric);
    const double rate =
        past.n == 0 ? expected_rate(guard) : baseline_rate(static_cast<double>(past.x), static_cast<double>(past.n));
    guard.drift_limit = drift_limit(rate, rollback_margin(guard.guard));
    guard.drift.inject(std::log(kSeedMinute));
  }
}

namespace {

// What the baseline has had in one tick, wherever it was counted.
struct BaselineTick {
  std::array<MetricCount, kMetricCount> metrics{};
  std::vector<const HistogramDelta*> latencies;

  void add(std::span<const MetricCount> counts) {
    for (std::size_t m = 0; m < counts.size(); ++m) {
      metrics[m].n += counts[m].n;
      metrics[m].x += counts[m].x;
    }
  }
  std::uint64_t observations() const {
    std::uint64_t sum = 0;
    for (const HistogramDelta* delta : latencies) sum += delta->total();
    return sum;
  }
};

BaselineTick baseline_tick(const std::vector<CheckedStep>& checked, const TickInput& input) {
  BaselineTick all;
  for (const CheckedStep& step : checked) {
    MetricCounts counts{};
    for (std::size_t m = 0; m < kMetricCount; ++m) counts[m] = step.count(Arm::kBaseline, m);
    all.add(counts);
    all.latencies.push_back(&step.arms[0]->latency);
  }
  for (const ArmCounts* arm : input.elsewhere) {
    all.add(std::span(arm->metrics).first(kBinaryMetricCount));
    all.latencies.push_back(&arm->latency);
  }
  if (input.outside != nullptr) {
    all.add(input.outside->metrics);
    all.latencies.push_back(&input.outside->latency);
  }
  return all;
}

}  // namespace

// After the tests: what was learnt from this tick predicts the next one, never itself (4.2).
void Judge::State::remember(const TickInput& input) {
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr) continue;
    for (std::size_t m = 0; m < kMetricCount; ++m) {
      const MetricCount c = step.count(Arm::kCandidate, m);
      step.step->seen[m].candidate += c.n;
      step.step->seen[m].both += step.count(Arm::kBaseline, m).n + c.n;
    }
  }
  const BaselineTick tick = baseline_tick(checked, input);
  baseline_past.add(tick.metrics, input.dt);
  for (std::size_t m = 0; m < kBinaryMetricCount; ++m) rates[m].add(tick.metrics[m], input.dt);
  baseline_errors.add(tick.metrics[metric_index(BinaryMetric::kErrorRate)], input.dt);
  baseline_errors.learn(rates[metric_index(BinaryMetric::kErrorRate)]);

  const std::uint64_t observations = tick.observations();
  const auto learn = [&](DecayedHistogram& into, double half_life) {
    into.fade(input.dt, observations, half_life);
    for (const HistogramDelta* delta : tick.latencies) into.add(*delta);
  };
  learn(history, 100 / 0.01);
  for (GuardState& guard : guards) {
    if (!is_latency(guard.guard) || guard.is_limit) continue;
    learn(guard.history, 100 / exceedance(guard.guard));
    if (guard.armed()) guard.above.add(tick.metrics[guard.metric], input.dt);
  }
}

void Judge::State::count_step() {
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || step.step->id != current.step) continue;
    for (std::size_t arm = 0; arm < kArmCount; ++arm) {
      requests_in_step[arm] += step.arms[arm]->requests;
      overdue[arm] += step.arms[arm]->overdue_change;
      for (std::size_t m = 0; m < kMetricCount; ++m) {
        const MetricCount count = step.count(static_cast<Arm>(arm), m);
        in_step[arm][m].n += count.n;
        in_step[arm][m].x += count.x;
      }
    }
  }
}

namespace {

bool is_bad(const GuardState& guard, const FailedRequest& request) {
  if (is_latency(guard.guard)) return ((request.over >> (guard.metric - kBinaryMetricCount)) & 1U) != 0;
  return is_failure(binary_metric(guard.guard), request.outcome);
}

}  // namespace

// So that somebody can look up what happened.
void Judge::State::name_failures(const TickInput& input) {
  for (const StepCounts* counts : input.steps) {
    if (counts->step != current.step) continue;
    for (const FailedRequest& request : counts->failed) {
      for (GuardState& guard : guards) {
        if (guard.failed.size() == kFailedNamed || !is_bad(guard, request)) continue;
        const auto known = std::find(guard.failed.begin(), guard.failed.end(), request.id());
        if (known == guard.failed.end()) guard.failed.emplace_back(request.id());
      }
    }
  }
}

// Only of the step in force: a user of an earlier one was assigned by another share.
void Judge::State::watch_split(Seconds dt) {
  split.pass(dt);
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || step.step->id != current.step) continue;
    split.add(Arm::kBaseline, *step.arms[0]);
    split.add(Arm::kCandidate, *step.arms[1]);
  }
  split.end_tick(std::chrono::microseconds(overdue_us()));
}

std::uint64_t Judge::State::overdue_us() const {
  std::uint64_t highest_us = 0;
  for (const GuardState& guard : guards) {
    highest_us = std::max({highest_us, guard.threshold.baseline_us, guard.threshold.candidate_us});
  }
  return highest_us > 0 ? highest_us : LatencyThresholds().overdue_us;
}

Judge::Judge(JudgeSpec spec, const BaselineMemory& memory) : state_(std::make_unique<State>(std::move(spec), memory)) {}
Judge::Judge(std::unique_ptr<State> state) : state_(std::move(state)) {}
Judge::~Judge() = default;
Judge::Judge(Judge&&) noexcept = default;
Judge& Judge::operator=(Judge&&) noexcept = default;

void Judge::begin_step(const StepContext& step) {
  State& s = *state_;
  double gamma = kSeedMinute;
  if (step.seed == StepContext::Seed::kRolloutStart) gamma = kSeedRollout;
  if (step.seed == StepContext::Seed::kStep && s.step_seeds_left > 0) {
    --s.step_seeds_left;
    gamma = kSeedSteps / s.spec.steps;
  }
  // Nobody knows how many were injected before what was lost.
  if (step.seed == StepContext::Seed::kEvidenceLost) s.step_seeds_left = 0;
  s.inject_all(std::log(gamma));
  for (GuardState& guard : s.guards) guard.advance.restart();
  s.steps.push_back({.id = step.step, .weight = step.weight, .seen = {}});
  if (s.steps.size() > kStepsKept) s.steps.erase(s.steps.begin());
  s.current = step;
  s.in_step = {};
  s.requests_in_step = {};
  s.overdue = {};
  s.baseline_errors.begin_step();
  s.baseline_errors.learn(s.rates[metric_index(BinaryMetric::kErrorRate)]);
  s.split.begin_step(step.weight);
  for (GuardState& guard : s.guards) {
    guard.difference.end_block();
    guard.failed.clear();
  }
  s.begin_drift(step.weight);
  s.stepped = true;
}

void Judge::begin_minute() {
  if (!state_->stepped) {
    state_->inject_all(std::log(kSeedMinute));
    for (GuardState& guard : state_->guards) guard.drift.inject(std::log(kSeedMinute));
  }
  state_->minute_began = true;
}

bool Judge::tick(const TickInput& input) {
  State& s = *state_;
  if (s.idle(input)) return s.rest(input.dt);
  s.check(input);
  s.refresh_thresholds();
  s.fill_clusters();
  s.weigh_clusters();
  s.test(input.dt);
  s.remember(input);
  s.count_step();
  s.watch_split(input.dt);
  s.name_failures(input);
  const double against = s.pool_evidence(config::GuardAction::kRollback);
  s.p_anytime = std::min(s.p_anytime, std::exp(-against));
  const double pausing = s.pool_evidence(config::GuardAction::kPause);
  s.pause_pool_fired = s.pause_pool_fired || pausing >= -std::log(s.spec.max_false_rollback);
  s.drifted = s.drifted || s.drift_evidence() >= -std::log(s.spec.max_false_rollback);
  s.stepped = false;
  s.minute_began = false;
  s.edited = false;
  return true;
}

LatencyThresholds Judge::thresholds() const {
  LatencyThresholds out;
  out.version = state_->threshold_version;
  out.overdue_us = state_->overdue_us();
  for (const GuardState& guard : state_->guards) {
    if (!is_latency(guard.guard)) continue;
    const std::size_t slot = guard.metric - kBinaryMetricCount;
    out.by_slot[slot] = guard.threshold;
    out.metrics = std::max(out.metrics, static_cast<std::uint8_t>(slot + 1));
  }
  return out;
}

StepId Judge::step() const { return state_->current.step; }

bool Judge::counts_users() const { return state_->split.test().counts(); }

bool Judge::names_failures() const {
  const auto wants = [](const GuardState& guard) { return guard.failed.size() < kFailedNamed; };
  return std::any_of(state_->guards.begin(), state_->guards.end(), wants);
}

BaselineMemory Judge::memory() const { return {.rates = state_->rates, .latency = state_->history}; }

void Judge::change_guards(const JudgeSpec& spec) {
  State& s = *state_;
  s.spec.max_false_rollback = spec.max_false_rollback;
  s.spec.max_false_advance = spec.max_false_advance;
  s.spec.has_keys = spec.has_keys;
  s.spec.guards = spec.guards;
  s.edited = true;
  s.set_guards(spec.guards);
}

void Judge::resume() {
  State& s = *state_;
  s.edited = true;
  s.malformed = 0;
  s.pause_pool_fired = false;
  s.split.restart();
  s.drifted = false;
  for (GuardState& guard : s.guards) guard.drift.restart();
  for (GuardState& guard : s.guards) {
    if (guard.guard.action != config::GuardAction::kPause) continue;
    guard.rollback.restart();
    guard.limit.restart();
    guard.inject(std::log(kSeedMinute));
  }
}

}  // namespace weir::analysis
