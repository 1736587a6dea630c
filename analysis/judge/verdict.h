// Immutable. What the numbers say about a rollout, and about each of its guards: STATISTICS.md 4.8. What is done about
// it is a Decision, and not decided here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/stats/value_sums.h"
#include "analysis/window/tick_counts.h"
#include "base/traffic_plan.h"
#include "config/rollout.h"

namespace weir::analysis {

// Whether each arm gets its share of users (4.9). Users are counted in the step in force, by arm: [baseline,
// candidate].
struct SplitStatus {
  std::array<double, kArmCount> users{};
  double weight = 0;         // the share due to the candidate
  bool counting = false;     // there is a split to test, and users still count
  double log_evidence = 0;   // the largest so far that the split is broken
  double log_threshold = 0;  // alarms
  bool alarm = false;        // latched until resume()
  std::string because;       // the alarm in words, when there is one
};

struct Verdict {
  enum class Kind : std::uint8_t {
    kPass,          // every gate passed and nothing of 4.8 holds back
    kFail,          // S_rollback >= log(1/alpha): outranks everything else
    kInconclusive,  // neither; `lacks` says why
    kError,         // the counts broke an invariant: hold until resume
  };

  Kind kind = Kind::kInconclusive;
  // log-sum of weight times evidence over a pool's guards; -infinity when the pool says nothing.
  double log_evidence_rollback = 0;
  double log_evidence_pause = 0;
  double log_evidence_warn = 0;
  double log_threshold = 0;          // log(1/alpha), of every pool
  double log_threshold_advance = 0;  // log(1/beta), of every gate
  double p_anytime = 1;              // min over time of min(1, 1/evidence) of the rollback pool
  double promised_alpha = 0;         // alpha, or more once edits made the pool's weights pass 1
  bool pause_pool_fired = false;     // latched until resume()
  bool warn_pool_fired = false;      // at this moment
  // At 100 % without a holdback: the candidate is worse than the baseline was, or everything is. Latched until
  // resume(); an alert, for drift cannot be told from a regression there (4.10).
  std::string drift;            // in words; empty: none
  std::uint64_t malformed = 0;  // dropped counts and records since the last resume()
  // Index into guards() of the largest term of the rollback pool, or -1. Likewise for the pause pool.
  int worst_guard = -1;
  int worst_pause_guard = -1;
  std::string because;  // the worst guard in words, when the rollback or the pause pool has fired
  SplitStatus split;
  // Why this is no Pass, most basic first, each "word: figures": malformed, split, few_users, not_armed, gate,
  // evidence_against, baseline_unhealthy, in_flight, scores_missing, no_gates.
  std::vector<std::string> lacks;
  // Judged requests of this step that ended, for minRequests.
  std::uint64_t candidate_requests_in_step = 0;
  std::uint64_t baseline_requests_in_step = 0;
};

// Of a ratio N / D: so many answers, and what they had of each.
struct RatioSums {
  std::uint64_t n = 0;
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 0;

  RatioSums& operator+=(const RatioSums& other) {
    n += other.n;
    numerator += other.numerator;
    denominator += other.denominator;
    return *this;
  }
};

// One guard as people are shown it.
struct GuardStatus {
  config::Guard guard;
  bool is_limit = false;             // the guard's ceiling, not its comparison
  std::size_t metric = 0;            // index in every table of counts
  double weight = 0;                 // share of alpha within its pool
  double margin_factor = 1;          // a
  double margin = 0;                 // d, toward rollback
  double advance_factor = 1;         // a_k of this step, toward advance
  double advance_margin = 0;         // d_k
  double log_evidence_rollback = 0;  // without the weight
  double log_evidence_advance = 0;   // passes at log(1/beta)
  bool gate = false;
  bool gate_passed = false;
  bool speaks = false;         // the guard of three clusters is met: the evidence counts toward rollback
  bool alpha_promised = true;  // false for so few users that it only counts as a target
  // Times, amounts and ratios: judged by a threshold or a scale already. Else how much history it has of how much it
  // needs.
  bool armed = true;
  double history = 0;
  double history_needed = 0;
  LatencyThreshold threshold;
  double cap = 0;    // of amounts, in their unit; 0: not known yet
  ValueScale scale;  // of amounts and ratios: what their values are made by
  // Over the same seconds, both arms: [baseline, candidate].
  std::array<MetricCount, kArmCount> in_step{};
  std::array<MetricCount, kArmCount> since_start{};
  std::uint32_t clusters_seen = 0;  // of the candidate
  std::uint32_t clusters_hit = 0;   // of them with a bad event
  double phi_div = 1;
  double phi_div_advance = 1;
  // The cluster of the candidate's users with the most bad events, of how many requests; of a mean the one that raises
  // it most, in how many.
  std::size_t worst_cluster = 0;
  MetricCount in_worst_cluster;
  // Candidate less baseline, with bounds that hold at all times; shown, and nothing is decided by it (4.11).
  struct Bounds {
    double value = 0;
    double low = 0;
    double high = 0;
  };
  // Of shares of requests; of means in their unit; of a ratio by how much larger it is, as a share of the baseline's.
  std::optional<Bounds> difference;
  // Of a mean alone, whose observations are no bad events. What people see is in the unit that they count in.
  struct Means {
    std::array<ValueSums, kArmCount> in_step{};
    std::array<ValueSums, kArmCount> since_start{};
    double at_best = 0;     // what y = 0 stands for
    double at_worst = 1;    // what y = 1 stands for; below at_best where higher is better
    bool inverted = false;  // people count the inverse of that: not seconds per token but tokens per second
    std::string unit;       // "tokens"; empty: none
    // The worst cluster's mean; of a ratio by how much more than the baseline's it is, as a share of it.
    double in_worst_cluster = 0;
    // Of a ratio what it is a ratio of, and what 1 of N for 1 of D is in its unit.
    std::array<RatioSums, kArmCount> parts_in_step{};
    std::array<RatioSums, kArmCount> parts_since_start{};
    double ratio_unit = 0;  // 0: it is none
    double of(double y) const { return at_best + (at_worst - at_best) * y; }
    double mean(const ValueSums& sums, const RatioSums& parts = {}) const;
    // Whether differences are shares of the baseline's.
    bool is_ratio() const { return ratio_unit > 0; }
    bool higher_is_better() const { return inverted || at_worst < at_best; }
  };
  std::optional<Means> means;
  std::vector<std::string> failed;  // ids of the step's first bad requests of the candidate, as far as they are known
  double drift_limit = 0;           // in a step that leaves nobody to compare with: alerts beyond it
  double log_evidence_drift = 0;
};

// "errorRate", "latency p99", "errorRate max".
std::string guard_name(const GuardStatus& guard);

// The numbers of one guard in a sentence (4.8): both arms over the same seconds, the margin, the evidence against what
// decides, the groups of users hit, the design effect.
std::string explain(const GuardStatus& guard, double log_threshold);

// To publish in the TrafficPlan. The version rises whenever anything here changes.
struct Thresholds {
  std::uint32_t version = 0;
  std::uint8_t metrics = 0;  // slots in use: 0..metrics-1 of `by_slot`, of which some may be unused (zeros)
  std::array<TimeMetric, kMaxLatencyMetrics> times{};
  std::array<LatencyThreshold, kMaxLatencyMetrics> by_slot{};
  std::array<ValueScale, kMaxValueMetrics> scales{};
  std::uint16_t answer_metrics = 0;  // bit k: a guard is about the answers' k-th binary metric
  std::uint64_t overdue_us = 60'000'000;
};

}  // namespace weir::analysis
