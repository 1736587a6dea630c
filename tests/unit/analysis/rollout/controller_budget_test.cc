// A budget takes the candidate back where no evidence would: guards that only warn, pauses, an analysis that is off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "analysis/rollout/status.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kFirst;
using testing::Mood;
using testing::plan_of;
using testing::three_steps;
using testing::World;

constexpr std::uint64_t kMost = 60;

// Nothing else can end it.
config::Rollout blind() {
  config::Rollout policy = three_steps();
  for (config::Guard& guard : policy.analysis.guards) guard.action = config::GuardAction::kWarn;
  policy.max_exposure.excess_failures = kMost;
  return policy;
}

void begin(World& world, const config::Rollout& policy) {
  world.start({plan_of(policy)});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
}

json::Value last_record(const World& world) { return world.controller->history().back(); }

TEST(Budget, RollsBackWithAReasonOfItsOwn) {
  World world;
  begin(world, blind());
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  const json::Value record = last_record(world);
  EXPECT_EQ(record["rule"].string(), "budget");
  EXPECT_THAT(record["reason"].string(), HasSubstr("of 60 excessFailures"));
  EXPECT_THAT(record["reason"].string(), HasSubstr("a budget, not a test"));
  EXPECT_EQ(record["budgets"].array().at(0)["limit"].number(), kMost);
  EXPECT_GE(record["budgets"].array().at(0)["spent"].number(), kMost);
  // Four a tick fail: what came while the decision was on its way is two ticks' at most.
  EXPECT_LE(rollout_status(world.rollout())["budgets"].array().at(0)["spent"].number(), kMost + 8);
}

TEST(Budget, OfAHealthyCandidateIsNotSpent) {
  World world;
  begin(world, blind());
  world.tick(100);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(rollout_status(world.rollout())["budgets"].array().at(0)["spent"].number(), 0);
}

TEST(Budget, IsEnforcedInAPause) {
  World world;
  begin(world, blind());
  world.say(Command::Verb::kPause);
  ASSERT_TRUE(world.tick_until(Phase::kPaused));
  world.mood = Mood::kFailing;
  EXPECT_TRUE(world.tick_until(Phase::kRolledBack));
}

TEST(Budget, IsEnforcedWhereNothingIsJudged) {
  World world;
  config::Rollout policy = blind();
  policy.analysis.enabled = false;
  for (config::Step& step : policy.steps) step.stages = {testing::pause_for({})};
  begin(world, policy);
  EXPECT_TRUE(world.shown().judged) << "its requests are counted";
  EXPECT_EQ(world.shown().latency_metrics, 0U);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  EXPECT_EQ(last_record(world)["rule"].string(), "budget");
  EXPECT_FALSE(world.shown().judged);
}

TEST(Budget, WithoutOneNothingIsCountedWhereNothingIsJudged) {
  World world;
  config::Rollout policy = blind();
  policy.analysis.enabled = false;
  policy.max_exposure = {};
  begin(world, policy);
  EXPECT_FALSE(world.shown().judged);
}

// What is spent outlives the process, and evidence that is lost.
TEST(Budget, GoesOnAfterARestart) {
  for (const bool evidence_lost : {false, true}) {
    World world;
    const config::Rollout policy = blind();
    begin(world, policy);
    world.mood = Mood::kFailing;
    world.tick(10);
    world.mood = Mood::kSilent;
    world.tick(2);
    world.controller->save();
    world.store.flush();
    const double spent = rollout_status(world.rollout())["budgets"].array().at(0)["spent"].number();
    ASSERT_GE(spent, 36);
    ASSERT_LT(spent, kMost);
    if (evidence_lost) world.store.forget_evidence(plan_of(policy).key);
    world.start({plan_of(policy)});
    EXPECT_EQ(rollout_status(world.rollout())["budgets"].array().at(0)["spent"].number(), spent);
    ASSERT_TRUE(world.tick_until_weight(kFirst));
    world.mood = Mood::kFailing;
    world.tick(9);
    EXPECT_EQ(world.state().phase, Phase::kRolledBack) << "36 more would not have been enough alone";
  }
}

// What a kill forgets can be spent twice: it is a tenth of the budget, and what a second brings.
TEST(Budget, AKillForgetsLittleOfWhatIsSpent) {
  World world;
  config::Rollout policy = blind();
  policy.max_exposure.excess_failures = 400;
  begin(world, policy);
  const auto spent = [&] { return rollout_status(world.rollout())["budgets"].array().at(0)["spent"].number(); };
  world.mood = Mood::kFailing;
  world.tick(60);
  world.store.flush();
  const double before = spent();
  ASSERT_GE(before, 200);
  world.start({plan_of(policy)});
  EXPECT_GE(spent(), before - 40 - 50);
}

TEST(Budget, ATryMoreHasAWholeOne) {
  World world;
  begin(world, blind());
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  world.mood = Mood::kHealthy;
  world.say(Command::Verb::kRetry);
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  world.tick(5);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(rollout_status(world.rollout())["budgets"].array().at(0)["spent"].number(), 0);
}

TEST(Budget, AnEditedOneCountsWhatWasSpentBefore) {
  World world;
  config::Rollout policy = blind();
  policy.max_exposure = {};
  begin(world, policy);
  world.mood = Mood::kFailing;
  world.tick(10);
  world.mood = Mood::kHealthy;
  world.tick(3);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  policy.max_exposure.failed_requests = 30;
  world.controller->set_plans({plan_of(policy)});
  world.store.flush();
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  EXPECT_THAT(world.decisions(), ElementsAre("start", "edit", "rollback"));
}

// A guard that has fired says more.
TEST(Budget, AGuardThatFiresAtOnceIsTheReason) {
  World world;
  config::Rollout policy = three_steps();
  policy.max_exposure.failed_requests = 1'000'000;
  begin(world, policy);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  EXPECT_EQ(last_record(world)["rule"].string(), "guard");
}

}  // namespace
}  // namespace weir::analysis
