#include "analysis/judge/verdict.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/judge/guard_rule.h"
#include "analysis/judge/state.h"
#include "analysis/judge/words.h"
#include "analysis/stats/log_sum.h"

namespace weir::analysis {
namespace {

// STATISTICS.md 4.0, "guards" and "advance minimums".
constexpr std::uint32_t kClustersToSpeak = 3;
constexpr std::uint64_t kMeansToSpeak = 20;
constexpr std::uint64_t kLoneFailures = 10;
constexpr double kLoneFailureShare = 0.9;
constexpr std::uint32_t kClustersToAdvance = 5;
const double kLogEvidenceAgainst = std::log(10.0);
// Of 4.8's in_flight.
constexpr double kOverdueRequests = 3;

std::string split_explained(const SrmTest::State& split, bool has_keys, double log_threshold) {
  const auto& [baseline, candidate] = split.most_users;
  const auto users = [&](double count) { return with_commas(std::round(count)) + (has_keys ? " users" : " requests"); };
  return "the candidate got " + users(candidate) + " of " + with_commas(std::round(candidate + baseline)) + " (" +
         percent(candidate / std::max(1.0, candidate + baseline)) + ") where " + percent(split.most_weight) +
         " are due; evidence 1 : " + odds(split.log_most) + " of 1 : " + odds(log_threshold) +
         "; assignment or counting is broken, and the versions cannot be compared";
}

SplitStatus split_status(const SrmTest& test, bool has_keys) {
  SplitStatus status;
  status.users = test.state().users;
  status.weight = test.state().weight;
  status.counting = test.counts();
  status.log_evidence = test.log_evidence();
  status.log_threshold = std::log(SrmTest::kAlarmEvidence);
  status.alarm = test.alarm();
  if (status.alarm) status.because = split_explained(test.state(), has_keys, status.log_threshold);
  return status;
}

}  // namespace

// Evidence speaks once enough users have met the harm, or once the few that there are have met hardly anything else.
bool Judge::State::speaks(const GuardState& guard) const {
  const ClusterTable& candidate = candidate_of(guard);
  if (is_mean(guard.guard)) return candidate.total(guard.metric).n >= kMeansToSpeak;
  const std::uint32_t seen = candidate.seen();
  const std::uint32_t hit = candidate.hit(guard.metric);
  if (hit < std::min(kClustersToSpeak, seen)) return false;
  if (seen >= kClustersToSpeak) return true;
  const ValueSums bad = guard.tested(candidate.total(guard.metric));
  return bad.s1 >= kLoneFailures && static_cast<double>(bad.s1) >= kLoneFailureShare * static_cast<double>(bad.n);
}

bool Judge::State::alpha_promised(const GuardState& guard) const {
  return !speaks(guard) || candidate_of(guard).seen() >= kClustersToSpeak;
}

bool Judge::State::gate_passed(const GuardState& guard) const {
  if (guard.is_limit) return false;
  if (!guard.armed()) return false;
  const Margin margin = guard.advance_margin(current.next_weight);
  // Such a margin allows for everything.
  if (margin.factor * expected(guard) + margin.absolute >= 1) return true;
  return toward_advance(guard) >= -std::log(spec.max_false_advance);
}

double Judge::State::toward_advance(const GuardState& guard) const {
  if (!guard.is_late()) return guard.advance.log_evidence();
  const LateGate* const gate = guard.late.find(current.next_weight);
  return gate == nullptr ? 0 : gate->advance.log_evidence();
}

double Judge::State::pool_evidence(config::GuardAction pool, int* worst) const {
  double sum = kLogZero;
  double largest = kLogZero;
  for (std::size_t i = 0; i < guards.size(); ++i) {
    const GuardState& guard = guards[i];
    if (guard.guard.action != pool || !speaks(guard)) continue;
    const double term = std::log(guard.weight) + guard.log_against();
    sum = log_add(sum, term);
    if (worst != nullptr && term > largest) {
      largest = term;
      *worst = static_cast<int>(i);
    }
  }
  return sum;
}

double Judge::State::drift_evidence(int* worst) const {
  std::array<double, kPoolCount> sums;
  sums.fill(kLogZero);
  double largest = kLogZero;
  for (std::size_t i = 0; i < guards.size(); ++i) {
    const GuardState& guard = guards[i];
    const ClusterTable& candidate = all_of_candidate();
    if (guard.drift_limit <= 0 || candidate.hit(guard.metric) < std::min(kClustersToSpeak, candidate.seen())) continue;
    const double term = std::log(guard.weight) + guard.drift.log_evidence();
    double& sum = sums[static_cast<std::size_t>(guard.guard.action)];
    sum = log_add(sum, term);
    if (worst != nullptr && term > largest) {
      largest = term;
      *worst = static_cast<int>(i);
    }
  }
  return *std::max_element(sums.begin(), sums.end());
}

namespace {

class Holds {
 public:
  explicit Holds(const Judge::State& state, std::vector<std::string>& lacks) : state_(state), lacks_(lacks) {}

