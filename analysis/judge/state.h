// Confined to one thread. Everything that a judge knows: what is saved and what dies with the process.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/judge/cluster_table.h"
#include "analysis/judge/error_window.h"
#include "analysis/judge/evidence.h"
#include "analysis/judge/guard_rule.h"
#include "analysis/judge/half_hour.h"
#include "analysis/judge/judge.h"
#include "analysis/judge/late_gates.h"
#include "analysis/judge/scored_watch.h"
#include "analysis/judge/split_watch.h"
#include "analysis/stats/bounded_value.h"
#include "analysis/stats/design_effect.h"
#include "analysis/stats/display_interval.h"
#include "analysis/stats/limit_test.h"
#include "analysis/stats/rate_test.h"
#include "base/traffic_plan.h"

namespace weir::analysis {

// STATISTICS.md 4.0, gamma.
inline constexpr double kSeedRollout = 0.5;
inline constexpr double kSeedSteps = 0.25;  // over K
inline constexpr double kSeedMinute = 0.25 / 1440;

// One guard's evidence, both ways. A guard with a ceiling is two of these: the comparison, and the ceiling (4.15),
// which looks at the candidate alone and gates nothing.
struct GuardState {
  config::Guard guard;
  bool is_limit = false;
  double weight = 0;       // share of alpha within its pool; an edit never raises it
  std::size_t metric = 0;  // index in every table of counts
  Evidence rollback;
  Evidence advance;
  // Of feedback, in place of `advance`.
  LateGates late;
  ScoredWatch scored;
  LimitTest limit;
  DisplayInterval difference;  // to be shown, and nothing is decided by it
  // While nobody is left to compare with: the candidate against what the baseline was, for an alert (4.10).
  LimitTest drift;
  double drift_limit = 0;           // 0: not in such a step
  std::vector<std::string> failed;  // ids of the step's first bad requests of the candidate
  double phi_div = 1;
  double phi_div_advance = 1;
  // Comparisons of times only. It fades by this quantile's own half-life.
  DecayedHistogram history;
  // What the baseline's share above the threshold, its mean amount, or its score has been: y and n.
  DecayedRate usual;
  LatencyThreshold threshold;  // zeros: not armed; of a ceiling the ceiling, for both arms
  // Of amounts and ratios, in the unit of their records: millionths, of a cost.
  FrozenScale cap;
  // Of a ratio N / D: the baseline's, and its mean of N. 0: not known yet.
  double ratio = 0;
  double mean_numerator = 0;
  // Of both arms, once it is armed.
  std::array<RatioSums, kArmCount> parts_in_step{};
  std::array<RatioSums, kArmCount> parts_since_start{};

  GuardState(config::Guard of, bool limit_alone, Refresh refresh);
  bool is_late() const { return guard.metric == config::GuardMetric::kFeedback; }
  bool armed() const;
  bool gates() const { return guard.gate && guard.action != config::GuardAction::kWarn && !is_limit; }
  // Of a metric's sums, what is tested: a binary score's are in units of 10^-4.
  ValueSums tested(const ValueSums& sums) const;
  Spread spread_of(const ClusterTable& table) const;
  ValueScale scale() const;
  // Of amounts in the unit that people count in, tokens or the currency. Of a ratio, 2 z_max / mean(N).
  double margin_cap() const;
  // Of a ratio, by how much longer the candidate's answers are than the baseline's, in D; 1 of all others.
  double longer() const;
  // What is tested.
  Margin rollback_margin() const { return of_lengths(analysis::rollback_margin(guard, margin_cap())); }
  Margin advance_margin(double next_weight) const {
    return of_lengths(analysis::advance_margin(guard, next_weight, margin_cap()));
  }
  Margin of_lengths(const Margin& margin) const;
  double log_against() const { return is_limit ? limit.log_evidence() : rollback.log_evidence(); }
  void inject(double log_gamma) { is_limit ? limit.inject(log_gamma) : rollback.inject(log_gamma); }
};

// One step id and what was seen under it, for w* of 4.2.
struct StepState {
  StepId id = 0;
  double weight = 0;
  struct Seen {
    std::uint64_t candidate = 0;
    std::uint64_t both = 0;
  };
  std::array<Seen, kMetricCount> seen{};
  Seen requests;

