// What is recorded of a rollout is enough to make each of its decisions again, to the last bit.
#include "analysis/records/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analysis/records/recording.h"
#include "analysis/records/segment.h"
#include "analysis/sim/world.h"
#include "config/guards.h"
#include "tests/unit/analysis/records/folder.h"

namespace weir::analysis {
namespace {

using Kind = ReplayEvent::Kind;

config::Rollout policy() {
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
  explicit Recorded(const sim::Regression& regression, std::uint64_t limit = 1U << 30, std::uint64_t seed = 7)
      : folder_(dir_.in("weir.db.records")),
        recording_(std::make_unique<Recording>(clock_, Recording::Spec{.folder = folder_, .limit = limit, .run = 1})) {
    sim::WorldSpec spec{.service = "chat", .policy = policy(), .traffic = {}, .regression = regression, .seed = seed};
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
  testing::Folder dir_;
  std::string folder_;
  ManualClock clock_;
  std::unique_ptr<Recording> recording_;
  std::unique_ptr<sim::World> world_;
};

std::vector<const ReplayEvent*> of(const Replayed& replayed, Kind kind) {
  std::vector<const ReplayEvent*> found;
  for (const ReplayEvent& event : replayed.events) {
    if (event.kind == kind) found.push_back(&event);
  }
  return found;
}

// Everything that was decided, as the history has it, is decided again.
void expect_same(const Replayed& replayed, const Controller& controller) {
  EXPECT_THAT(replayed.problems, ::testing::IsEmpty());
  for (const ReplayEvent* event : of(replayed, Kind::kDiverged)) {
    ADD_FAILURE() << event->words << "\n" << json::write(event->record);
  }
  std::vector<std::string> decided;
  for (const ReplayEvent* event : of(replayed, Kind::kDecided)) {
    decided.push_back(json::write(event->record));
    EXPECT_EQ(event->again, event->ours) << decided.back();
  }
  std::vector<std::string> history;
  for (const json::Value& record : controller.history()) history.push_back(json::write(record));
  EXPECT_EQ(decided, history);
}

TEST(Replay, MakesTheDecisionsOfAHealthyRolloutAgain) {
  Recorded run({});
  run.tick_for(std::chrono::hours(2), [&] { return run.is(Phase::kPromoted); });
  ASSERT_TRUE(run.is(Phase::kPromoted));
  const Replayed replayed = run.replay();
  expect_same(replayed, run.world().controller());
  EXPECT_GE(replayed.frames_equal, 3U);
  EXPECT_GE(of(replayed, Kind::kDecided).size(), 4U);
}

TEST(Replay, MakesARollbackAgain) {
  sim::Regression regression;
  regression.errors.extra = 0.05;
  regression.after = std::chrono::seconds(60);
  Recorded run(regression);
  run.tick_for(std::chrono::hours(1), [&] { return run.is(Phase::kRolledBack); });
  ASSERT_TRUE(run.is(Phase::kRolledBack));
  const Replayed replayed = run.replay();
  expect_same(replayed, run.world().controller());
  const json::Value& last = of(replayed, Kind::kDecided).back()->record;
  EXPECT_EQ(last["decision"].string(), "rollback");
  EXPECT_GE(last["evidence_rollback"].number(), 100);
}

}  // namespace
}  // namespace weir::analysis
