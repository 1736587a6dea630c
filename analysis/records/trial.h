// Confined to one thread. A rollout's judge and policy, given again what they were given: what `Rollout` does in a
// tick, without a disk. What was decided is told to it, and it says what it would have decided itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/records/entry.h"
#include "analysis/rollout/rollout.h"

namespace weir::analysis {

class Trial {
 public:
  // Nothing when the judge's snapshot is damaged, or of another version.
  static std::optional<Trial> of(Frame frame);
  // The same under another plan, `begins_anew` where the judge of `ran` has just begun,
  // else as if the plan had been edited here.
  static Trial under(const config::Rollout& policy, const Trial& ran, bool begins_anew);

  // One tick. `open`: as in Rollout::tick().
  void tick(const TickInput& input, bool open);
  // On what it knows now.
  Decision decision() const { return decide(state_, verdict_, policy_); }
  // A decision as the history has it.
  std::string record(Decision decision, std::int64_t unix_ms) const;
  // What was decided comes into effect. False: a judge begins anew, and only a frame knows with what.
  bool take(const Effect& effect);

  // Of another plan, which goes where the one that ran went. `clears`: an operator lets go what the judge has latched.
  void stand(RolloutState state, bool clears);
  // What was not seen: time, whom the candidate has failed, and what the judge of `ran` has learnt of the baseline.
  void catch_up(const Trial& ran);

  // How it differs from what was recorded at the same moment; empty: it does not.
  std::string difference(const Frame& frame) const;

  const RolloutKey& key() const { return key_; }
  const RolloutState& state() const { return state_; }
  const config::Rollout& policy() const { return policy_; }
  const Verdict& verdict() const { return verdict_; }
  const Judge* judge() const { return judge_ ? &*judge_ : nullptr; }
  std::vector<GuardStatus> guards() const { return judge_ ? judge_->guards() : last_guards_; }

 private:
  Trial() = default;

  RolloutKey key_;
  config::Rollout policy_;
  RolloutState state_;
  std::optional<Judge> judge_;
  Verdict verdict_;
  std::vector<GuardStatus> last_guards_;
  std::uint64_t minutes_ = 0;
};

}  // namespace weir::analysis
