#include "analysis/judge/judge.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "analysis/judge/guard_rule.h"
#include "analysis/judge/state.h"

namespace weir::analysis {
namespace {

const std::bitset<kMetricCount> kAllValid = std::bitset<kMetricCount>().set();

// Observations of a step that ended so many steps ago feed the memory only.
constexpr std::size_t kStepsKept = 64;
constexpr std::size_t kFailedNamed = 5;

}  // namespace

Judge::State::State(JudgeSpec with, const BaselineMemory& known)
    : spec(std::move(with)),
      step_seeds_left(std::max(0, spec.steps - 1)),
      memory(known),
      split(static_cast<std::uint32_t>(std::max(1, spec.steps))) {
  set_guards(spec.guards);
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
    if (!guard.is_limit && guard.armed()) show(guard, dt);
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
    CheckedStep step{.step = find_step(counts->step), .arms = {}, .valid = kAllValid};
    for (std::size_t arm = 0; arm < counts->arms.size(); ++arm) {
      step.arms[arm] = &counts->arms[arm];
      for (std::size_t m = 0; m < kMetricCount; ++m) {
        const ValueSums sums = counts->arms[arm].sums(m);
        if (m < kRateMetricCount ? sums.s1 <= sums.n : sums == ValueSums{} || sums.possible()) continue;
        step.valid.reset(m);
        ++malformed;
      }
    }
    checked.push_back(step);
  }
  const auto id = [](const CheckedStep& step) { return step.step == nullptr ? 0 : step.step->id; };
  std::sort(checked.begin(), checked.end(), [&](const auto& a, const auto& b) { return id(a) < id(b); });
}

void Judge::State::fill_clusters() {
  std::bitset<kMetricCount> guarded;
  for (const GuardState& guard : guards) guarded.set(guard.metric);
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr) continue;
    if (step.step->weight >= 1 && !alone) alone = clusters[1];
    if (step.step->weight > 0 && alone) alone->add(*step.arms[1], step.valid & guarded);
    if (!step.step->compares()) continue;
    for (std::size_t arm = 0; arm < kArmCount; ++arm) clusters[arm].add(*step.arms[arm], step.valid & guarded);
  }
}

// With this tick's requests already in the tables, so that a burst damps its own weight (4.7).
void Judge::State::weigh_clusters() {
  if (checked.empty()) return;
  for (GuardState& guard : guards) {
    if (guard.is_limit) {
      guard.phi_div = own_divisor(guard.spread_of(all_of_candidate()), kClusterCount);
      continue;
    }
    const Spread baseline = guard.spread_of(clusters[0]);
    const Spread candidate = guard.spread_of(clusters[1]);
    const auto weighed = [&](const Margin& of_side) {
      return design_effect(baseline, candidate, of_side.factor, kClusterCount);
    };
    const DesignEffect effect = weighed(guard.rollback_margin());
    const ValueSums bad = guard.tested(clusters[1].total(guard.metric));
    const bool total_failure = family_of(guard.guard) == config::Family::kRate && bad.n > 0 && bad.s1 == bad.n;
    guard.phi_div = total_failure ? 1 : effect.divisor;
    // The a in it is the side's own, and only amounts have another toward advance.
    const bool own_factor = family_of(guard.guard) == config::Family::kAmount;
    guard.phi_div_advance = (own_factor ? weighed(guard.advance_margin(current.next_weight)) : effect).advance_divisor;
  }
}

void Judge::State::count_step() {
  for (const CheckedStep& step : checked) {
    if (step.step == nullptr || step.step->id != current.step) continue;
    for (std::size_t arm = 0; arm < kArmCount; ++arm) {
      requests_in_step[arm] += step.arms[arm]->requests;
      overdue[arm] += step.arms[arm]->overdue_change;
      for (std::size_t m = 0; m < kMetricCount; ++m) {
        const ValueSums sums = step.sums(static_cast<Arm>(arm), m);
        if (sums.n > 0) in_step[arm][m] += sums;  // memory that no tick needs is in no cache
      }
    }
  }
}

// What ratios are of, for as long as there are values of them.
void Judge::State::count_parts() {
  for (GuardState& guard : guards) {
    if (!is_ratio(guard.guard) || !guard.armed()) continue;
    const RatioParts parts = ratio_parts(guard.guard);
    for (const CheckedStep& step : checked) {
      if (step.step == nullptr) continue;
      for (std::size_t arm = 0; arm < kArmCount; ++arm) {
        const AmountTotals& totals = step.arms[arm]->answers.totals;
        const AmountTotal& numerator = totals[parts.numerator];
        const RatioSums sums{numerator.n, numerator.sum, totals[parts.denominator].sum};
        if (step.step->id == current.step) guard.parts_in_step[arm] += sums;
        if (step.step->compares()) guard.parts_since_start[arm] += sums;
      }
    }
  }
}

