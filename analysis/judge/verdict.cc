#include "analysis/judge/verdict.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "analysis/judge/guard_rule.h"
#include "analysis/judge/state.h"
#include "analysis/stats/log_sum.h"
#include "analysis/stats/quantile.h"

namespace weir::analysis {
namespace {

// STATISTICS.md 4.0, "guards" and "advance minimums".
constexpr std::uint32_t kClustersToSpeak = 3;
constexpr std::uint64_t kLoneFailures = 10;
constexpr double kLoneFailureShare = 0.9;
constexpr std::uint32_t kClustersToAdvance = 5;
const double kLogEvidenceAgainst = std::log(10.0);
// Of 4.8's in_flight.
constexpr double kOverdueRequests = 3;
constexpr std::size_t kFailedSaid = 3;  // a sentence is no list

std::string with_commas(double value) {
  std::string digits = std::to_string(static_cast<std::uint64_t>(std::max(0.0, std::floor(value))));
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

// A tick says several for each rollout; printf takes four times as long.
std::string factor(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 3).ptr;
  return {text.data(), end};
}

std::string percent(double share) { return factor(100 * share) + " %"; }

// Evidence as people read it: whole from 10 on, never more than they can tell apart.
std::string odds(double log_evidence) {
  const double value = std::exp(std::min(log_evidence, 40.0));
  return value >= 10 ? with_commas(std::round(value)) : factor(value);
}

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
  const std::uint32_t seen = candidate.seen();
  const std::uint32_t hit = candidate.hit(guard.metric);
  if (hit < std::min(kClustersToSpeak, seen)) return false;
  if (seen >= kClustersToSpeak) return true;
  const MetricCount bad = candidate.total(guard.metric);
  return bad.x >= kLoneFailures && static_cast<double>(bad.x) >= kLoneFailureShare * static_cast<double>(bad.n);
}

bool Judge::State::alpha_promised(const GuardState& guard) const {
  return !speaks(guard) || candidate_of(guard).seen() >= kClustersToSpeak;
}

bool Judge::State::gate_passed(const GuardState& guard) const {
  if (guard.is_limit) return false;
  if (is_latency(guard.guard) && !guard.armed()) return false;
  const Margin margin = advance_margin(guard.guard, current.next_weight);
  // Such a margin allows for everything.
  if (margin.factor * expected_rate(guard) + margin.absolute >= 1) return true;
  return guard.advance.log_evidence() >= -std::log(spec.max_false_advance);
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

std::string shown(const MetricCount& count) {
  const double share = count.n == 0 ? 0 : static_cast<double>(count.x) / static_cast<double>(count.n);
  return with_commas(static_cast<double>(count.x)) + " of " + with_commas(static_cast<double>(count.n)) + " (" +
         percent(share) + ")";
}

std::string shown(const GuardStatus::Bounds& difference) {
  const auto with_sign = [](double share) { return (share < 0 ? "−" : "") + percent(std::abs(share)); };
  return with_sign(difference.value) + " (" + with_sign(difference.low) + " … " + with_sign(difference.high) + ")";
}

std::string milliseconds(std::uint64_t us) { return with_commas(std::round(static_cast<double>(us) / 1000)) + " ms"; }

std::string comparison(const GuardStatus& guard) {
  std::string text = "candidate " + shown(guard.since_start[1]) + ", baseline " + shown(guard.since_start[0]);
  if (!is_latency(guard.guard)) {
    return text + ", allowed " + percent(guard.margin_factor - 1) + " + " + percent(guard.margin);
  }
  text += " slower than " + milliseconds(guard.threshold.candidate_us) + " and " +
          milliseconds(guard.threshold.baseline_us) + ", allowed " + percent(guard.guard.relative);
  if (guard.guard.absolute_duration.count() > 0) {
    text += " + " + std::to_string(guard.guard.absolute_duration.count()) + " ms";
  }
  return text;
}

// It blames the candidate even where the baseline is as bad, and so says that.
std::string ceiling(const GuardStatus& guard) {
  std::string text = "candidate " + shown(guard.since_start[1]);
  if (is_latency(guard.guard)) text += " slower than " + milliseconds(limit_us(guard.guard));
  text += ", at most " + percent(limit_share(guard.guard)) + " allowed whatever the baseline does";
  if (guard.since_start[0].n > 0) text += " (" + shown(guard.since_start[0]) + ")";
  return text;
}

}  // namespace

std::string guard_name(const GuardStatus& guard) { return guard_name(guard.guard) + (guard.is_limit ? " max" : ""); }

std::string explain_drift(const GuardStatus& guard, double log_threshold) {
  std::string text = guard_name(guard) + ": " + shown(guard.in_step[1]);
  if (is_latency(guard.guard)) text += " slower than " + milliseconds(guard.threshold.candidate_us);
  return text + " since nobody is left on the baseline, by whose past at most " + percent(guard.drift_limit) +
         " are usual; evidence 1 : " + odds(std::log(guard.weight) + guard.log_evidence_drift) +
         " of 1 : " + odds(log_threshold) + ", which cannot tell the candidate from what has changed for everybody";
}

std::string explain(const GuardStatus& guard, double log_threshold) {
  std::string text = guard_name(guard) + ": " + (guard.is_limit ? ceiling(guard) : comparison(guard));
  const double log_evidence = std::log(guard.weight) + guard.log_evidence_rollback;
  text += "; evidence 1 : " + odds(log_evidence) + " of 1 : " + odds(log_threshold);
  if (guard.difference) text += ", difference " + shown(*guard.difference);
  text += ", groups of users hit: " + std::to_string(guard.clusters_hit) + " of " + std::to_string(guard.clusters_seen);
  if (guard.in_worst_cluster.x > 0) text += ", the worst " + shown(guard.in_worst_cluster);
  text += ", design effect " + factor(guard.phi_div);
  for (std::size_t i = 0; i < std::min(kFailedSaid, guard.failed.size()); ++i) {
    text += (i == 0 ? "; first requests: " : ", ") + guard.failed[i];
  }
  if (!guard.alpha_promised) text += "; with so few users maxFalseRollback is not promised";
  return text;
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
    if (state_.current.weight <= 0) say("no_traffic", "at weight 0 nobody is sent to the candidate");
    few_users();
    gates();
    evidence_against(against);
    baseline_unhealthy();
    in_flight();
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
      if (is_latency(guard.guard) && !guard.armed()) {
        say("not_armed", with_commas(guard.history.total) + " of " +
                             with_commas(std::round(history_needed(exceedance(guard.guard)))) + " (" +
                             guard_name(guard.guard) + ")");
      } else if (!state_.gate_passed(guard)) {
        const double share = guard.advance.log_evidence() / -std::log(state_.spec.max_false_advance);
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

std::vector<GuardStatus> Judge::guards() const {
  const State& s = *state_;
  std::vector<GuardStatus> out;
  for (const GuardState& guard : s.guards) {
    GuardStatus status;
    const Margin margin = rollback_margin(guard.guard);
    status.guard = guard.guard;
    status.is_limit = guard.is_limit;
    status.weight = guard.weight;
    status.margin_factor = margin.factor;
    status.margin = margin.absolute;
    status.advance_margin = advance_margin(guard.guard, s.current.next_weight).absolute;
    status.log_evidence_rollback = guard.log_against();
    status.log_evidence_advance = guard.advance.log_evidence();
    status.gate = guard.gates();
    status.gate_passed = s.gate_passed(guard);
    status.speaks = s.speaks(guard);
    status.alpha_promised = s.alpha_promised(guard);
    if (is_latency(guard.guard)) status.threshold = guard.threshold;
    if (is_latency(guard.guard) && !guard.is_limit) {
      status.armed = guard.armed();
      status.history = guard.history.total;
      status.history_needed = std::round(history_needed(exceedance(guard.guard)));
    }
    for (std::size_t arm = 0; arm < kArmCount; ++arm) status.in_step[arm] = s.in_step[arm][guard.metric];
    const ClusterTable& candidate = s.candidate_of(guard);
    status.since_start = {s.clusters[0].total(guard.metric), candidate.total(guard.metric)};
    status.clusters_seen = candidate.seen();
    status.clusters_hit = candidate.hit(guard.metric);
    const ClusterTable::Cluster worst = candidate.worst(guard.metric);
    status.worst_cluster = worst.number;
    status.in_worst_cluster = worst.count;
    if (const std::optional<Difference> difference = guard.difference.difference(); difference && !guard.is_limit) {
      const double half = difference->half_width(guard.phi_div);
      status.difference = {difference->value, difference->value - half, difference->value + half};
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
