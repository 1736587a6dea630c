// Confined to the control thread. One tick of all rollouts: collect, aggregate, judge, decide, append, apply.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/rollout/ports.h"
#include "analysis/rollout/rollout.h"
#include "analysis/window/baseline_memory.h"
#include "analysis/window/tick.h"
#include "base/clock.h"
#include "base/json.h"

namespace weir::analysis {

struct Ports {
  const Clock& clock;
  MetricSource& source;
  TrafficControl& traffic;
  StateStore& store;
  Recorder* recorder = nullptr;  // null: nobody keeps what decisions follow from
};

class Controller {
 public:
  static constexpr std::size_t kHistoryKept = 1'000;

  // `rollouts`: every one that the store had. When `lost` is not empty it had to give up on a file, and says why: those
  // that it does not have stay on their baseline until an operator tries them again.
  struct Past {
    std::vector<StoredRollout> rollouts;
    std::vector<json::Value> history;  // oldest first
    std::string lost;
  };
  Controller(const Ports& ports, Past past);

  // The rollouts of the plan: kept where the key is the same, found again where it was known before, else new.
  // Publishes a traffic plan at once; the caller has made the data plane know the versions before.
  void set_plans(std::vector<RolloutPlan> plans);
  void tick();
  void command(std::string_view service, const Command& command, CommandDone done);
  // Into the history: a command that was about no rollout. `record` has time, decision, actor and reason.
  void note(json::Value record);
  // For a clean end: all evidence is saved; true once all of it is durable.
  void save();
  bool durable() const;

  const std::map<std::string, Rollout, std::less<>>& rollouts() const { return rollouts_; }
  // What every version has been like lately.
  const BaselineMemories& memories() const { return memories_; }
  // Newest last.
  const std::deque<json::Value>& history() const { return history_; }
  // Rises with each record of the history.
  std::uint64_t history_version() const { return history_version_; }
  // The store has taken a write since the start: weights above 0 may be served.
  bool open() const { return open_; }
  StoreHealth store_health() const { return ports_.store.health(); }

 private:
  void remember(json::Value record);
  void keep_past(Rollout& rollout);
  void publish();

  Ports ports_;
  std::map<RolloutKey, StoredRollout> past_;
  std::string lost_;
  std::deque<json::Value> history_;
  std::uint64_t history_version_ = 0;
  std::map<std::string, Rollout, std::less<>> rollouts_;
  BaselineMemories memories_;
  Tick tick_;
  SteadyTime last_tick_;
  std::optional<Ticket> proof_;  // the write that shows that the store takes one
  bool open_ = false;
  std::uint64_t plan_number_ = 0;
  Epoch last_epoch_ = 0;
};

}  // namespace weir::analysis
