// Confined to one thread. Plans, states and verdicts, for tests of what is decided about them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <utility>
#include <variant>
#include <vector>

#include "analysis/judge/verdict.h"
#include "analysis/rollout/decide.h"
#include "analysis/rollout/rollout_state.h"
#include "config/rollout.h"

namespace weir::analysis {

// What a failed expectation shows.
inline void PrintTo(Phase phase, std::ostream* out) { *out << to_string(phase); }
inline void PrintTo(Decision::Kind kind, std::ostream* out) { *out << to_string(kind); }

}  // namespace weir::analysis

namespace weir::analysis::testing {

using Stages = std::vector<std::variant<config::Hold, config::Pause>>;

inline constexpr std::uint32_t kFirst = 50'000;
inline constexpr std::uint32_t kSecond = 250'000;
inline constexpr std::uint32_t kHoldback = 50'000;

inline config::Hold short_hold() {
  config::Hold hold;
  hold.at_least = std::chrono::seconds(2);
  hold.min_requests = 10;
  hold.at_most = std::chrono::seconds(60);
  return hold;
}

inline config::Pause pause_for(std::optional<config::Duration> duration) {
  config::Pause pause;
  pause.duration = duration;
  return pause;
}

// A guard on errors that only rolls back, and a gate that lets everybody through.
inline std::vector<config::Guard> open_gate() {
  std::vector<config::Guard> guards(2);
  guards[0].metric = config::GuardMetric::kErrorRate;
  guards[0].relative = 0.1;
  guards[0].absolute = 0.001;
  guards[0].gate = false;
  guards[1].metric = config::GuardMetric::kClientAbortRate;
  guards[1].absolute = 1;
  return guards;
}

// 5 %, 25 %, 100 %, each held for 2 s at least, 10 requests, 60 s at most.
inline config::Rollout three_steps() {
  config::Rollout policy;
  policy.baseline = "v1";
  policy.candidate = "v2";
  policy.salt = "chat/v2/";
  policy.analysis.holdback_ppm = kHoldback;
  policy.analysis.guards = open_gate();
  for (const std::uint32_t weight_ppm : {kFirst, kSecond, kMillion}) {
    policy.steps.push_back({.weight_ppm = weight_ppm, .stages = {short_hold()}});
  }
  return policy;
}

inline config::Rollout with_first_stages(Stages stages) {
  config::Rollout policy = three_steps();
  policy.steps[0].stages = std::move(stages);
  return policy;
}

// In the step at `weight_ppm`, at one of its stages, for a while already.
struct Place {
  std::uint32_t weight_ppm = kFirst;
  std::uint32_t stage = 0;
  Seconds in_stage{0};
};

inline RolloutState state_at(const config::Rollout& policy, const Place& place) {
  RolloutState state = begin_step({}, policy, place.weight_ppm);
  state = begin_stage(state, policy, place.stage);
  state.step = 7;
  state.in_stage = state.in_step = state.elapsed = place.in_stage;
  state.plan = fingerprint(policy);
  return state;
}

inline RolloutState paused_by(RolloutState state, PauseCause cause) {
  state.phase = Phase::kPaused;
  state.cause = cause;
  return state;
}

inline RolloutState in_phase(RolloutState state, Phase phase) {
  state.phase = phase;
  state.cause = PauseCause::kNone;
  return state;
}

inline constexpr PauseCause kLatchedCauses[] = {PauseCause::kOperator, PauseCause::kGuard, PauseCause::kCounts,
                                                PauseCause::kInconclusive, PauseCause::kSplit};

inline Verdict verdict_of(Verdict::Kind kind, std::uint64_t candidate_requests = 1'000) {
  Verdict verdict;
  verdict.kind = kind;
  verdict.candidate_requests_in_step = candidate_requests;
  verdict.because = "errors";
  if (kind != Verdict::Kind::kPass) verdict.lacks = {"gate: errorRate", "few_users: 3 of 5"};
  return verdict;
}

}  // namespace weir::analysis::testing
