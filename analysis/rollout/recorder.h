// Confined to the control thread. Is told all that a rollout's decisions follow from, in the order in which it happens,
// so that they can be made again from it. Nothing comes back: it neither waits nor fails, whatever becomes of what it
// was told.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "analysis/judge/judge.h"
#include "analysis/rollout/decide.h"

namespace weir::analysis {

class Rollout;

class Recorder {
 public:
  virtual ~Recorder() = default;

  // Around the ticks of all rollouts; what comes outside is a command's, or a plan's.
  virtual void begin_tick(std::chrono::nanoseconds dt, bool open) = 0;
  virtual void end_tick() = 0;

  // A rollout's tick: before it passes any time, and before its judge sees what came.
  virtual void begin(const Rollout& rollout) = 0;
  virtual void judged(const Rollout& rollout, const TickInput& input) = 0;

  struct Proposal {
    const Decision& decision;
    std::string_view actor;
    std::string_view record;  // JSON: what the history will say
    std::int64_t unix_ms = 0;
  };
  // On its way to the disk; nothing has changed yet.
  virtual void proposed(const Rollout& rollout, const Proposal& proposal) = 0;
  virtual void withdrew(const Rollout& rollout) = 0;
  // The rollout is what the decision made of it.
  virtual void took_effect(const Rollout& rollout, const Decision& decision) = 0;
  // Its plan is another one.
  virtual void edited(const Rollout& rollout) = 0;
  // It is not in the plan any more.
  virtual void left(const Rollout& rollout) = 0;
};

}  // namespace weir::analysis
