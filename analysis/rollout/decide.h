// Pure functions. What is done about a verdict: STATISTICS.md 4.8 and 4.14, and the holds and pauses of the plan.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "analysis/judge/verdict.h"
#include "analysis/rollout/rollout_state.h"
#include "config/rollout.h"

namespace weir::analysis {

struct Decision {
  enum class Kind : std::uint8_t {
    kHold,
    kStart,
    kAdvance,
    kPause,
    kResume,
    kPromote,
    kRollback,
    kSetWeight,
    kEdit,
    kScaleDown,  // changes nothing: the baseline may be stopped
    // Of the baseline against itself; neither changes what anybody gets.
    kAlarm,   // a guard would have rolled it back
    kReport,  // what the noise is like
  };

  Kind kind = Kind::kHold;
  std::string_view rule;   // a stable word of static storage: what led to it
  RolloutState after;      // unless it is a Hold
  bool new_judge = false;  // the evidence begins anew: a start or a retry
  bool resumes = false;    // what the judge has latched is let go
};
std::string_view to_string(Decision::Kind kind);

// Time is in the state (4.0: holds run on the rollout's own time). Rollback outranks everything else.
Decision decide(const RolloutState& state, const Verdict& verdict, const config::Rollout& policy);

// What speaks against the end of a pause of the plan whose time is over. One that ends its step is an advance like any
// other (4.8); one within its step asks no gate, but is not left against the evidence.
std::vector<std::string> pause_lacks(const RolloutState& state, const Verdict& verdict, const config::Rollout& policy);

// The first step of a rollout that is new, or is tried again.
Decision start(const RolloutState& from, const config::Rollout& policy);

// The plan has changed under a rollout that goes on. A Hold when it stays what it is.
Decision edit(const RolloutState& state, const config::Rollout& policy);

struct Command {
  enum class Verb : std::uint8_t { kPromote, kPromoteFull, kPause, kResume, kAbort, kRetry, kUndo, kWeight };
  Verb verb = Verb::kPause;
  std::uint32_t weight_ppm = 0;  // kWeight
  std::string actor;
};
struct Refusal {
  std::string message;  // what was wrong, and what to do
};
std::variant<Decision, Refusal> obey(const RolloutState& state, const Command& command, const config::Rollout& policy);

}  // namespace weir::analysis
