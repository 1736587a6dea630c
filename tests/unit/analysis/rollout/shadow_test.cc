// Copies of requests: a step says how many, and nothing else is moved by them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "analysis/rollout/controller.h"
#include "analysis/rollout/status.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::plan_of;
using testing::three_steps;
using testing::World;
using Verb = Command::Verb;

constexpr std::uint32_t kShare = 200'000;
constexpr std::chrono::seconds kEvery{5};
constexpr int kEveryTicks = kEvery / World::kTick;

config::Rollout in_the_shadow() {
  config::Rollout policy = three_steps();
  policy.strategy = config::Strategy::kShadow;
  policy.analysis.enabled = false;
  config::Hold hold;
  hold.at_least = kEvery;
  hold.at_most = config::kNever;
  hold.min_requests = 0;
  policy.steps = {{.weight_ppm = 0, .stages = {hold}, .mirror_ppm = kShare}};
  return policy;
}

TEST(InTheShadow, ReportsAndGoesOn) {
  World world;
  world.start({plan_of(in_the_shadow())});
  world.tick(2 * kEveryTicks + 10);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "report", "report"));
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  EXPECT_EQ(world.shown().mirror_ppm, kShare);
  EXPECT_FALSE(world.shown().judged);
  EXPECT_THAT(world.controller->history().back()["reason"].string(), HasSubstr("10s of v2 in the shadow of v1"));
  const json::Value status = rollout_status(world.rollout());
  EXPECT_EQ(status["mirror_percent"].number(), 20);
  EXPECT_THAT(status["waits"].array().at(0).string(), HasSubstr("report: the next in "));
}

TEST(InTheShadow, NoCommandMovesTheWeight) {
  World world;
  world.start({plan_of(in_the_shadow())});
  world.tick(10);
  for (const Verb verb : {Verb::kPromote, Verb::kPromoteFull, Verb::kWeight}) {
    EXPECT_THAT(world.say(verb, 10'000)->refusal, HasSubstr("v2 gets copies of requests, and no users"));
  }
  world.say(Verb::kAbort);
  world.tick(10);
  EXPECT_EQ(world.shown().mirror_ppm, 0U);
  EXPECT_TRUE(world.shown().candidate_closed);
  world.say(Verb::kRetry);
  world.tick(10);
  EXPECT_EQ(world.shown().mirror_ppm, kShare);
}

TEST(InTheShadow, AnEditOfTheShareIsToldAndTakesEffect) {
  World world;
  config::Rollout policy = in_the_shadow();
  world.start({plan_of(policy)});
  world.tick(10);
  policy.steps.front().mirror_ppm = 2 * kShare;
  world.controller->set_plans({plan_of(policy)});
  world.tick(10);
  EXPECT_EQ(world.shown().mirror_ppm, 2 * kShare);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "edit"));
}

// A canary that becomes a shadow takes its users back; a shadow that becomes a canary gives nobody away by itself.
TEST(InTheShadow, ChangesOfTheStrategyGiveTheCandidateNobody) {
  World world;
  world.start({plan_of(three_steps())});
  ASSERT_TRUE(world.tick_until([&] { return world.shown().weight_ppm > 0; }));
  world.controller->set_plans({plan_of(in_the_shadow())});
  world.tick(10);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  EXPECT_EQ(world.shown().mirror_ppm, kShare);
  world.controller->set_plans({plan_of(three_steps())});
  world.tick(10);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  EXPECT_EQ(world.shown().mirror_ppm, 0U);
  world.say(Verb::kPromote);
  world.tick(10);
  EXPECT_EQ(world.shown().weight_ppm, three_steps().steps.front().weight_ppm);
}

TEST(InTheShadow, OnlyTheStepInForceIsMirrored) {
  World world;
  config::Rollout policy = three_steps();
  policy.steps.front().mirror_ppm = kShare;
  world.start({plan_of(policy)});
  world.tick(10);
  EXPECT_EQ(world.shown().mirror_ppm, kShare);
  world.say(Verb::kPromote);
  world.tick(10);
  EXPECT_EQ(world.shown().weight_ppm, policy.steps[1].weight_ppm);
  EXPECT_EQ(world.shown().mirror_ppm, 0U);
}

}  // namespace
}  // namespace weir::analysis
