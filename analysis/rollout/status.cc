#include "analysis/rollout/status.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "analysis/rollout/record.h"
#include "base/log.h"
#include "config/units.h"

namespace weir::analysis {
namespace {

using config::format_duration;

config::Duration whole_seconds(Seconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time + Seconds(0.5));
}

config::Duration rest_of(config::Duration all, Seconds spent) {
  return whole_seconds(std::max(Seconds(0), Seconds(all) - spent));
}

class Waits {
 public:
  explicit Waits(const Rollout& rollout) : rollout_(rollout), state_(rollout.state()) {}

  json::Array list() {
    disk();
    if (!state_.over() && state_.step != 0) {
      if (state_.phase == Phase::kPaused && state_.cause != PauseCause::kPlan) {
        say("paused: " + state_.reason + "; `weir resume` goes on");
      } else {
        stage();
      }
      if (rollout_.verdict().warn_pool_fired) say("warning: a guard that only warns has fired");
      if (!rollout_.verdict().drift.empty()) say("warning: " + rollout_.verdict().drift);
    }
    scale_down();
    return std::move(waits_);
  }

 private:
  void say(std::string text) { waits_.push_back(std::move(text)); }

  void disk() {
    if (!rollout_.open()) {
      say("disk: the state file has not taken a write since the start; everybody is on the baseline");
    } else if (rollout_.waits_for_disk()) {
      say("disk: the next decision is not written yet");
    }
  }

  void scale_down() {
    const std::optional<config::Duration>& delay = rollout_.plan().policy.scale_down_delay;
    if (!state_.keeps_baseline || !delay) return;
    say("scale_down: " + rollout_.plan().key.baseline + " is kept for another " +
        format_duration(rest_of(*delay, state_.in_stage)) + "; then an event says that it may be stopped");
  }

  void stage() {
    const config::Step step = step_at(rollout_.plan().policy, state_.weight_ppm);
    if (state_.stage >= step.stages.size()) return;
    if (const auto* pause = std::get_if<config::Pause>(&step.stages[state_.stage])) {
      pause_of_plan(*pause);
      return;
    }
    const auto& hold = std::get<config::Hold>(step.stages[state_.stage]);
    if (only_measures(rollout_.plan().policy.strategy)) {
      say("report: the next in " + format_duration(rest_of(hold.at_least, state_.in_stage)));
      return;
    }
    if (state_.in_stage < hold.at_least) {
      say("at_least: " + format_duration(rest_of(hold.at_least, state_.in_stage)) + " to go");
    }
    if (!rollout_.plan().policy.analysis.enabled) return;
    if (state_.warming()) {
      say("warmup: " + format_duration(whole_seconds(state_.warmup_left)) +
          " to go; no time or amount is counted until then");
    }
    const Verdict& verdict = rollout_.verdict();
    if (verdict.candidate_requests_in_step < hold.min_requests) {
      say("min_requests: " + std::to_string(verdict.candidate_requests_in_step) + " of " +
          std::to_string(hold.min_requests));
    }
    for (const std::string& lack : verdict.lacks) say(lack);
  }

  void pause_of_plan(const config::Pause& pause) {
    if (!pause.duration) {
      say("pause: until `weir promote " + rollout_.plan().key.service + "`");
    } else if (state_.in_stage < *pause.duration) {
      say("pause: " + format_duration(rest_of(*pause.duration, state_.in_stage)) + " to go");
    } else {
      for (std::string& lack : pause_lacks(state_, rollout_.verdict(), rollout_.plan().policy)) say(std::move(lack));
    }
  }

  const Rollout& rollout_;
  const RolloutState& state_;
  json::Array waits_;
};

std::string stage_word(const Rollout& rollout) {
  const RolloutState& state = rollout.state();
  if (state.over() || state.step == 0) return {};
  const config::Step step = step_at(rollout.plan().policy, state.weight_ppm);
  if (state.stage >= step.stages.size()) return {};
  const bool hold = std::holds_alternative<config::Hold>(step.stages[state.stage]);
  const std::string_view word = hold ? "hold" : "pause";
  return std::string(word) + " " + format_duration(whole_seconds(state.in_stage));
}

}  // namespace

json::Value rollout_status(const Rollout& rollout) {
  const RolloutState& state = rollout.state();
  const config::Rollout& policy = rollout.plan().policy;
  const Verdict& verdict = rollout.verdict();
  const auto reached = std::count_if(policy.steps.begin(), policy.steps.end(),
                                     [&](const config::Step& step) { return step.weight_ppm <= state.weight_ppm; });
  json::Array guards;
  for (const GuardStatus& guard : rollout.guards()) guards.push_back(guard_json(guard, verdict));
  const double served = rollout.open() ? static_cast<double>(state.served_ppm) / 10'000 : 0;
  json::Object status{{"baseline", rollout.plan().key.baseline},
                      {"candidate", rollout.plan().key.candidate},
                      {"revision", rollout.plan().key.revision},
                      {"strategy", to_string(policy.strategy)},
                      {"phase", to_string(state.phase)},
                      {"reason", state.reason},
                      {"decided", state.decided_ms == 0 ? json::Value() : log::iso_time(state.decided_ms)},
                      {"durable", state.step != 0 && rollout.durable()},
                      {"weight_percent", served},
                      {"mirror_percent", static_cast<double>(rollout.traffic().mirror_ppm) / 10'000},
                      {"step", static_cast<std::int64_t>(reached)},
                      {"steps", policy.steps.size()},
                      {"step_id", state.step},
                      {"stage", stage_word(rollout)},
                      {"attempt", state.attempt},
                      {"elapsed_s", state.elapsed.count()},
                      {"judged", policy.analysis.enabled && !state.over()},
                      {"evidence_rollback", evidence_of(verdict.log_evidence_rollback)},
                      {"max_false_rollback", policy.analysis.max_false_rollback},
                      {"promised_false_rollback", verdict.promised_alpha},
                      {"p_anytime", verdict.p_anytime},
                      {"requests_in_step", json::Object{{"baseline", verdict.baseline_requests_in_step},
                                                        {"candidate", verdict.candidate_requests_in_step}}},
                      {"split", split_json(verdict.split, policy)},
                      {"guards", std::move(guards)},
                      {"waits", Waits(rollout).list()}};
  if (json::Value budgets = budgets_json(state.exposure, policy.max_exposure); !budgets.is_null()) {
    status.set("budgets", std::move(budgets));
  }
  if (json::Value shadow = shadow_json(state.shadow, policy); !shadow.is_null()) status.set("shadow", std::move(shadow));
  if (json::Value noise = rollout.noise(); !noise.is_null()) status.set("aa", std::move(noise));
  return status;
}

}  // namespace weir::analysis