namespace {

// Nothing: it is about something else than the bytes of an answer.
std::optional<std::size_t> answer_metric(const GuardState& guard) {
  if (guard.metric < kOutcomeMetricCount || guard.metric >= kRateMetricCount) return {};
  return guard.metric - kOutcomeMetricCount;
}

bool has_bit(unsigned bits, std::size_t k) { return ((bits >> k) & 1U) != 0; }

bool is_bad(const GuardState& guard, const FailedRequest& request) {
  if (is_mean(guard.guard)) return false;
  if (is_time(guard.guard)) return has_bit(request.over, guard.metric - kBinaryMetricCount);
  if (guard.is_late()) return has_bit(request.scores, guard.metric - score_metric_index(0));
  if (const std::optional<std::size_t> metric = answer_metric(guard)) return has_bit(request.answers, *metric);
  return guard.metric < kBinaryMetricCount && is_failure(static_cast<BinaryMetric>(guard.metric), request.outcome);
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
    if (guard.guard.metric != config::GuardMetric::kLatency) continue;
    highest_us = std::max({highest_us, guard.threshold.baseline_us, guard.threshold.candidate_us});
  }
  return highest_us > 0 ? highest_us : Thresholds().overdue_us;
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
  s.steps.push_back({.id = step.step, .weight = step.weight, .seen = {}, .requests = {}});
  if (s.steps.size() > kStepsKept) s.steps.erase(s.steps.begin());
  s.current = step;
  s.open_late_gates();
  s.in_step = {};
  s.requests_in_step = {};
  s.overdue = {};
  s.baseline_errors.begin_step();
  s.baseline_errors.learn(s.memory.rates[metric_index(BinaryMetric::kErrorRate)]);
  s.split.begin_step(step.weight);
  for (GuardState& guard : s.guards) {
    guard.difference.end_block();
    guard.failed.clear();
    guard.parts_in_step = {};
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
  s.watch_scores(input.dt);
  s.count_parts();
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

Thresholds Judge::thresholds() const {
  Thresholds out;
  out.version = state_->threshold_version;
  out.overdue_us = state_->overdue_us();
  for (const GuardState& guard : state_->guards) {
    if (const std::optional<std::size_t> metric = answer_metric(guard)) {
      out.answer_metrics = static_cast<std::uint16_t>(out.answer_metrics | 1U << *metric);
    }
    if (is_mean(guard.guard) && !guard.is_late()) out.scales[guard.metric - value_metric_index(0)] = guard.scale();
    if (!is_time(guard.guard)) continue;
    const std::size_t slot = guard.metric - kBinaryMetricCount;
    out.by_slot[slot] = guard.threshold;
    out.times[slot] = time_of(guard.guard);
    out.metrics = std::max(out.metrics, static_cast<std::uint8_t>(slot + 1));
  }
  return out;
}

std::uint32_t Judge::threshold_version() const { return state_->threshold_version; }

std::vector<Judge::ScoreSlot> Judge::score(std::string_view name, std::string_view source, double value) const {
  std::vector<ScoreSlot> slots;
  for (const GuardState& guard : state_->guards) {
    const config::Scoring& scoring = guard.guard.scoring;
    if (!guard.is_late() || scoring.name != name) continue;
    if (!scoring.source.empty() && scoring.source != source) continue;
    slots.push_back({static_cast<std::uint8_t>(guard.metric - score_metric_index(0)), badness(scoring, value)});
  }
  return slots;
}

StepId Judge::step() const { return state_->current.step; }

bool Judge::counts_users() const { return state_->split.test().counts(); }

bool Judge::names_failures() const {
  const auto wants = [](const GuardState& guard) {
    return !is_mean(guard.guard) && guard.failed.size() < kFailedNamed;  // none alone makes a mean bad
  };
  return std::any_of(state_->guards.begin(), state_->guards.end(), wants);
}

BaselineMemory Judge::memory() const { return state_->memory; }

void Judge::change_guards(const JudgeSpec& spec) {
  State& s = *state_;
  s.spec.max_false_rollback = spec.max_false_rollback;
  s.spec.max_false_advance = spec.max_false_advance;
  s.spec.has_keys = spec.has_keys;
  s.spec.next_weights = spec.next_weights;
  s.edited = true;
  s.spec.guards = spec.guards;
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
