// Immutable values and pure functions. Where a rollout stands: what is kept of it, but for the evidence.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/rollout/exposure.h"
#include "analysis/rollout/shadow.h"
#include "analysis/window/baseline_memory.h"
#include "base/ids.h"
#include "config/rollout.h"

namespace weir::analysis {

enum class Phase : std::uint8_t { kRunning, kPaused, kBaking, kPromoted, kRolledBack };
inline constexpr int kPhaseCount = 5;
std::string_view to_string(Phase phase);

// Who or what has to end a pause.
enum class PauseCause : std::uint8_t {
  kNone,
  kPlan,          // a `pause` of the plan: its duration, promote or resume
  kOperator,      // resume
  kGuard,         // the pause pool fired: resume
  kCounts,        // counts that cannot be: resume
  kInconclusive,  // atMost passed: resume
  kSplit,         // the arms do not get their shares of users: resume
};

struct RolloutState {
  Phase phase = Phase::kRunning;
  PauseCause cause = PauseCause::kNone;
  std::string reason;  // of the last decision, for people
  // The setWeight in force: kMillion also while a holdback keeps some users on the baseline. A weight that the plan
  // does not have (any more) is a step of its own.
  std::uint32_t weight_ppm = 0;
  std::uint32_t stage = 0;  // index into the step's stages
  StepId step = 0;          // 0: not begun
  std::uint32_t attempt = 1;
  std::uint32_t steps_at_start = 1;  // K
  std::int64_t decided_ms = 0;       // since 1970, for people
  // What the current step is tested by; an edit that changes one of them begins a new step id.
  std::uint32_t served_ppm = 0;  // of new users, on the candidate
  std::uint32_t next_ppm = 0;
  std::string salt;
  std::string plan;          // fingerprint() of the plan it was decided under
  std::uint32_t alarms = 0;  // of the baseline against itself: how often a guard would have rolled it back
  // Promoted, and nobody has been told yet that the baseline may be stopped.
  bool keeps_baseline = false;
  Exposure exposure;   // of this attempt: it outlives the evidence, and a judge that begins anew
  ShadowTally shadow;  // likewise
  // Running time, without what was spent down. In pauses only `elapsed` goes on, and `in_stage` of the plan's own
  // pauses. After the promotion `in_stage` goes on while the baseline is kept, and nothing else.
  Seconds elapsed{0};
  Seconds in_step{0};
  Seconds in_stage{0};
  Seconds warmup_left{0};  // of a candidate that has just begun to get traffic; goes on in pauses

  bool running() const { return phase == Phase::kRunning || phase == Phase::kBaking; }
  bool warming() const { return !over() && warmup_left > Seconds(0); }
  bool over() const { return phase == Phase::kPromoted || phase == Phase::kRolledBack; }
};

std::string write_state(const RolloutState& state);
// Nothing when the text is not a state.
std::optional<RolloutState> read_state(std::string_view text);

// The plan's step at this weight, else one of its own: with the default hold, or in blue-green as the preview.
config::Step step_at(const config::Rollout& policy, std::uint32_t weight_ppm);
// The first setWeight above it, or all.
std::uint32_t weight_after(const config::Rollout& policy, std::uint32_t weight_ppm);
// What new users really get: less the holdback at 100 %.
std::uint32_t served_weight(const config::Rollout& policy, std::uint32_t weight_ppm);

// The state at the start of the step at `weight_ppm`, under a new step id.
RolloutState begin_step(const RolloutState& from, const config::Rollout& policy, std::uint32_t weight_ppm);
// The same step, at one of its stages.
RolloutState begin_stage(const RolloutState& from, const config::Rollout& policy, std::uint32_t stage);

void pass_time(RolloutState& state, Seconds dt);

// Tells apart two plans that differ in steps, holds, guards, budgets or the split.
std::string fingerprint(const config::Rollout& policy);

}  // namespace weir::analysis
