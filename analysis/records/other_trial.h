// Confined to one thread. What another plan would have decided, by what came under the plan that ran.
//
// The problem: had the other plan decided otherwise, other users would have been on the candidate from then on, and
// nobody knows what they would have met. What is known is what came under the weights that were in force, and that is
// what the other plan's judge is given, step by step as they were taken. So it says of each step whether and when the
// other plan would have left it, and of all of the time when it would have paused or taken the candidate back. Where it
// would have gone on sooner, it stays until the weight was there; where it would have waited longer, that is said, and
// it goes along. Operators' commands are followed as they were given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/records/input_code.h"
#include "analysis/records/relatch.h"
#include "analysis/records/trial.h"

namespace weir::analysis {

class OtherTrial {
 public:
  explicit OtherTrial(const config::Rollout& policy) : policy_(policy) {}

  // What is known of the plan that ran: for the first time, after a gap, a restart or an edit, or with a judge that
  // begins anew. True: it goes on from what that judge knew, as if the plan had been edited here: evidence of guards
  // that are the same is kept, that of others begins anew.
  bool know(const Trial& ran, bool begins_anew);

  // Before the other judge has the tick, and after it.
  void prepare(const Trial& ran);
  struct Would {
    Decision::Kind kind = Decision::Kind::kHold;
    std::string record;        // as the history would have it
    bool approximate = false;  // some times were read from the histogram
  };
  // `input` is changed to what this plan would have counted.
  std::optional<Would> tick(RecordedInput& input, Seconds dt, bool open, std::int64_t unix_ms);

  // What was decided has come into effect, and `ours` is by nobody's command. Says why this plan would not have done
  // that; nothing where it had, or would have followed.
  std::optional<std::string> follow(const Effect& effect, bool ours);

 private:
  void enter(const RolloutState& ran);
  void resume(bool clears);
  std::optional<std::string> otherwise(const Effect& effect, bool moves) const;
  std::string waits() const;

  const config::Rollout& policy_;
  Relatch relatch_;
  std::optional<Trial> own_;
  bool left_ = false;  // it would have left this step
  bool over_ = false;  // it would have taken the candidate back, or the rollout is over
};

}  // namespace weir::analysis
