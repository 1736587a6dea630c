#include "analysis/records/trial.h"

#include <algorithm>
#include <utility>

#include "analysis/records/state_code.h"
#include "analysis/rollout/noise.h"
#include "analysis/rollout/record.h"
#include "base/json.h"

namespace weir::analysis {
namespace {

constexpr Seconds kMinute{60};

std::string bytes_of(const RolloutState& state) {
  ByteWriter out;
  write(out, state);
  return out.take();
}

}  // namespace

std::optional<Trial> Trial::of(Frame frame) {
  Trial trial;
  trial.key_ = std::move(frame.key);
  trial.policy_ = std::move(frame.policy);
  trial.state_ = std::move(frame.state);
  trial.minutes_ = frame.minutes;
  if (!frame.judge) return trial;
  trial.judge_ = Judge::of_snapshot(judge_spec(trial.policy_, trial.state_), *frame.judge);
  if (!trial.judge_) return {};
  trial.verdict_ = trial.judge_->verdict();
  return trial;
}

Trial Trial::under(const config::Rollout& policy, const Trial& ran, bool begins_anew) {
  Trial trial;
  trial.key_ = ran.key_;
  trial.policy_ = policy;
  trial.state_ = ran.state_;
  trial.minutes_ = ran.minutes_;
  if (!ran.judge_) return trial;
  if (begins_anew) {
    trial.state_ = begin_step(ran.state_, policy, ran.state_.weight_ppm);
    trial.state_.step = ran.state_.step;
    trial.judge_.emplace(judge_spec(policy, trial.state_), ran.judge_->memory());
    trial.judge_->begin_step(step_context(trial.state_, StepContext::Seed::kRolloutStart));
  } else {
    if (Decision edited = edit(ran.state_, policy); edited.kind != Decision::Kind::kHold) {
      trial.state_ = std::move(edited.after);
      trial.state_.reason = ran.state_.reason;
    }
    trial.judge_ = Judge::of_snapshot(judge_spec(ran.policy_, ran.state_), ran.judge_->snapshot());
    if (trial.judge_) {
      trial.judge_->change_guards(judge_spec(policy, trial.state_));
      trial.judge_->take_baseline(*ran.judge_);
    }
  }
  if (trial.judge_) trial.verdict_ = trial.judge_->verdict();
  return trial;
}

void Trial::stand(RolloutState state, bool clears) {
  state_ = std::move(state);
  if (!judge_) return;
  if (clears) judge_->resume();
  if (judge_->step() != state_.step) judge_->begin_step(step_context(state_, StepContext::Seed::kStep));
  verdict_ = judge_->verdict();
}

void Trial::catch_up(const Trial& ran) {
  pass_time(state_, std::max(Seconds(0), ran.state_.elapsed - state_.elapsed));
  state_.exposure = ran.state_.exposure;
  state_.shadow = ran.state_.shadow;
  if (judge_ && ran.judge_) judge_->take_baseline(*ran.judge_);
}

void Trial::tick(const TickInput& input, bool open) {
  if (open) pass_time(state_, input.dt);
  add_counts(state_.exposure, input.steps);
  add_comparisons(state_.shadow, input.compared);
  if (!judge_) return;
  const auto minutes = static_cast<std::uint64_t>(state_.elapsed / kMinute);
  if (std::exchange(minutes_, minutes) < minutes) judge_->begin_minute();
  if (judge_->tick(input)) verdict_ = judge_->verdict();
}

std::string Trial::record(Decision decision, std::int64_t unix_ms) const {
  decision.after.decided_ms = unix_ms;
  decision.after.plan = fingerprint(policy_);
  const std::vector<GuardStatus> guards = this->guards();
  const json::Value noise = noise_json(policy_, state_, judge());
  say_noise(decision, noise);
  return json::write(decision_record({.key = key_,
                                      .before = state_,
                                      .decision = decision,
                                      .verdict = verdict_,
                                      .guards = guards,
                                      .budgets = budgets_json(state_.exposure, policy_.max_exposure),
                                      .noise = noise,
                                      .shadow = shadow_json(state_.shadow, policy_),
                                      .actor = "weir",
                                      .unix_ms = unix_ms}));
}

bool Trial::take(const Effect& effect) {
  state_ = effect.after;
  if (state_.over() || !policy_.analysis.enabled) {
    last_guards_ = guards();
    judge_.reset();
    if (!state_.over()) verdict_ = {};
    return true;
  }
  if (effect.new_judge || !judge_) return false;
  if (effect.resumes) judge_->resume();
  if (judge_->step() != state_.step) judge_->begin_step(step_context(state_, StepContext::Seed::kStep));
  verdict_ = judge_->verdict();
  return true;
}

std::string Trial::difference(const Frame& frame) const {
  if (bytes_of(frame.state) != bytes_of(state_)) return "the rollout stood elsewhere";
  if (frame.minutes != minutes_) return "the judge had been told of other minutes";
  if (frame.judge.has_value() != judge_.has_value()) return "one was judged, and the other was not";
  if (judge_ && *frame.judge != judge_->snapshot()) return "the judge knew something else";
  return {};
}

}  // namespace weir::analysis