  bool compares() const { return weight > 0 && weight < 1; }
};

// What the tick says of one step, after the checks of 4.13.
struct CheckedStep {
  StepState* step = nullptr;  // null: a step that is forgotten, for the memory only
  std::array<const ArmCounts*, kArmCount> arms{};
  std::bitset<kMetricCount> valid;  // one arm's counts alone are no comparison

  ValueSums sums(Arm arm, std::size_t metric) const {
    return valid[metric] ? arms[static_cast<std::size_t>(arm)]->sums(metric) : ValueSums{};
  }
  TickPair pair(const GuardState& guard) const {
    return {guard.tested(sums(Arm::kBaseline, guard.metric)), guard.tested(sums(Arm::kCandidate, guard.metric))};
  }
};

inline constexpr std::size_t kPoolCount = 3;  // by GuardAction

struct Judge::State {
  JudgeSpec spec;
  std::vector<GuardState> guards;
  std::array<double, kPoolCount> table_sums{};  // of each pool when it first had guards: what renormalises its weights
  int step_seeds_left = 0;                      // injections of 0.25/K still due
  // The slots to try first for a new guard: of times, of amounts, of scores.
  std::array<std::size_t, 3> next_slot{};

  std::vector<StepState> steps;  // ascending, the newest last; old ones are forgotten
  StepContext current;
  std::array<std::array<ValueSums, kMetricCount>, kArmCount> in_step{};
  std::array<std::uint64_t, kArmCount> requests_in_step{};
  std::array<std::int64_t, kArmCount> overdue{};

  std::array<ClusterTable, kArmCount> clusters;
  // The candidate's, with what it had while nobody was left to compare it with. Nothing: it had nothing then.
  std::optional<ClusterTable> alone;
  BaselineMemory memory;  // its times are for guards to come
  ErrorWindow baseline_errors;
  SplitWatch split;
  std::uint32_t threshold_version = 0;
  std::uint64_t malformed = 0;
  bool pause_pool_fired = false;
  HalfHour baseline_past;
  bool drifted = false;  // latched until resume() or another step
  double p_anytime = 1;
  std::size_t saved_bytes = 0;  // by the last save
  // Within a tick.
  bool stepped = false;
  bool minute_began = false;
  bool edited = true;  // by something else than a tick, since the last one
  std::vector<CheckedStep> checked;

  State(JudgeSpec with, const BaselineMemory& memory);

  bool idle(const TickInput& input) const;
  // What is left to do in a tick that is idle. False: nothing that is told of has changed.
  bool rest(Seconds dt);
  // In order, a tick (4.14).
  void check(const TickInput& input);
  void refresh_thresholds();
  void fill_clusters();
  void weigh_clusters();
  void test(Seconds dt);
  void count_parts();
  void remember(const TickInput& input);
  void watch_scores(Seconds dt);
  void count_step();
  void watch_split(Seconds dt);
  void name_failures(const TickInput& input);

  void set_guards(const std::vector<config::Guard>& wanted);
  GuardState make_guard(const config::Guard& guard, bool is_limit);
  void open_late_gates();
  void take_slot(GuardState& guard);
  void learn_cap(GuardState& guard, const DecayedRate& known);
  // False: the memory has too few of the baseline's values.
  bool learn_ratio(GuardState& guard) const;
  // Of the baseline, toward arming.
  double values_seen(const GuardState& guard) const;
  void inject_all(double log_gamma);
  StepState* find_step(StepId id);
  void compare(GuardState& guard, Seconds dt);
  void show(GuardState& guard, Seconds dt);
  void watch_drift(GuardState& guard);
  void begin_drift(double weight);
  // Of the pool whose guards say most; -infinity when nothing is said.
  double drift_evidence(int* worst = nullptr) const;
  void hold_to_limit(GuardState& guard);
  const ClusterTable& all_of_candidate() const { return alone ? *alone : clusters[1]; }
  const ClusterTable& candidate_of(const GuardState& guard) const {
    return guard.is_limit ? all_of_candidate() : clusters[1];
  }
  double expected(const GuardState& guard) const;  // pb*, or m
  double pool_evidence(config::GuardAction pool, int* worst = nullptr) const;
  // The highest threshold: after so long every request is known, ended or overdue.
  std::uint64_t overdue_us() const;
  bool speaks(const GuardState& guard) const;
  bool alpha_promised(const GuardState& guard) const;
  bool gate_passed(const GuardState& guard) const;
  double toward_advance(const GuardState& guard) const;  // log evidence
};

}  // namespace weir::analysis
