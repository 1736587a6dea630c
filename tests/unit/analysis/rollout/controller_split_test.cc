// A rollout whose versions do not get their shares of users: what the controller makes of it (STATISTICS.md 4.8, 4.9).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/rollout/status.h"
#include "base/random.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using ::testing::HasSubstr;
using testing::kBaselineVersion;
using testing::kCandidateVersion;
using testing::kFirst;
using testing::kService;
using testing::Mood;
using testing::pause_for;
using testing::plan_of;
using testing::with_first_stages;
using testing::World;

// Users that come once each; `candidate` of them go there.
void send_users(World& world, Random& random, double candidate) {
  for (int i = 0; i < 50; ++i) {
    const bool there = random.uniform() < candidate;
    Outcome outcome;
    outcome.service = kService;
    outcome.step = world.shown().step;
    outcome.epoch = world.shown().epoch;
    outcome.judged = world.shown().judged;
    outcome.arm = there ? Arm::kCandidate : Arm::kBaseline;
    outcome.version = there ? kCandidateVersion : kBaselineVersion;
    outcome.cluster = static_cast<std::uint8_t>(random.next());
    outcome.user_hash = static_cast<std::uint32_t>(random.next());
    outcome.latency_us = 1'000;
    world.source.outcomes.push_back(outcome);
  }
}

// In a step that a person has to leave, with nobody asking but these.
void begin(World& world) {
  world.mood = Mood::kSilent;
  world.start({plan_of(with_first_stages({pause_for({})}))});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
}

void send_for_two_minutes(World& world, Random& random, double candidate) {
  for (int i = 0; i < 1'300; ++i) {
    send_users(world, random, candidate);
    world.tick();
  }
}

constexpr double kShare = static_cast<double>(kFirst) / kMillion;

TEST(ControllerSplit, ABrokenOnePausesUntilResume) {
  World world;
  begin(world);
  Random random(1);
  send_for_two_minutes(world, random, kShare + 0.05);
  ASSERT_EQ(world.state().phase, Phase::kPaused);
  ASSERT_EQ(world.state().cause, PauseCause::kSplit);
  EXPECT_THAT(world.state().reason, HasSubstr("assignment or counting is broken"));
  EXPECT_EQ(world.controller->history().back()["rule"].string(), "split");
  const json::Value split = rollout_status(world.rollout())["split"];
  EXPECT_TRUE(split["alarm"].boolean());
  EXPECT_EQ(split["toward_alarm"].number(), 1);
  EXPECT_EQ(split["unit"].string(), "requests");
  EXPECT_NEAR(split["evidence_needed"].number(), 1'000, 1e-6);
}

TEST(ControllerSplit, AHealthyOneDoesNot) {
  World world;
  begin(world);
  Random random(2);
  send_for_two_minutes(world, random, kShare);
  EXPECT_EQ(world.state().cause, PauseCause::kPlan);
  const json::Value split = rollout_status(world.rollout())["split"];
  EXPECT_FALSE(split["alarm"].boolean());
  EXPECT_GT(split["candidate"].integer(), 100);
}

TEST(ControllerSplit, TheAlarmOutlivesARestartAndIsLetGoByResume) {
  World world;
  begin(world);
  Random random(3);
  send_for_two_minutes(world, random, kShare + 0.05);
  ASSERT_EQ(world.state().cause, PauseCause::kSplit);
  world.tick(20);
  world.start({plan_of(with_first_stages({pause_for({})}))});
  world.tick(5);
  EXPECT_EQ(world.state().cause, PauseCause::kSplit);
  EXPECT_TRUE(world.rollout().verdict().split.alarm);
  world.say(Command::Verb::kResume);
  world.tick(5);
  EXPECT_EQ(world.state().cause, PauseCause::kPlan) << "the plan's own pause goes on";
  EXPECT_FALSE(world.rollout().verdict().split.alarm);
  world.start({plan_of(with_first_stages({pause_for({})}))});
  world.tick(5);
  EXPECT_EQ(world.state().cause, PauseCause::kPlan) << "what was let go does not come back";
}

TEST(ControllerSplit, IsNeverInTheWayOfARollback) {
  World world;
  begin(world);
  Random random(4);
  send_for_two_minutes(world, random, kShare + 0.05);
  ASSERT_EQ(world.state().cause, PauseCause::kSplit);
  world.mood = Mood::kFailing;
  EXPECT_TRUE(world.tick_until(Phase::kRolledBack));
}

}  // namespace
}  // namespace weir::analysis
