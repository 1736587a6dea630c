// The baseline against itself: nothing that is seen changes what anybody gets, and all of it is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "analysis/rollout/controller.h"
#include "analysis/rollout/status.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Lt;
using testing::Mood;
using testing::plan_of;
using testing::three_steps;
using testing::World;
using Verb = Command::Verb;

constexpr std::uint32_t kSplit = 500'000;
constexpr std::chrono::seconds kEvery{5};
constexpr int kEveryTicks = kEvery / World::kTick;

config::Rollout against_itself(std::uint32_t split_ppm = kSplit) {
  config::Rollout policy = three_steps();
  policy.strategy = config::Strategy::kAa;
  policy.candidate = policy.baseline;
  config::Hold hold;
  hold.at_least = kEvery;
  hold.at_most = config::kNever;
  hold.min_requests = 0;
  policy.steps = {{.weight_ppm = split_ppm, .stages = {hold}}};
  return policy;
}

RolloutPlan plan(config::Rollout policy) {
  RolloutPlan plan = plan_of(std::move(policy));
  plan.key.candidate = plan.key.baseline;
  return plan;
}

std::ptrdiff_t told(const World& world, const std::string& decision) {
  const std::vector<std::string> decisions = world.decisions();
  return std::count(decisions.begin(), decisions.end(), decision);
}

TEST(AgainstItself, ReportsAndGoesOn) {
  World world;
  world.start({plan(against_itself())});
  world.tick(4 * kEveryTicks + 10);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "report", "report", "report", "report"));
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(world.shown().weight_ppm, kSplit);
  const json::Value& report = world.controller->history().back();
  EXPECT_THAT(report["reason"].string(), HasSubstr("20s of v1 against itself: no false alarm; "));
  ASSERT_EQ(report["aa"]["guards"].array().size(), 2U);
  EXPECT_THAT(report["aa"]["guards"].array().at(0)["says"].string(), HasSubstr("errorRate: "));
  EXPECT_THAT(report["aa"]["guards"].array().at(0)["says"].string(), HasSubstr("design effect "));
  const json::Value& split = report["aa"]["split"];
  EXPECT_EQ(split["due_percent"].number(), 50);
  EXPECT_FALSE(split["alarm"].boolean(true));
  EXPECT_EQ(split["says"].string(),
            "no requests are compared yet: those of one moment are 63 s later, once every request of it is known");
  EXPECT_THAT(report["reason"].string(), ::testing::EndsWith("; split: " + split["says"].string()));
  const json::Value status = rollout_status(world.rollout());
  EXPECT_EQ(status["strategy"].string(), "aa");
  EXPECT_TRUE(status["aa"]["guards"].array().at(0)["honest_from"].is_number());
  EXPECT_THAT(status["waits"].array().at(0).string(), HasSubstr("report: the next in "));
}

TEST(AgainstItself, AnAlarmIsToldAndTakesNothingFromAnybody) {
  World world;
  world.mood = Mood::kFailing;  // the second arm alone: as bad as noise can be
  world.start({plan(against_itself())});
  ASSERT_TRUE(world.tick_until([&] { return told(world, "alarm") == 2; }));
  EXPECT_EQ(told(world, "rollback"), 0);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(world.state().alarms, 2U);
  for (const auto& published : world.traffic.plans) {
    const RolloutTraffic& traffic = published->of(testing::kService);
    EXPECT_THAT(traffic.weight_ppm, ::testing::AnyOf(0U, kSplit));
    EXPECT_FALSE(traffic.candidate_closed);
  }
  EXPECT_THAT(world.controller->history().back()["reason"].string(),
              HasSubstr("a false alarm, for both arms are v1: errorRate"));
  EXPECT_EQ(rollout_status(world.rollout())["aa"]["alarms"].integer(), 2);
  world.store.flush();
  world.start({plan(against_itself())});
  EXPECT_EQ(world.state().alarms, 2U) << "they are counted across restarts";
}

TEST(AgainstItself, ReportsComeThoughThereAreAlarms) {
  World world;
  world.mood = Mood::kFailing;
  world.start({plan(against_itself())});
  ASSERT_TRUE(world.tick_until([&] { return told(world, "report") == 2; }));
  EXPECT_GT(told(world, "alarm"), 1);
}

TEST(AgainstItself, AGuardThatOnlyPausesAlarmsToo) {
  config::Rollout policy = against_itself();
  policy.analysis.guards[0].action = config::GuardAction::kPause;
  World world;
  world.mood = Mood::kFailing;
  world.start({plan(policy)});
  ASSERT_TRUE(world.tick_until([&] { return told(world, "alarm") == 1; }));
  EXPECT_EQ(world.state().phase, Phase::kRunning);
}

TEST(AgainstItself, ThereIsNothingToMove) {
  World world;
  world.start({plan(against_itself())});
  ASSERT_TRUE(world.tick_until_weight(kSplit));
  for (const Verb verb : {Verb::kPromote, Verb::kPromoteFull, Verb::kWeight}) {
    EXPECT_THAT(world.say(verb, 100'000)->refusal, HasSubstr("there is nothing to move"));
  }
  EXPECT_EQ(world.say(Verb::kPause)->refusal, "");
  world.tick(2 * kEveryTicks);
  EXPECT_EQ(told(world, "report"), 0) << "time stands still in a pause";
  EXPECT_EQ(world.say(Verb::kResume)->refusal, "");
  world.tick(2);
  EXPECT_EQ(world.say(Verb::kAbort)->refusal, "");
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  EXPECT_EQ(world.say(Verb::kRetry)->refusal, "");
  ASSERT_TRUE(world.tick_until_weight(kSplit));
  EXPECT_EQ(world.state().alarms, 0U);
}

TEST(AgainstItself, AnotherSplitHoldsAtOnce) {
  World world;
  world.start({plan(against_itself())});
  ASSERT_TRUE(world.tick_until_weight(kSplit));
  world.controller->set_plans({plan(against_itself(100'000))});
  ASSERT_TRUE(world.tick_until_weight(100'000));
  EXPECT_EQ(world.decisions().back(), "edit");
  world.tick(kEveryTicks + 5);
  EXPECT_EQ(world.decisions().back(), "report");
}

}  // namespace
}  // namespace weir::analysis
