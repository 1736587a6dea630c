// Plans that change under rollouts that go on: edits, additions, removals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "analysis/rollout/controller.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using ::testing::ElementsAre;
using testing::kFirst;
using testing::kSecond;
using testing::kService;
using testing::Mood;
using testing::pause_for;
using testing::plan_of;
using testing::short_hold;
using testing::three_steps;
using testing::World;
using Verb = Command::Verb;

void begin(World& world) {
  world.start({plan_of(three_steps())});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  world.tick(5);
}

config::Rollout other_guards() {
  config::Rollout policy = three_steps();
  policy.analysis.guards[0].absolute = 0.01;
  return policy;
}

config::Rollout other_next_weight() {
  config::Rollout policy = three_steps();
  policy.steps[1].weight_ppm = 500'000;
  return policy;
}

RolloutPlan other_service(ServiceId id) {
  RolloutPlan plan = plan_of(three_steps());
  plan.key.service = "other";
  plan.service = id;
  return plan;
}

TEST(ControllerPlans, AnEditOfGuardsKeepsTheStep) {
  World world;
  begin(world);
  const RolloutState before = world.state();
  world.controller->set_plans({plan_of(other_guards())});
  const std::vector<GuardStatus> guards = world.rollout().guards();
  EXPECT_TRUE(
      std::any_of(guards.begin(), guards.end(), [](const auto& status) { return status.guard.absolute == 0.01; }));
  world.tick(2);
  EXPECT_EQ(world.state().step, before.step);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_GE(world.state().in_stage, before.in_stage);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "edit"));
  EXPECT_EQ(world.controller->history().back()["actor"].string(), "file");
}

TEST(ControllerPlans, AnEditOfStepsKeepsTheWeightUnderANewStep) {
  World world;
  begin(world);
  const StepId step = world.state().step;
  world.controller->set_plans({plan_of(other_next_weight())});
  world.tick(2);
  EXPECT_EQ(world.state().step, step + 1);
  EXPECT_EQ(world.shown().step, step + 1);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_TRUE(world.tick_until_weight(500'000));
}

TEST(ControllerPlans, TheSamePlanAgainDecidesNothing) {
  World world;
  begin(world);
  RolloutPlan plan = plan_of(three_steps());
  plan.identity = 43;
  world.controller->set_plans({plan});
  EXPECT_EQ(world.shown().identity, 43U) << "the routes are new all the same";
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  world.tick(5);
  EXPECT_THAT(world.decisions(), ElementsAre("start"));
}

TEST(ControllerPlans, AnEditWithdrawsADecisionOfTheOldPlan) {
  World world;
  begin(world);
  world.works = false;
  const auto promote = world.say(Verb::kPromote);
  world.controller->set_plans({plan_of(other_next_weight())});
  EXPECT_TRUE(promote->given);
  EXPECT_THAT(promote->refusal, ::testing::HasSubstr("edited"));
  world.works = true;
  world.store.flush();
  world.tick(3);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "edit"));
}

TEST(ControllerPlans, TwoEditsWhileTheDiskHangsAreOne) {
  World world;
  begin(world);
  world.works = false;
  world.controller->set_plans({plan_of(other_guards())});
  world.tick(2);
  world.controller->set_plans({plan_of(other_next_weight())});
  world.tick(2);
  world.works = true;
  world.store.flush();
  world.tick(5);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "edit"));
  EXPECT_EQ(world.state().next_ppm, 500'000U);
}

