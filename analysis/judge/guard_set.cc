// Which guards a judge has, and which place each has in the tables of counts: STATISTICS.md 4.0, "weights".
#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/judge/state.h"

namespace weir::analysis {

GuardState Judge::State::make_guard(const config::Guard& guard, bool is_limit) {
  GuardState made(guard, is_limit, spec.refresh);
  if (is_time(guard) || is_mean(guard) || made.is_late()) take_slot(made);
  if (is_time(guard) && is_limit) {
    made.threshold = {.baseline_us = limit_us(guard), .candidate_us = limit_us(guard)};
  } else if (is_time(guard)) {
    made.history = memory.time(time_of(guard));
  }
  const bool scales = is_ratio(guard) ? learn_ratio(made) : family_of(guard) == config::Family::kAmount;
  if (scales) learn_cap(made, memory.amounts[scaling_amount(guard)]);
  return made;
}

namespace {

// Metrics that guards are handed as they come: of times, of amounts and ratios, of scores.
struct Slots {
  std::size_t kind;
  std::size_t first;
  std::size_t count;
};
Slots slots_of(const config::Guard& guard) {
  if (is_time(guard)) return {0, latency_metric_index(0), kMaxLatencyMetrics};
  if (guard.metric == config::GuardMetric::kFeedback) return {2, score_metric_index(0), kScoreSlots};
  return {1, value_metric_index(0), kValueSlots};
}

}  // namespace

void Judge::State::take_slot(GuardState& made) {
  const Slots slots = slots_of(made.guard);
  const auto used = [&](std::size_t slot) {
    return std::any_of(guards.begin(), guards.end(),
                       [&](const GuardState& other) { return other.metric == slots.first + slot; });
  };
  // Round and round: a slot just left may still be named by requests under way.
  std::size_t slot = next_slot[slots.kind];
  for (std::size_t tries = 0; tries < slots.count && used(slot); ++tries) slot = (slot + 1) % slots.count;
  next_slot[slots.kind] = (slot + 1) % slots.count;
  made.metric = slots.first + slot;
  for (ClusterTable& table : clusters) table.forget(made.metric);
  if (alone) alone->forget(made.metric);
  if (made.metric < kRateMetricCount) baseline_past.forget(made.metric);
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

// Kept guards keep weight and evidence; new and changed ones begin anew; no weight rises.
void Judge::State::set_guards(const std::vector<config::Guard>& wanted) {
  std::vector<GuardState> before = std::move(guards);
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
  open_late_gates();
  ++threshold_version;
}

// One for each margin that a step of the plan may ask for, and for that of the step in force.
void Judge::State::open_late_gates() {
  for (GuardState& guard : guards) {
    if (!guard.is_late() || guard.is_limit) continue;
    for (const double next_weight : spec.next_weights) guard.late.of(next_weight, is_mean(guard.guard), spec.refresh);
    if (!steps.empty()) guard.late.of(current.next_weight, is_mean(guard.guard), spec.refresh);
  }
}

}  // namespace weir::analysis
