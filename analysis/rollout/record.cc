#include "analysis/rollout/record.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/judge/guard_rule.h"
#include "base/log.h"

namespace weir::analysis {
namespace {

json::Value count_json(const MetricCount& count) { return json::Object{{"n", count.n}, {"x", count.x}}; }

// Of a mean: the mean, in the unit that people count in.
json::Value mean_json(const MetricCount& count, double mean) {
  json::Object out{{"n", count.n}};
  if (count.n > 0) out.set("mean", mean);
  return out;
}
json::Value arm_json(const GuardStatus& guard, std::size_t arm) {
  const MetricCount& count = guard.in_step[arm];
  if (!guard.means) return count_json(count);
  return mean_json(count, guard.means->mean(guard.means->in_step[arm], guard.means->parts_in_step[arm]));
}
json::Value since_start_json(const GuardStatus& guard, std::size_t arm) {
  const MetricCount& count = guard.since_start[arm];
  if (!guard.means) return count_json(count);
  return mean_json(count, guard.means->mean(guard.means->since_start[arm], guard.means->parts_since_start[arm]));
}

void set_mean(const GuardStatus& guard, json::Object& out) {
  out.set("unit", guard.means->unit);
  out.set("higher_is_better", guard.means->higher_is_better());
  if (guard.cap > 0) out.set("cap", guard.cap);
}

double percent_of(std::uint32_t ppm) { return static_cast<double>(ppm) / 10'000; }

std::string_view action_word(config::GuardAction action) {
  if (action == config::GuardAction::kRollback) return "rollback";
  return action == config::GuardAction::kPause ? "pause" : "warn";
}

json::Value worst_json(const GuardStatus& guard) {
  const MetricCount& count = guard.in_worst_cluster;
  if (!guard.means && count.x == 0) return {};
  if (!guard.means) return json::Object{{"group", guard.worst_cluster}, {"n", count.n}, {"x", count.x}};
  if (count.n == 0) return {};
  const GuardStatus::Means& means = *guard.means;
  json::Object out{{"group", guard.worst_cluster}, {"n", count.n}};
  if (means.is_ratio()) return out.set("difference_percent", 100 * means.in_worst_cluster);
  return out.set("mean", means.in_worst_cluster);
}

}  // namespace

double evidence_of(double log_evidence) { return std::exp(std::min(log_evidence, 100.0)); }

double toward(double log_evidence, double log_threshold) {
  if (!std::isfinite(log_evidence) || log_threshold <= 0) return log_evidence > 0 ? 1 : 0;
  return std::clamp(log_evidence / log_threshold, 0.0, 1.0);
}

json::Value guard_json(const GuardStatus& guard, const Verdict& verdict) {
  const double weighted = std::log(guard.weight) + guard.log_evidence_rollback;
  json::Object out{
      {"name", guard_name(guard)},
      {"action", action_word(guard.guard.action)},
      {"weight", guard.weight},
      {"baseline", arm_json(guard, 0)},
      {"candidate", arm_json(guard, 1)},
      {"baseline_since_start", since_start_json(guard, 0)},
      {"candidate_since_start", since_start_json(guard, 1)},
      {"margin_factor", guard.margin_factor},
      {"margin", guard.margin},
      {"advance_margin", guard.advance_margin},
      {"evidence_rollback", evidence_of(weighted)},
      {"evidence_needed", evidence_of(verdict.log_threshold)},
      {"evidence_advance", evidence_of(guard.log_evidence_advance)},
      {"evidence_advance_needed", evidence_of(verdict.log_threshold_advance)},
      {"toward_rollback", guard.speaks ? toward(weighted, verdict.log_threshold) : 0},
      {"toward_advance",
       guard.gate_passed ? 1 : std::min(0.99, toward(guard.log_evidence_advance, verdict.log_threshold_advance))},
      {"gate", guard.gate},
      {"gate_passed", guard.gate_passed},
      {"speaks", guard.speaks},
      {"alpha_promised", guard.alpha_promised},
      {"groups_seen", guard.clusters_seen},
      {"groups_hit", guard.clusters_hit},
      {"design_effect", guard.phi_div},
      {"explain", explain(guard, verdict.log_threshold)}};
  if (const json::Value worst = worst_json(guard); !worst.is_null()) out.set("worst_group", worst);
  if (!guard.failed.empty()) out.set("first_requests", json::Array(guard.failed.begin(), guard.failed.end()));
  if (guard.difference) {
    const bool in_unit = guard.means && !guard.means->is_ratio();
    const double scale = in_unit ? 1 : 100;
    out.set(in_unit ? "difference" : "difference_percent", json::Object{{"value", scale * guard.difference->value},
                                                                        {"low", scale * guard.difference->low},
                                                                        {"high", scale * guard.difference->high}});
  }
  if (guard.means) set_mean(guard, out);
  if (guard.drift_limit > 0) {
    out.set("drift_limit_percent", 100 * guard.drift_limit);
    out.set("toward_drift", toward(std::log(guard.weight) + guard.log_evidence_drift, verdict.log_threshold));
  }
  if (guard.is_limit) out.set("limit_percent", 100 * limit_share(guard.guard));
  if (guard.is_limit && is_time(guard.guard)) {
    out.set("limit_ms", static_cast<double>(limit_us(guard.guard)) / 1000);
  }
  if (needs_arming(guard.guard) && !guard.is_limit) {
    out.set("armed", guard.armed);
    out.set("history", static_cast<std::uint64_t>(guard.history));
    out.set("history_needed", static_cast<std::uint64_t>(guard.history_needed));
  }
  if (is_time(guard.guard) && !guard.is_limit) {
    out.set("allowed_relative_percent", 100 * guard.guard.relative);
    out.set("allowed_absolute_ms", static_cast<double>(guard.guard.absolute_duration.count()));
    out.set("baseline_threshold_ms", static_cast<double>(guard.threshold.baseline_us) / 1000);
    out.set("candidate_threshold_ms", static_cast<double>(guard.threshold.candidate_us) / 1000);
  }
  return out;
}

json::Value split_json(const SplitStatus& split, const config::Rollout& policy) {
  if (split.weight <= 0 || split.weight >= 1) return {};
  const auto whole = [](double count) { return static_cast<std::uint64_t>(std::llround(count)); };
  const bool keyed = !policy.stickiness.by.empty();
  return json::Object{{"unit", keyed ? "users" : "requests"},
                      {"baseline", whole(split.users[0])},
                      {"candidate", whole(split.users[1])},
                      {"due_percent", 100 * split.weight},
                      {"counting", split.counting},
                      {"evidence", evidence_of(split.log_evidence)},
                      {"evidence_needed", evidence_of(split.log_threshold)},
                      {"toward_alarm", toward(split.log_evidence, split.log_threshold)},
                      {"alarm", split.alarm}};
}

json::Value decision_record(const RecordContext& context) {
  const RolloutState& after = context.decision.after;
  json::Array guards;
  for (const GuardStatus& guard : context.guards) guards.push_back(guard_json(guard, context.verdict));
  json::Object record{{"time", log::iso_time(context.unix_ms)},
                      {"service", context.key.service},
                      {"baseline", context.key.baseline},
                      {"candidate", context.key.candidate},
                      {"revision", context.key.revision},
                      {"decision", to_string(context.decision.kind)},
                      {"rule", context.decision.rule},
                      {"reason", after.reason},
                      {"actor", context.actor},
                      {"phase_before", to_string(context.before.phase)},
                      {"phase_after", to_string(after.phase)},
                      {"weight_before_percent", percent_of(context.before.served_ppm)},
                      {"weight_after_percent", percent_of(after.served_ppm)},
                      {"step_id_before", context.before.step},
                      {"step_id_after", after.step},
                      {"attempt", after.attempt},
                      {"elapsed_s", context.before.elapsed.count()},
                      {"evidence_rollback", evidence_of(context.verdict.log_evidence_rollback)},
                      {"p_anytime", context.verdict.p_anytime},
                      {"guards", std::move(guards)}};
  if (!context.budgets.is_null()) record.set("budgets", context.budgets);
  if (!context.shadow.is_null()) record.set("shadow", context.shadow);
  if (!context.noise.is_null()) record.set("aa", context.noise);
  return record;
}

}  // namespace weir::analysis