  // Most basic first.
  void list(double against, const SplitStatus& split) {
    if (state_.malformed > 0) say("malformed", with_commas(static_cast<double>(state_.malformed)) + " counts dropped");
    if (split.alarm) say("split", split.because);
    if (state_.current.at_full) {
      evidence_against(against);
      return;
    }
    if (state_.current.weight <= 0) {
      // Nothing else is lacking that could come before that.
      say("no_traffic", "at weight 0 nobody is sent to the candidate");
      evidence_against(against);
      return;
    }
    few_users();
    gates();
    evidence_against(against);
    baseline_unhealthy();
    in_flight();
    scores_missing();
  }

 private:
  void say(const char* word, const std::string& figures) { lacks_.push_back(std::string(word) + ": " + figures); }

  void few_users() {
    const std::uint32_t seen = state_.clusters[1].seen();
    if (state_.spec.has_keys && seen < kClustersToAdvance) {
      say("few_users", std::to_string(seen) + " of " + std::to_string(kClustersToAdvance));
    }
  }

  void gates() {
    bool any = false;
    for (const GuardState& guard : state_.guards) {
      if (!guard.gates()) continue;
      any = true;
      if (!guard.armed()) {
        say("not_armed", with_commas(state_.values_seen(guard)) + " of " + with_commas(values_needed(guard.guard)) +
                             " (" + guard_name(guard.guard) + ")");
      } else if (!state_.gate_passed(guard)) {
        const double share = state_.toward_advance(guard) / -std::log(state_.spec.max_false_advance);
        say("gate", guard_name(guard.guard) + " at " + percent(std::clamp(share, 0.0, 1.0)) + " of its evidence");
      }
    }
    if (!any) say("no_gates", "nothing advances without a gate");
  }

  void evidence_against(double against) {
    if (against < kLogEvidenceAgainst) return;
    say("evidence_against", "1 : " + with_commas(std::exp(std::min(against, 30.0))) + ", must be under 1 : 10");
  }

  void baseline_unhealthy() {
    if (!state_.baseline_errors.unhealthy()) return;
    say("baseline_unhealthy", percent(state_.baseline_errors.rate()) + " errors in the last 60 s");
  }

  // Slow failures come later than fast successes, so a step that looks good may still be waiting for its failures.
  void in_flight() {
    const auto share = [&](std::size_t arm) {
      const auto late = static_cast<double>(std::max<std::int64_t>(0, state_.overdue[arm]));
      const double all = late + static_cast<double>(state_.requests_in_step[arm]);
      return all == 0 ? 0 : late / all;
    };
    const double excess = share(1) - share(0);
    const auto late = static_cast<double>(std::max<std::int64_t>(0, state_.overdue[1]));
    const double all = late + static_cast<double>(state_.requests_in_step[1]);
    config::Guard errors;  // the default when the plan has switched errorRate off
    for (const GuardState& guard : state_.guards) {
      if (guard.guard.metric == config::GuardMetric::kErrorRate) errors = guard.guard;
    }
    const double margin = advance_margin(errors, state_.current.next_weight).absolute;
    if (excess <= margin || excess * all <= kOverdueRequests) return;
    say("in_flight", with_commas(late) + " requests of the candidate take longer than any ended one");
  }

  void scores_missing() {
    for (const GuardState& guard : state_.guards) {
      if (!guard.is_late() || guard.is_limit || !guard.scored.missing()) continue;
      say("scores_missing", "of the candidate's answers " + percent(guard.scored.share(Arm::kCandidate)) +
                                " are scored, of the baseline's " + percent(guard.scored.share(Arm::kBaseline)) + " (" +
                                guard_name(guard.guard) + ")");
    }
  }