TEST(ControllerPlans, AnEditBehindALowerWeightIsNotForgotten) {
  World world;
  begin(world);
  world.works = false;
  world.say(Verb::kWeight, 10'000);
  config::Rollout policy = three_steps();
  policy.steps[0].weight_ppm = 20'000;
  world.controller->set_plans({plan_of(policy)});
  world.tick(3);
  EXPECT_EQ(world.shown().weight_ppm, 10'000U) << "it takes traffic from the candidate and does not wait";
  world.works = true;
  world.store.flush();
  world.tick(3);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "weight", "edit"));
  EXPECT_EQ(world.state().next_ppm, 20'000U);
}

TEST(ControllerPlans, AnEditBehindARetryIsNotForgotten) {
  World world;
  begin(world);
  world.say(Verb::kAbort);
  world.tick(2);
  world.works = false;
  world.say(Verb::kRetry);
  world.controller->set_plans({plan_of(other_next_weight())});
  world.works = true;
  world.store.flush();
  world.tick(4);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(world.state().next_ppm, 500'000U);
}

TEST(ControllerPlans, AnEditBeforeTheStartIsAPartOfIt) {
  World world;
  world.works = false;
  world.start({plan_of(three_steps())});
  world.tick(2);
  config::Rollout policy = three_steps();
  policy.steps[0].weight_ppm = 10'000;
  world.controller->set_plans({plan_of(policy)});
  world.works = true;
  world.tick(4);
  EXPECT_EQ(world.shown().weight_ppm, 10'000U);
  EXPECT_THAT(world.decisions(), ElementsAre("start"));
}

TEST(ControllerPlans, AnEditEndsAPlannedPause) {
  config::Rollout pausing = three_steps();
  pausing.steps[0].stages = {pause_for({})};
  World world;
  world.start({plan_of(pausing)});
  ASSERT_TRUE(world.tick_until(Phase::kPaused));
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_TRUE(world.tick_until_weight(kSecond));
}

TEST(ControllerPlans, JudgingCanBeSwitchedOffAndOn) {
  config::Rollout off = three_steps();
  off.analysis.enabled = false;
  World world;
  begin(world);
  world.controller->set_plans({plan_of(off)});
  EXPECT_FALSE(world.shown().judged);
  world.mood = Mood::kFailing;
  world.tick(5);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_TRUE(world.shown().judged);
  EXPECT_TRUE(world.tick_until(Phase::kRolledBack));
}

TEST(ControllerPlans, ARetryWithoutJudgingForgetsTheOldVerdict) {
  config::Rollout off = three_steps();
  off.analysis.enabled = false;
  World world;
  begin(world);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  world.controller->set_plans({plan_of(off)});
  world.tick(2);
  world.say(Verb::kRetry);
  world.tick(10);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
}

TEST(ControllerPlans, ARolloutTakenOutLeavesADefaultEntry) {
  World world;
  world.start({plan_of(three_steps()), other_service(1)});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  world.controller->set_plans({other_service(1)});
  const RolloutTraffic& gone = world.shown();
  EXPECT_EQ(gone.identity, 0U);
  EXPECT_EQ(gone.step, 0U);
  EXPECT_EQ(gone.weight_ppm, 0U);
  EXPECT_FALSE(gone.candidate_closed);
  EXPECT_FALSE(gone.judged);
  EXPECT_EQ(world.traffic.plans.back()->of(1).weight_ppm, kFirst) << "the other one goes on";
  world.controller->set_plans({});
  EXPECT_TRUE(world.traffic.plans.back()->rollouts.empty());
  world.tick(5);
}

TEST(ControllerPlans, ARolloutThatComesBackGoesOn) {
  World world;
  begin(world);
  const RolloutState before = world.state();
  world.controller->set_plans({});
  world.tick(20);
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_EQ(write_state(world.state()), write_state(before));
  world.tick();
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_EQ(world.shown().step, before.step);
  EXPECT_THAT(world.decisions(), ElementsAre("start"));
}

TEST(ControllerPlans, ARolloutThatLeavesAnswersItsCommand) {
  World world;
  begin(world);
  world.works = false;
  const auto promote = world.say(Verb::kPromote);
  world.controller->set_plans({});
  EXPECT_TRUE(promote->given);
  EXPECT_FALSE(promote->refusal.empty());
  world.store.flush();
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_EQ(world.state().weight_ppm, kFirst);
  EXPECT_EQ(world.store.state_of(world.rollout().plan().key)->weight_ppm, kFirst) << "it never happened";
}

TEST(ControllerPlans, ARollbackThatIsNotDurableIsNotUndoneByTheFile) {
  World world;
  begin(world);
  world.works = false;
  const auto abort = world.say(Verb::kAbort);
  world.controller->set_plans({});
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_TRUE(abort->given);
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  world.works = true;
  world.store.flush();
  world.tick(3);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  EXPECT_TRUE(world.shown().candidate_closed);
}

TEST(ControllerPlans, RolloutsDoNotKnowOfEachOther) {
  World world;
  world.start({plan_of(three_steps()), other_service(5)});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  EXPECT_EQ(world.controller->rollouts().at("other").state().phase, Phase::kRunning);
  EXPECT_EQ(world.traffic.plans.back()->of(5).weight_ppm, kFirst);
  EXPECT_EQ(world.traffic.plans.back()->of(4).weight_ppm, 0U);
}

}  // namespace
}  // namespace weir::analysis
