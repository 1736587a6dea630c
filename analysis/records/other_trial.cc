#include "analysis/records/other_trial.h"

#include <chrono>
#include <utility>
#include <variant>

#include "analysis/judge/words.h"
#include "analysis/rollout/record.h"
#include "config/units.h"

namespace weir::analysis {

bool OtherTrial::know(const Trial& ran, bool begins_anew) {
  if (begins_anew || !own_) {
    own_ = Trial::under(policy_, ran, begins_anew);
    relatch_ = {};
    left_ = false;
    over_ = ran.state().over() || !own_->judge();
    return !begins_anew && !over_;
  }
  if (over_) return false;
  over_ = ran.state().over() || ran.judge() == nullptr;
  if (over_) return false;
  // What passed unseen is time all the same.
  own_->catch_up(ran);
  if (ran.state().step != own_->state().step) enter(ran.state());
  return false;
}

void OtherTrial::prepare(const Trial& ran) {
  if (own_ && !over_ && ran.judge() != nullptr) relatch_.prepare(*ran.judge(), *own_->judge());
}

std::optional<OtherTrial::Would> OtherTrial::tick(RecordedInput& input, Seconds dt, bool open, std::int64_t unix_ms) {
  if (!own_ || over_) return {};
  for (StepCounts* counts : input.steps()) relatch_.apply(*counts);
  own_->tick(input.input(dt), open);
  Decision decision = own_->decision();
  if (decision.kind == Decision::Kind::kHold) return {};
  const bool back = decision.kind == Decision::Kind::kRollback;
  const bool leaves = !back && decision.after.step != own_->state().step;
  if (leaves && std::exchange(left_, true)) return {};
  Would would{.kind = decision.kind, .record = own_->record(decision, unix_ms), .approximate = relatch_.approximate()};
  over_ = back;
  if (!leaves && !back) own_->stand(std::move(decision.after), false);
  return would;
}

std::optional<std::string> OtherTrial::follow(const Effect& effect, bool ours) {
  if (!own_ || over_) return {};
  if (effect.new_judge) {
    const bool alarmed = effect.kind == Decision::Kind::kAlarm && ours;
    return alarmed && !left_ ? std::optional<std::string>("it would not have alarmed") : std::nullopt;
  }
  const RolloutState& after = effect.after;
  const bool moves = after.step != own_->state().step;
  std::optional<std::string> why;
  if (ours) why = otherwise(effect, moves);
  if (after.over()) {
    over_ = true;
    return why;
  }
  if (moves) {
    enter(after);
  } else if (effect.kind == Decision::Kind::kPause && after.cause == PauseCause::kOperator) {
    RolloutState paused = own_->state();
    paused.phase = Phase::kPaused;
    paused.cause = PauseCause::kOperator;
    own_->stand(std::move(paused), false);
  } else if (!ours && effect.kind != Decision::Kind::kEdit) {
    resume(effect.resumes);
  }
  return why;
}

// What it would not have done itself by now, and why not.
std::optional<std::string> OtherTrial::otherwise(const Effect& effect, bool moves) const {
  if (effect.kind == Decision::Kind::kRollback) {
    const Verdict& verdict = own_->verdict();
    std::string why =
        "it would not have been taken back by then: the evidence is 1 : " + odds(verdict.log_evidence_rollback) +
        " of 1 : " + odds(verdict.log_threshold);
    for (const Budget& budget : budgets(own_->state().exposure, policy_.max_exposure)) why += "; " + says(budget);
    return why;
  }
  if (effect.kind == Decision::Kind::kPause) {
    if (own_->state().phase == Phase::kPaused) return {};
    return "it would not have paused";
  }
  if (!moves || left_) return {};
  return "it would have waited: " + waits();
}

// To the weight that was in force, by its own plan of that step.
void OtherTrial::enter(const RolloutState& ran) {
  RolloutState next = begin_step(own_->state(), policy_, ran.weight_ppm);
  next.step = ran.step;
  own_->stand(std::move(next), false);
  left_ = false;
}

void OtherTrial::resume(bool clears) {
  std::variant<Decision, Refusal> answer = obey(own_->state(), {.verb = Command::Verb::kResume, .actor = {}}, policy_);
  Decision* const decision = std::get_if<Decision>(&answer);
  if (decision == nullptr) return own_->stand(own_->state(), clears);
  if (decision->after.step == own_->state().step) return own_->stand(std::move(decision->after), clears);
  left_ = true;
}

std::string OtherTrial::waits() const {
  const RolloutState& state = own_->state();
  const Verdict& verdict = own_->verdict();
  std::string words;
  const auto say = [&](const std::string& what) { words += (words.empty() ? "" : "; ") + what; };
  if (state.phase == Phase::kPaused) say("paused: " + state.reason);
  const config::Step step = step_at(policy_, state.weight_ppm);
  const auto* const hold =
      state.stage < step.stages.size() ? std::get_if<config::Hold>(&step.stages[state.stage]) : nullptr;
  if (hold != nullptr && state.in_stage < hold->at_least) {
    const auto held = std::chrono::floor<std::chrono::seconds>(state.in_stage);
    say("held for " + config::format_duration(held) + " of " + config::format_duration(hold->at_least));
  }
  if (hold != nullptr && verdict.candidate_requests_in_step < hold->min_requests) {
    say(std::to_string(verdict.candidate_requests_in_step) + " of " + std::to_string(hold->min_requests) + " requests");
  }
  for (const std::string& lack : verdict.lacks) say(lack);
  return words.empty() ? "another stage of the step comes first" : words;
}

}  // namespace weir::analysis