  const Judge::State& state_;
  std::vector<std::string>& lacks_;
};

}  // namespace

Verdict Judge::verdict() const {
  const State& s = *state_;
  Verdict verdict;
  verdict.log_threshold = -std::log(s.spec.max_false_rollback);
  verdict.log_threshold_advance = -std::log(s.spec.max_false_advance);
  verdict.log_evidence_rollback = s.pool_evidence(config::GuardAction::kRollback, &verdict.worst_guard);
  verdict.log_evidence_pause = s.pool_evidence(config::GuardAction::kPause, &verdict.worst_pause_guard);
  verdict.log_evidence_warn = s.pool_evidence(config::GuardAction::kWarn);
  verdict.warn_pool_fired = verdict.log_evidence_warn >= verdict.log_threshold;
  verdict.pause_pool_fired = s.pause_pool_fired;
  verdict.malformed = s.malformed;
  verdict.p_anytime = s.p_anytime;
  if (int worst = -1; s.drifted) {
    s.drift_evidence(&worst);
    if (worst >= 0) verdict.drift = explain_drift(guards()[static_cast<std::size_t>(worst)], verdict.log_threshold);
  }
  double weights = 0;
  for (const GuardState& guard : s.guards) {
    if (guard.guard.action == config::GuardAction::kRollback) weights += guard.weight;
  }
  verdict.promised_alpha = s.spec.max_false_rollback * std::max(1.0, weights);
  verdict.baseline_requests_in_step = s.requests_in_step[0];
  verdict.candidate_requests_in_step = s.requests_in_step[1];
  verdict.split = split_status(s.split.test(), s.spec.has_keys);
  Holds(s, verdict.lacks).list(verdict.log_evidence_rollback, verdict.split);
  const bool names_pause = s.pause_pool_fired && verdict.worst_pause_guard >= 0;
  const auto why = [&](int guard) { return explain(guards()[static_cast<std::size_t>(guard)], verdict.log_threshold); };
  if (names_pause) verdict.because = why(verdict.worst_pause_guard);
  if (verdict.log_evidence_rollback >= verdict.log_threshold) {
    verdict.kind = Verdict::Kind::kFail;
    if (verdict.worst_guard >= 0) verdict.because = why(verdict.worst_guard);
  } else if (s.malformed > 0) {
    verdict.kind = Verdict::Kind::kError;
  } else {
    verdict.kind = verdict.lacks.empty() ? Verdict::Kind::kPass : Verdict::Kind::kInconclusive;
  }
  return verdict;
}

namespace {

// Observations and the bad ones; of a mean none is.
MetricCount counted(const GuardState& guard, const ValueSums& sums) {
  return {sums.n, is_mean(guard.guard) ? 0 : guard.tested(sums).s1};
}

// r0 + z / mean(D), for a z of either end, as it is where both arms' answers are as large.
GuardStatus::Means ratio_means(const GuardState& guard, GuardStatus::Means means) {
  const bool per_time = guard.guard.metric == config::GuardMetric::kTokensPerSecond;
  constexpr double kMicrosPerUnit = 1e6;
  constexpr double kTokensPriced = 1'000;
  const double unit = (per_time ? 1 : kTokensPriced) / kMicrosPerUnit;
  const double reach = guard.margin_cap() / 2;
  means.parts_in_step = guard.parts_in_step;
  means.parts_since_start = guard.parts_since_start;
  means.ratio_unit = unit;
  means.at_best = unit * guard.ratio * (1 - reach);
  means.at_worst = unit * guard.ratio * (1 + reach);
  means.inverted = per_time;
  means.unit = per_time ? "tokens per second" : "per 1k tokens";
  return means;
}

GuardStatus::Means means_of(const GuardState& guard, const std::array<ValueSums, kArmCount>& since_start) {
  GuardStatus::Means means;
  means.since_start = since_start;
  if (guard.guard.metric == config::GuardMetric::kTokensPerRequest) means.unit = "tokens";
  if (is_ratio(guard.guard)) return ratio_means(guard, std::move(means));
  if (!guard.is_late()) {
    means.at_worst = guard.margin_cap();
    return means;
  }
  const config::Scoring& scoring = guard.guard.scoring;
  means.at_best = scoring.lower_is_better ? scoring.from : scoring.to;
  means.at_worst = scoring.lower_is_better ? scoring.to : scoring.from;
  return means;
}

GuardStatus::Bounds in_unit(const GuardStatus::Bounds& of_y, const GuardState& guard,
                            const std::optional<GuardStatus::Means>& means) {
  if (!means) return of_y;
  const double whole = means->is_ratio() ? guard.margin_cap() : means->at_worst - means->at_best;
  const double low = whole * of_y.low;
  const double high = whole * of_y.high;
  return {whole * of_y.value, std::min(low, high), std::max(low, high)};
}

// Of a ratio only how far its answers are from the baseline's is known by clusters.
void name_worst(const GuardState& guard, const ClusterTable& candidate, GuardStatus& status) {
  const ClusterTable::Cluster worst = candidate.worst_of_values(guard.metric);
  status.worst_cluster = worst.number;
  status.in_worst_cluster = {worst.count.n, 0};
  if (worst.count.n == 0) return;
  const double y = ValueSums{worst.count.n, worst.count.x, 0}.sum() / static_cast<double>(worst.count.n);
  GuardStatus::Means& means = *status.means;
  means.in_worst_cluster = means.is_ratio() ? (y - 0.5) * guard.margin_cap() : means.of(y);
}

}  // namespace

// What takes no time has no speed.
double GuardStatus::Means::mean(const ValueSums& sums, const RatioSums& parts) const {
  if (!is_ratio()) return of(sums.n == 0 ? 0 : sums.sum() / static_cast<double>(sums.n));
  const double numerator = ratio_unit * static_cast<double>(parts.numerator);
  const auto denominator = static_cast<double>(parts.denominator);
  const double over = inverted ? numerator : denominator;
  return over > 0 ? (inverted ? denominator : numerator) / over : 0;
}

std::vector<GuardStatus> Judge::guards() const {
  const State& s = *state_;
  std::vector<GuardStatus> out;
  for (const GuardState& guard : s.guards) {
    GuardStatus status;
    const Margin margin = rollback_margin(guard.guard, guard.margin_cap());
    const Margin advance = advance_margin(guard.guard, s.current.next_weight, guard.margin_cap());
    status.guard = guard.guard;
    status.is_limit = guard.is_limit;
    status.metric = guard.metric;
    status.weight = guard.weight;
    status.margin_factor = margin.factor;
    status.margin = margin.absolute;
    status.advance_factor = advance.factor;
    status.advance_margin = advance.absolute;
    status.log_evidence_rollback = guard.log_against();
    status.log_evidence_advance = s.toward_advance(guard);
    status.gate = guard.gates();
    status.gate_passed = s.gate_passed(guard);
    status.speaks = s.speaks(guard);
    status.alpha_promised = s.alpha_promised(guard);
    if (is_time(guard.guard)) status.threshold = guard.threshold;
    if (guard.cap.frozen() && !is_ratio(guard.guard)) status.cap = guard.margin_cap();
    if (is_mean(guard.guard) && !guard.is_late()) status.scale = guard.scale();
    if (needs_arming(guard.guard) && !guard.is_limit) {
      status.armed = guard.armed();
      status.history = s.values_seen(guard);
      status.history_needed = values_needed(guard.guard);
    }
    const ClusterTable& candidate = s.candidate_of(guard);
    const std::array totals{s.clusters[0].total(guard.metric), candidate.total(guard.metric)};
    if (is_mean(guard.guard)) status.means = means_of(guard, totals);
    for (std::size_t arm = 0; arm < kArmCount; ++arm) {
      const ValueSums& in_step = s.in_step[arm][guard.metric];
      if (status.means) status.means->in_step[arm] = in_step;
      status.in_step[arm] = counted(guard, in_step);
      status.since_start[arm] = counted(guard, totals[arm]);
    }
    status.clusters_seen = candidate.seen();
    if (status.means) {
      name_worst(guard, candidate, status);
    } else {
      status.clusters_hit = candidate.hit(guard.metric);
      const ClusterTable::Cluster worst = candidate.worst(guard.metric);
      status.worst_cluster = worst.number;
      status.in_worst_cluster = counted(guard, {worst.count.n, worst.count.x, 0});
    }
    if (const std::optional<Difference> difference = guard.difference.difference(); difference && !guard.is_limit) {
      const double half = difference->half_width(guard.phi_div);
      status.difference =
          in_unit({difference->value, difference->value - half, difference->value + half}, guard, status.means);
    }
    status.failed = guard.failed;
    status.drift_limit = guard.drift_limit;
    status.log_evidence_drift = guard.drift.log_evidence();
    status.phi_div = guard.phi_div;
    status.phi_div_advance = guard.phi_div_advance;
    out.push_back(status);
  }
  return out;
}

}  // namespace weir::analysis
