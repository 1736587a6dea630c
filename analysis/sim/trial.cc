#include "analysis/sim/trial.h"

#include <cmath>
#include <utility>

#include "config/guards.h"

namespace weir::analysis::sim {
namespace {

constexpr config::Duration kForever = std::chrono::hours(24 * 365);

config::Rollout by_the_clock(const Trial& trial) {
  config::Rollout policy;
  policy.baseline = "v1";
  policy.candidate = "v2";
  policy.salt = "service/v2/";
  policy.stickiness.by.push_back({.header = "x-user-id", .cookie = {}});
  policy.analysis.guards = trial.guards;
  policy.analysis.max_false_rollback = trial.max_false_rollback;
  config::Hold hold;
  hold.at_least = hold.at_most = kForever;
  for (const double weight : trial.weights) {
    policy.steps.push_back(
        {.weight_ppm = static_cast<std::uint32_t>(std::lround(weight * kMillion)), .stages = {hold}});
  }
  policy.steps.push_back({.weight_ppm = kMillion, .stages = {hold}});
  return policy;
}

WorldSpec world_of(const Trial& trial) {
  return {.policy = by_the_clock(trial),
          .traffic = trial.traffic,
          .regression = trial.regression,
          .before = trial.before,
          .seed = trial.seed};
}

}  // namespace

TrialRun::TrialRun(const Trial& trial) : trial_(trial), world_(world_of(trial)) {}

void TrialRun::climb() {
  const auto steps = static_cast<double>(trial_.weights.size());
  const auto due = static_cast<std::size_t>(world_.now() / trial_.length * steps);
  if (step_ >= due || step_ + 1 >= trial_.weights.size()) return;
  if (!world_.say(Command::Verb::kPromote)) ++step_;
}

bool TrialRun::tick() {
  if (rolled_back_ || world_.now() >= trial_.length) return false;
  climb();
  world_.tick(trial_.tick);
  const RolloutState& state = world_.rollout().state();
  if (state.phase == Phase::kRolledBack) rolled_back_ = world_.now();
  if (state.phase == Phase::kPaused && alarm_.empty()) alarm_ = state.reason;
  return true;
}

Tried TrialRun::result() const {
  return {.rolled_back = rolled_back_,
          .because = rolled_back_ ? world_.rollout().state().reason : std::string(),
          .alarm = alarm_,
          .requests = world_.requests(),
          .candidate_requests = world_.candidate_requests()};
}

Tried run(const Trial& trial) {
  TrialRun run(trial);
  while (run.tick()) {
  }
  return run.result();
}

std::vector<config::Guard> section_six_guards() {
  std::vector<config::Guard> guards{*config::default_guard("errorRate", 0)};
  for (const double quantile : {0.5, 0.9, 0.99}) guards.push_back(*config::default_guard("latency", quantile));
  return guards;
}

std::vector<config::Guard> section_six_guards_of_quality() {
  std::vector<config::Guard> guards = section_six_guards();
  config::Guard feedback;
  feedback.metric = config::GuardMetric::kFeedback;
  feedback.scoring = {.name = "hallucination", .binary = true, .lower_is_better = true};
  guards.push_back(feedback);
  feedback.scoring = {.name = "relevance"};
  guards.push_back(feedback);
  for (std::size_t i = guards.size() - 2; i < guards.size(); ++i) config::set_default_margin(guards[i]);
  guards.push_back(*config::default_guard("tokensPerRequest", 0));
  guards.back().cap = kTokensCap;
  return guards;
}

std::vector<config::Guard> without_margins(std::vector<config::Guard> guards) {
  for (config::Guard& guard : guards) {
    guard.relative = guard.absolute = 0;
    guard.absolute_duration = config::Duration(0);
  }
  return guards;
}

}  // namespace weir::analysis::sim
