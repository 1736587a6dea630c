// Confined to the control thread. One rollout: its state, its judge, and the decision that is on its way to the disk.
//
// A decision is durable before it is visible. What takes traffic from the candidate does not wait for longer than
// kPatience: it is applied, and shown as not durable until the store says so. ARCHITECTURE.md section 4.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "analysis/judge/judge.h"
#include "analysis/rollout/decide.h"
#include "analysis/rollout/ports.h"
#include "analysis/rollout/recorder.h"
#include "analysis/rollout/rollout_state.h"
#include "base/clock.h"
#include "base/json.h"

namespace weir::analysis {

// Answers a command: an empty refusal when it is done.
using CommandDone = std::function<void(const std::optional<Refusal>&)>;

struct RolloutPlan {
  RolloutKey key;
  config::Rollout policy;
  ServiceId service = kNoId;
  VersionId baseline = kNoId;
  VersionId candidate = kNoId;
  std::uint64_t identity = 0;  // RolloutTraffic::identity
};

struct RolloutWorld {
  const Clock& clock;
  StateStore& store;
  std::function<BaselineMemory()> memory;    // of the baseline, now
  std::function<void(json::Value)> history;  // takes the record of a decision that is visible
  std::function<Epoch()> next_epoch;
  Recorder* recorder = nullptr;  // null: nobody keeps what decisions follow from
};

// What the judge of a rollout under this plan is told of it.
JudgeSpec judge_spec(const config::Rollout& policy, const RolloutState& state);
StepContext step_context(const RolloutState& state, StepContext::Seed seed);

struct TickFacts {
  const ServiceCounts* counts = nullptr;  // null: the service had no outcome
  std::uint64_t malformed = 0;            // records that may have been anybody's
  Seconds dt{0};
};

class Rollout {
 public:
  static constexpr Milliseconds kPatience{250};

  // As stored, or new: a new one begins with its first tick. `open`: as in tick().
  Rollout(RolloutPlan plan, RolloutWorld world, const StoredRollout* stored, bool open);
  // The state is lost: on the baseline until an operator says `retry`.
  void lose_state(const std::string& why);

  // Until `open`, nobody is sent to the candidate.
  void tick(const TickFacts& facts, bool open);
  // Answered at once or when the decision is visible.
  void command(const Command& command, CommandDone done);
  // The plan has changed; the key is the same.
  void edit(RolloutPlan plan);
  // Saves once more, for a clean end.
  void save();
  // The plan no longer has it: what is known of it should it come back. A decision that waits for the disk never
  // happened, but for one that takes traffic from the candidate.
  StoredRollout leave();

  RolloutTraffic traffic() const;
  // True once after each change of traffic().
  bool take_changed() { return std::exchange(changed_, false); }

  const RolloutPlan& plan() const { return plan_; }
  const RolloutState& state() const { return state_; }
  const Verdict& verdict() const { return verdict_; }
  // Null while nobody judges it.
  const Judge* judging() const { return judge_ ? &*judge_ : nullptr; }
  // Full minutes of the rollout's time that its judge has been told of.
  std::uint64_t minutes() const { return minutes_; }
  // Of the running judge; of the last one once the rollout is over.
  std::vector<GuardStatus> guards() const;
  // As Judge::score(); nothing while nothing is judged. Whoever folds it says to which request it belongs.
  std::vector<Judge::ScoreSlot> score(std::string_view name, std::string_view source, double value) const {
    return judge_ ? judge_->score(name, source, value) : std::vector<Judge::ScoreSlot>();
  }
  // Of the baseline against itself what noise_json() says; else null.
  json::Value noise() const;
  // Whose step ids its judge knows, now.
  Epoch epoch() const { return epoch_; }
  // One of its guards is of feedback.
  bool scored() const;
  bool durable() const { return world_.store.durable_through() >= undurable_; }
  bool waits_for_disk() const { return pending_.has_value(); }
  bool open() const { return open_; }
  // Its steps' requests are evidence, or count toward a budget.
  bool counts() const;

 private:
  struct Pending {
    Decision decision;
    Ticket ticket = 0;
    SteadyTime since;
    json::Value record;
    CommandDone done;
    bool safe = false;    // takes traffic from the candidate
    bool climbs = false;  // gives it more
    bool ours = false;    // decided here, on the evidence, by nobody's command
  };

  void close_unrecorded();
  JudgeSpec spec() const { return judge_spec(plan_.policy, state_); }
  void make_judge();
  // What its judge will know once the decision is visible.
  std::string evidence_after(const Decision& decision) const;
  void judge(const TickFacts& facts);
  void settle();
  void propose(Decision decision, std::string_view actor, CommandDone done);
  // A rollback goes before whatever waits for the disk, but for another one; a pause before what would climb; a lower
  // weight before whatever takes no traffic from the candidate.
  bool outranked_by(const Decision& decision) const;
  void reconsider();
  bool withdraw(std::string_view why);
  void take_effect(Pending pending);
  void begin_judging(const Decision& decision);
  void take_edit();
  void save_if_due();
  void append_state();

  RolloutPlan plan_;
  RolloutWorld world_;
  RolloutState state_;
  std::optional<Judge> judge_;
  Epoch epoch_ = 0;  // of this judge's step ids
  Verdict verdict_;
  std::vector<GuardStatus> last_guards_;
  std::optional<Pending> pending_;
  Ticket undurable_ = 0;  // the ticket of the state that is visible
  bool open_ = false;
  bool changed_ = true;
  bool wants_edit_ = false;
  std::uint64_t minutes_ = 0;
  std::uint32_t threshold_version_ = 0;
  Seconds since_save_{0};
  double spent_at_save_ = 0;  // of the budget that was nearest to its end then, as a share
};

}  // namespace weir::analysis
