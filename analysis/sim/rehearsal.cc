#include "analysis/sim/rehearsal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace weir::analysis::sim {
namespace {

// The program's own tick where something may be decided soon; else one that costs less.
constexpr Milliseconds kFineTick{100};
constexpr Milliseconds kCoarseTick{1'000};
constexpr Seconds kNewStep{60};
const double kLogNearVerdict = std::log(10.0);

Milliseconds next_tick(const Rollout& rollout) {
  const bool soon = rollout.waits_for_disk() || rollout.state().in_step < kNewStep ||
                    rollout.verdict().log_evidence_rollback > kLogNearVerdict;
  return soon ? kFineTick : kCoarseTick;
}

void take_history(const World& world, std::uint64_t& told, std::vector<TimelineEntry>& timeline) {
  const auto& history = world.controller().history();
  const std::uint64_t version = world.controller().history_version();
  const auto fresh = std::min<std::uint64_t>(version - std::exchange(told, version), history.size());
  for (auto record = history.end() - static_cast<std::ptrdiff_t>(fresh); record != history.end(); ++record) {
    timeline.push_back({.at = world.now(),
                        .decision = (*record)["decision"].string(),
                        .rule = (*record)["rule"].string(),
                        .reason = (*record)["reason"].string(),
                        .weight_percent = (*record)["weight_after_percent"].number()});
  }
}

bool waits_for_a_person(const RolloutState& state, const config::Rollout& policy) {
  if (state.phase != Phase::kPaused || state.cause != PauseCause::kPlan) return false;
  const config::Step step = step_at(policy, state.weight_ppm);
  const auto* pause =
      state.stage < step.stages.size() ? std::get_if<config::Pause>(&step.stages[state.stage]) : nullptr;
  return pause != nullptr && !pause->duration;
}

Ending ending_of(const RolloutState& state) {
  if (state.phase == Phase::kPromoted) return Ending::kPromoted;
  if (state.phase == Phase::kRolledBack) return Ending::kRolledBack;
  const bool latched = state.phase == Phase::kPaused && state.cause != PauseCause::kPlan;
  return latched ? Ending::kPaused : Ending::kUnfinished;
}

}  // namespace

std::string_view to_string(Ending ending) {
  constexpr std::array<std::string_view, kEndingCount> kWords = {"promoted", "rolled_back", "paused", "unfinished",
                                                                 "reported"};
  return kWords[static_cast<std::size_t>(ending)];
}

Played play(WorldSpec spec, Seconds longest) {
  World world(std::move(spec));
  const Rollout& rollout = world.rollout();
  Played played;
  std::uint64_t told = 0;
  while (played.ending == Ending::kUnfinished && world.now() < longest) {
    world.tick(next_tick(rollout));
    take_history(world, told, played.timeline);
    played.ending = ending_of(rollout.state());
    const bool reported = !played.timeline.empty() && played.timeline.back().decision == "report";
    if (reported) played.ending = Ending::kReported;
    const bool waits = !rollout.waits_for_disk() && waits_for_a_person(rollout.state(), rollout.plan().policy);
    if (waits) world.say(Command::Verb::kResume);
  }
  played.took = world.now();
  played.requests = world.requests();
  played.candidate_requests = world.candidate_requests();
  return played;
}

}  // namespace weir::analysis::sim
