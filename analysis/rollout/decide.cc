#include "analysis/rollout/decide.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "config/units.h"

namespace weir::analysis {
namespace {

const double kLogEvidenceAgainst = std::log(10.0);

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

Decision decided(Decision::Kind kind, std::string_view rule, RolloutState after, std::string reason) {
  after.reason = std::move(reason);
  return {.kind = kind, .rule = rule, .after = std::move(after)};
}

Decision rollback(const RolloutState& state, std::string_view rule, std::string reason) {
  RolloutState after = state;
  after.phase = Phase::kRolledBack;
  after.cause = PauseCause::kNone;
  after.weight_ppm = 0;
  after.served_ppm = 0;
  after.stage = 0;
  after.keeps_baseline = false;
  ++after.step;
  return decided(Decision::Kind::kRollback, rule, std::move(after), std::move(reason));
}

Decision pause(const RolloutState& state, PauseCause cause, std::string reason) {
  RolloutState after = state;
  after.phase = Phase::kPaused;
  after.cause = cause;
  constexpr std::array<std::string_view, 7> kRules = {"none",   "plan",         "operator", "guard",
                                                      "counts", "inconclusive", "split"};
  return decided(Decision::Kind::kPause, kRules[static_cast<std::size_t>(cause)], std::move(after), std::move(reason));
}

Decision promote(const RolloutState& state, const config::Rollout& policy, std::string_view rule, std::string reason) {
  RolloutState after = state;
  after.phase = Phase::kPromoted;
  after.cause = PauseCause::kNone;
  after.weight_ppm = kMillion;
  after.served_ppm = kMillion;
  after.keeps_baseline = policy.scale_down_delay.has_value();
  after.in_stage = Seconds(0);
  ++after.step;
  return decided(Decision::Kind::kPromote, rule, std::move(after), std::move(reason));
}

// In what is over; a decision of its own, so that it is told once, whatever restarts come between.
Decision scale_down(const RolloutState& state, const config::Rollout& policy) {
  if (!state.keeps_baseline || !policy.scale_down_delay || state.in_stage < *policy.scale_down_delay) return {};
  RolloutState after = state;
  after.keeps_baseline = false;
  return decided(Decision::Kind::kScaleDown, "scale_down_delay", std::move(after),
                 config::format_duration(*policy.scale_down_delay) + " after the promotion: " + policy.baseline +
                     " serves nobody, and may be stopped");
}

Decision enter_step(const RolloutState& state, const config::Rollout& policy, std::uint32_t weight_ppm,
                    std::string_view rule) {
  const bool switches = policy.strategy == config::Strategy::kBlueGreen && weight_ppm == kMillion;
  return decided(Decision::Kind::kAdvance, rule, begin_step(state, policy, weight_ppm),
                 (switches ? "switched: the preview at " : "the step at ") + config::format_percent(state.weight_ppm) +
                     " is over");
}

// From the last stage on to the next step; from the last step to the end.
Decision leave_step(const RolloutState& state, const config::Rollout& policy, std::string_view rule) {
  if (state.weight_ppm == kMillion) return promote(state, policy, rule, "the bake at 100% is over");
  return enter_step(state, policy, weight_after(policy, state.weight_ppm), rule);
}

Decision leave_stage(const RolloutState& state, const config::Rollout& policy, std::string_view rule) {
  const config::Step step = step_at(policy, state.weight_ppm);
  if (state.stage + 1 >= step.stages.size()) return leave_step(state, policy, rule);
  RolloutState after = begin_stage(state, policy, state.stage + 1);
  if (after.cause == PauseCause::kPlan) {
    return decided(Decision::Kind::kPause, "plan", std::move(after), "the plan pauses here");
  }
  return decided(Decision::Kind::kAdvance, rule, std::move(after), "the next stage of the same step");
}

bool is_latched(const RolloutState& state) { return state.phase == Phase::kPaused && state.cause != PauseCause::kPlan; }

// Both arms are the same version: what would have ended a rollout is false, and takes nothing from anybody. The
// evidence begins anew, to be tested again.
Decision alarm(const RolloutState& state, const Verdict& verdict, const config::Rollout& policy) {
  RolloutState after = begin_step(state, policy, state.weight_ppm);
  after.in_stage = state.in_stage;
  ++after.alarms;
  if (is_latched(state)) {
    after.phase = state.phase;
    after.cause = state.cause;
  }
  Decision decision = decided(Decision::Kind::kAlarm, "guard", std::move(after),
                              "a false alarm, for both arms are " + policy.baseline + ": " + verdict.because);
  decision.new_judge = true;
  return decision;
}

std::string report_of(const RolloutState& state, const config::Rollout& policy) {
  const std::string time = config::format_duration(std::chrono::duration_cast<std::chrono::seconds>(state.elapsed));
  if (policy.strategy == config::Strategy::kShadow) {
    return time + " of " + policy.candidate + " in the shadow of " + policy.baseline + ": " +
           shadow_json(state.shadow, policy)["says"].string();
  }
  const std::string alarms = state.alarms == 0   ? "no false alarm"
                             : state.alarms == 1 ? "1 false alarm"
                                                 : std::to_string(state.alarms) + " false alarms";
  return time + " of " + policy.baseline + " against itself: " + alarms;
}

Decision report_if_due(const RolloutState& state, const config::Rollout& policy) {
  const config::Duration every = std::get<config::Hold>(policy.steps.front().stages.front()).at_least;
  if (state.in_stage < every) return {};
  return decided(Decision::Kind::kReport, "report_every", begin_stage(state, policy, 0), report_of(state, policy));
}

// Time is over, and nothing is proved.
Decision give_up(const RolloutState& state, const config::Hold& hold, std::string reason) {
  const bool back = hold.on_inconclusive == config::OnInconclusive::kRollback;
  if (back) return rollback(state, "inconclusive", std::move(reason));
  return pause(state, PauseCause::kInconclusive, std::move(reason));
}

Decision decide_hold(const RolloutState& state, const Verdict& verdict, const config::Rollout& policy,
                     const config::Hold& hold) {
  const bool judged = policy.analysis.enabled;
  const bool long_enough = state.in_stage >= hold.at_least;
  const bool enough = !judged || verdict.candidate_requests_in_step >= hold.min_requests;
  const bool passed = !judged || verdict.kind == Verdict::Kind::kPass;
  if (long_enough && enough && passed) return leave_stage(state, policy, judged ? "gates" : "time");
  if (state.in_stage < hold.at_most) return {};
  std::string reason = "no decision within " + config::format_duration(hold.at_most) + ": ";
  if (!enough) {
    reason += std::to_string(verdict.candidate_requests_in_step) + " of " + std::to_string(hold.min_requests) +
              " requests" + (verdict.lacks.empty() ? "" : "; ");
  }
  reason += joined(verdict.lacks);
  return give_up(state, hold, std::move(reason));
}

// Whose atMost bounds the wait after a pause: the last one before it, else the first after it.
config::Hold hold_beside(const config::Step& step, std::uint32_t stage) {
  config::Hold beside;
  for (std::size_t i = step.stages.size(); i > 0; --i) {
    const auto* hold = std::get_if<config::Hold>(&step.stages[i - 1]);
    if (hold == nullptr) continue;
    beside = *hold;
    if (i - 1 < stage) break;
  }
  return beside;
}

Decision decide_pause(const RolloutState& state, const Verdict& verdict, const config::Rollout& policy,
                      config::Duration duration) {
  if (state.in_stage < duration) return {};
  const std::vector<std::string> lacks = pause_lacks(state, verdict, policy);
  if (lacks.empty()) return leave_stage(state, policy, "pause_over");
  const config::Hold hold = hold_beside(step_at(policy, state.weight_ppm), state.stage);
  if (state.in_stage - duration < hold.at_most) return {};
  return give_up(state, hold,
                 "no decision within " + config::format_duration(hold.at_most) + " of the pause: " + joined(lacks));
}

Refusal refuse(std::string message) { return {std::move(message)}; }

}  // namespace

std::string_view to_string(Decision::Kind kind) {
  constexpr std::array<std::string_view, 12> kWords = {"hold",   "start",     "advance",  "pause",
                                                       "resume", "promote",   "rollback", "weight",
                                                       "edit",   "scaleDown", "alarm",    "report"};
  return kWords[static_cast<std::size_t>(kind)];
}

Decision decide(const RolloutState& state, const Verdict& verdict, const config::Rollout& policy) {
  if (state.over()) return scale_down(state, policy);
  if (state.step == 0) return {};
  const bool aa = policy.strategy == config::Strategy::kAa;
  if (aa && (verdict.kind == Verdict::Kind::kFail || verdict.pause_pool_fired)) return alarm(state, verdict, policy);
  if (verdict.kind == Verdict::Kind::kFail) return rollback(state, "guard", verdict.because);
  // What it may cost is spent, in whichever phase and on whatever evidence.
  if (std::optional<std::string> why = overspent(state.exposure, policy.max_exposure)) {
    return rollback(state, "budget", std::move(*why));
  }
  // An alarm is told in a pause too: what ends that pause would end the alarm unseen.
  const auto told = [&](PauseCause cause) { return state.phase == Phase::kPaused && state.cause == cause; };
  if (verdict.pause_pool_fired && !told(PauseCause::kGuard)) return pause(state, PauseCause::kGuard, verdict.because);
  const bool fault_told = told(PauseCause::kGuard) || told(PauseCause::kCounts) || told(PauseCause::kSplit);
  if (verdict.kind == Verdict::Kind::kError && !fault_told) {
    return pause(state, PauseCause::kCounts, joined(verdict.lacks));
  }
  if (verdict.split.alarm && !fault_told) return pause(state, PauseCause::kSplit, verdict.split.because);
  if (is_latched(state)) return {};
  if (only_measures(policy.strategy)) return report_if_due(state, policy);
  const config::Step step = step_at(policy, state.weight_ppm);
  if (state.stage >= step.stages.size()) return {};
  if (const auto* hold = std::get_if<config::Hold>(&step.stages[state.stage])) {
    return decide_hold(state, verdict, policy, *hold);
  }
  const auto& planned = std::get<config::Pause>(step.stages[state.stage]);
  return planned.duration ? decide_pause(state, verdict, policy, *planned.duration) : Decision();
}

std::vector<std::string> pause_lacks(const RolloutState& state, const Verdict& verdict, const config::Rollout& policy) {
  if (!policy.analysis.enabled) return {};
  if (state.stage + 1 >= step_at(policy, state.weight_ppm).stages.size()) return verdict.lacks;
  if (verdict.log_evidence_rollback < kLogEvidenceAgainst) return {};
  const auto speaks = [](const std::string& lack) { return lack.starts_with("evidence_against"); };
  const auto at = std::find_if(verdict.lacks.begin(), verdict.lacks.end(), speaks);
  return {at == verdict.lacks.end() ? "evidence_against" : *at};
}

Decision start(const RolloutState& from, const config::Rollout& policy) {
  RolloutState fresh;
  fresh.step = from.step;
  fresh.attempt = from.attempt + (from.step == 0 ? 0 : 1);
  fresh.steps_at_start = static_cast<std::uint32_t>(policy.steps.size());
  Decision decision = decided(Decision::Kind::kStart, "plan",
                              begin_step(fresh, policy, policy.steps.front().weight_ppm), "the rollout begins");
  decision.new_judge = true;
  return decision;
}

Decision edit(const RolloutState& state, const config::Rollout& policy) {
  if (state.over() || state.step == 0) return {};
  // The weight in force stays, but for a split that serves the measurement alone.
  const bool measures = only_measures(policy.strategy);
  const std::uint32_t weight_ppm = measures ? policy.steps.front().weight_ppm : state.weight_ppm;
  const bool same_test = weight_ppm == state.weight_ppm && state.served_ppm == served_weight(policy, weight_ppm) &&
                         state.next_ppm == weight_after(policy, weight_ppm) && state.salt == policy.salt;
  const bool latched = is_latched(state);
  RolloutState after = state;
  if (!same_test) {
    after = begin_step(state, policy, weight_ppm);
  } else {
    const auto stages = static_cast<std::uint32_t>(step_at(policy, state.weight_ppm).stages.size());
    const Seconds spent = state.in_stage;
    after = begin_stage(state, policy, std::min(state.stage, stages - 1));
    // A hold made shorter or longer goes on; what was a pause and is a hold now begins.
    if (after.cause == state.cause || latched) after.in_stage = spent;
  }
  if (latched) {
    after.phase = state.phase;
    after.cause = state.cause;
  }
  return decided(Decision::Kind::kEdit, "file", std::move(after), "the plan was edited");
}

namespace {

// To a command for a rollout that runs: what comes first.
Refusal refuse_over(const RolloutState& state) {
  return state.phase == Phase::kPromoted
             ? refuse("the rollout is over, promoted: `weir undo` returns it to its baseline")
             : refuse("the rollout is over, rolled back to its baseline: `weir retry` starts it anew");
}

std::variant<Decision, Refusal> promote_by(const RolloutState& state, const Command& command,
                                           const config::Rollout& policy) {
  if (state.over()) return refuse_over(state);
  const std::string reason = "promoted by an operator";
  Decision decision;
  if (state.weight_ppm == kMillion) {
    decision = promote(state, policy, "operator", reason);
  } else if (command.verb == Command::Verb::kPromoteFull) {
    decision = enter_step(state, policy, kMillion, "operator");
  } else {
    decision = leave_step(state, policy, "operator");
  }
  decision.after.reason = reason;
  // It resumes what was paused; evidence that has not fired yet stays what it is.
  decision.resumes = state.phase == Phase::kPaused && state.cause != PauseCause::kPlan;
  return decision;
}

std::variant<Decision, Refusal> resume_by(const RolloutState& state, const config::Rollout& policy) {
  if (state.over()) return refuse_over(state);
  if (state.phase != Phase::kPaused) return refuse("the rollout is not paused; `weir promote` leaves the current step");
  if (state.cause == PauseCause::kPlan) {
    Decision decision = leave_stage(state, policy, "operator");
    decision.after.reason = "resumed by an operator";
    return decision;
  }
  RolloutState after = begin_stage(state, policy, state.stage);
  after.in_step = Seconds(0);
  Decision decision = decided(Decision::Kind::kResume, "operator", std::move(after), "resumed by an operator");
  decision.resumes = true;
  return decision;
}

std::variant<Decision, Refusal> set_weight_by(const RolloutState& state, const Command& command,
                                              const config::Rollout& policy) {
  if (state.over()) return refuse_over(state);
  if (command.weight_ppm > kMillion) return refuse("a weight is at most 100%");
  const std::uint32_t bake = kMillion - policy.analysis.holdback_ppm;
  if (command.weight_ppm > bake && command.weight_ppm < kMillion) {
    return refuse("a weight between " + config::format_percent(bake) +
                  " and 100% leaves less than the holdback on the baseline");
  }
  const bool latched = is_latched(state);
  RolloutState after = begin_step(state, policy, command.weight_ppm);
  if (latched) {
    after.phase = state.phase;
    after.cause = state.cause;
  }
  return decided(Decision::Kind::kSetWeight, "operator", std::move(after),
                 "set to " + config::format_percent(command.weight_ppm) + " by an operator");
}

}  // namespace

std::variant<Decision, Refusal> obey(const RolloutState& state, const Command& command, const config::Rollout& policy) {
  if (state.step == 0) return refuse("the rollout has not begun: its state is not written yet");
  const bool moves = command.verb == Command::Verb::kPromote || command.verb == Command::Verb::kPromoteFull ||
                     command.verb == Command::Verb::kWeight;
  if (moves && policy.strategy == config::Strategy::kAa) {
    return refuse("both arms are " + policy.baseline + ": there is nothing to move; `splitWeight` in the plan splits " +
                  "otherwise, and a plan without the rollout ends it");
  }
  if (moves && policy.strategy == config::Strategy::kShadow) {
    return refuse(policy.candidate + " gets copies of requests, and no users: strategy: canary in the plan lets it have " +
                  "some, and then `weir promote` takes the first step");
  }
  switch (command.verb) {
    case Command::Verb::kPromote:
    case Command::Verb::kPromoteFull:
      return promote_by(state, command, policy);
    case Command::Verb::kPause:
      if (state.over()) return refuse_over(state);
      if (state.phase == Phase::kPaused && state.cause != PauseCause::kPlan)
        return refuse("the rollout is paused already");
      return pause(state, PauseCause::kOperator, "paused by an operator");
    case Command::Verb::kResume:
      return resume_by(state, policy);
    case Command::Verb::kAbort:
      if (state.over()) return refuse_over(state);
      return rollback(state, "operator", "aborted by an operator");
    case Command::Verb::kRetry: {
      if (state.phase != Phase::kRolledBack) return refuse("only a rolled-back rollout can be tried again");
      Decision decision = start(state, policy);
      decision.rule = "operator";
      decision.after.reason = "started anew by an operator";
      return decision;
    }
    case Command::Verb::kUndo:
      if (state.phase == Phase::kRolledBack) return refuse_over(state);
      if (state.phase != Phase::kPromoted)
        return refuse("only a promoted rollout can be undone; `weir abort` ends a running one");
      return rollback(state, "operator", "returned to its baseline by an operator");
    case Command::Verb::kWeight:
      return set_weight_by(state, command, policy);
  }
  return refuse("unknown command");
}

}  // namespace weir::analysis
