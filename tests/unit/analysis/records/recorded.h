// Confined to one thread. A simulated rollout with all that was recorded of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analysis/records/recording.h"
#include "analysis/records/replay.h"
#include "analysis/records/segment.h"
#include "analysis/sim/world.h"
#include "config/guards.h"
#include "tests/unit/analysis/records/folder.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis::testing {

inline config::Rollout policy() {
  config::Rollout policy;
  policy.baseline = "v1";
  policy.candidate = "v2";
  policy.salt = "chat/v2/";
  policy.stickiness.by.push_back({.header = "x-user-id", .cookie = {}});
  policy.analysis.guards = config::default_guards();
  config::Hold hold;
  hold.at_least = std::chrono::seconds(20);
  for (const std::uint32_t ppm : {100'000U, 500'000U, kMillion}) {
    policy.steps.push_back({.weight_ppm = ppm, .stages = {hold}});
  }
  return policy;
}

// A rollout that goes on for as long as it is told, and all that it decided on.
class Recorded {
 public:
  explicit Recorded(const sim::Regression& regression, std::uint64_t limit = 1U << 30, std::uint64_t seed = 7,
                    config::Rollout plan = policy())
      : folder_(dir_.in("weir.db.records")) {
    constexpr std::chrono::seconds kBefore{120};
    clock_.advance(kBefore);  // as the world's does before its rollout
    recording_ = std::make_unique<Recording>(clock_, Recording::Spec{.folder = folder_, .limit = limit, .run = 1});
    sim::WorldSpec spec{.service = "chat",
                        .policy = std::move(plan),
                        .traffic = {},
                        .regression = regression,
                        .before = kBefore,
                        .seed = seed};
    spec.traffic.rps = 200;
    spec.traffic.users = 2'000;
    spec.recorder = recording_.get();
    world_ = std::make_unique<sim::World>(std::move(spec));
  }

  void tick_for(
      std::chrono::seconds time, const std::function<bool()>& until = [] { return false; }) {
    for (Milliseconds passed{0}; passed < time && !until(); passed += Milliseconds(100)) {
      clock_.advance(Milliseconds(100));
      world_->tick(Milliseconds(100));
    }
  }
  bool is(Phase phase) const { return world_->rollout().state().phase == phase; }
  sim::World& world() { return *world_; }

  Replayed replay(ReplaySpec spec = {}) {
    recording_.reset();
    spec.service = "chat";
    return analysis::replay(spec, segments_in(folder_));
  }
  const std::string& folder() const { return folder_; }

 private:
  Folder dir_;
  std::string folder_;
  ManualClock clock_;
  std::unique_ptr<Recording> recording_;
  std::unique_ptr<sim::World> world_;
};

inline std::vector<const ReplayEvent*> of(const Replayed& replayed, ReplayEvent::Kind kind) {
  std::vector<const ReplayEvent*> found;
  for (const ReplayEvent& event : replayed.events) {
    if (event.kind == kind) found.push_back(&event);
  }
  return found;
}

inline std::vector<std::string> words(const Replayed& replayed, ReplayEvent::Kind kind) {
  std::vector<std::string> words;
  for (const ReplayEvent* event : of(replayed, kind)) words.push_back(event->words);
  return words;
}

}  // namespace weir::analysis::testing
