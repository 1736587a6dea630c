// Kill and restart: what is decided stays decided, whatever the moment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analysis/rollout/controller.h"
#include "analysis/rollout/status.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using ::testing::HasSubstr;
using testing::kFirst;
using testing::kSecond;
using testing::kService;
using testing::Mood;
using testing::plan_of;
using testing::three_steps;
using testing::World;
using Verb = Command::Verb;

// A life of a rollout: what happens before the tick of this number.
using Story = std::function<void(World&, int)>;

void run(World& world, const Story& story, int ticks) {
  world.start({plan_of(three_steps())});
  for (int i = 0; i < ticks; ++i) {
    story(world, i);
    world.tick();
  }
}

// Everything of a state that a decision sets.
std::string decided_part(RolloutState state) {
  state.elapsed = state.in_step = state.in_stage = Seconds(0);
  return write_state(state);
}

void expect_same_after_a_kill(const Story& story, int ticks) {
  SCOPED_TRACE("killed after " + std::to_string(ticks) + " ticks");
  World world;
  run(world, story, ticks);
  const RolloutState seen = world.state();
  const RolloutKey key = world.rollout().plan().key;
  const std::uint32_t seen_weight = world.shown().weight_ppm;
  const std::optional<RolloutState> on_disk = world.store.state_of(key);
  world.start({plan_of(three_steps())});
  if (!on_disk) {
    EXPECT_EQ(seen.step, 0U);
    EXPECT_EQ(world.state().step, 0U);
    return;
  }
  EXPECT_EQ(decided_part(world.state()), decided_part(*on_disk));
  EXPECT_GE(world.state().step, seen.step);
  const bool shown_before = decided_part(world.state()) == decided_part(seen);
  const json::Value& last = world.controller->history().back();
  EXPECT_EQ(last["phase_after"].string(), to_string(world.state().phase));
  EXPECT_EQ(last["step_id_after"].integer(), world.state().step);
  EXPECT_EQ(last["reason"].string(), world.state().reason);
  EXPECT_EQ(last["weight_after_percent"].number(), world.state().served_ppm / 10'000.0);
  EXPECT_EQ(world.shown().weight_ppm, 0U) << "the store has not taken a write yet";
  const RolloutState restored = world.state();
  world.store.flush();
  world.mood = Mood::kSilent;
  world.tick();
  EXPECT_EQ(world.shown().weight_ppm, restored.served_ppm);
  EXPECT_EQ(world.shown().step, restored.step);
  EXPECT_EQ(world.shown().candidate_closed, restored.phase == Phase::kRolledBack);
  if (shown_before) {
    EXPECT_EQ(world.shown().weight_ppm, seen_weight);
  }
}

TEST(ControllerRestart, ALifeThatEndsInPromotion) {
  const Story story = [](World& world, int tick) {
    if (tick == 10) world.say(Verb::kPause);
    if (tick == 14) world.say(Verb::kResume);
    if (tick == 45) world.say(Verb::kWeight, 300'000);
    if (tick == 52) world.say(Verb::kPromote);
  };
  World world;
  run(world, story, 90);
  ASSERT_EQ(world.state().phase, Phase::kPromoted);
  for (int ticks = 0; ticks <= 90; ++ticks) expect_same_after_a_kill(story, ticks);
}

TEST(ControllerRestart, ALifeThatEndsInARollback) {
  const Story story = [](World& world, int tick) {
    world.mood = tick < 30 ? Mood::kHealthy : Mood::kFailing;
    if (tick == 50) world.say(Verb::kRetry);
  };
  World world;
  run(world, story, 65);
  ASSERT_EQ(world.state().phase, Phase::kRolledBack);
  ASSERT_EQ(world.state().attempt, 2U);
  for (int ticks = 0; ticks <= 65; ++ticks) expect_same_after_a_kill(story, ticks);
}

TEST(ControllerRestart, TakesUpTimeAndEvidence) {
  World world;
  world.start({plan_of(three_steps())});
  world.tick(15);
  world.controller->save();
  world.store.flush();
  const RolloutState before = world.state();
  const Verdict verdict = world.rollout().verdict();
  ASSERT_GT(verdict.candidate_requests_in_step, 10U);
  world.start({plan_of(three_steps())});
  EXPECT_EQ(write_state(world.state()), write_state(before));
  EXPECT_EQ(world.rollout().verdict().candidate_requests_in_step, verdict.candidate_requests_in_step);
  EXPECT_EQ(world.rollout().verdict().log_evidence_rollback, verdict.log_evidence_rollback);
  world.mood = Mood::kSilent;
  EXPECT_TRUE(world.tick_until_weight(kSecond)) << "what was seen before the end still counts";
}

TEST(ControllerRestart, GoesOnWithoutUsableEvidence) {
  World world;
  world.start({plan_of(three_steps())});
  world.tick(15);
  world.controller->save();
  world.store.flush();
  world.store.forget_evidence(world.rollout().plan().key);
  const StepId step = world.state().step;
  world.start({plan_of(three_steps())});
  EXPECT_EQ(world.state().step, step);
  EXPECT_EQ(world.rollout().verdict().candidate_requests_in_step, 0U);
  world.mood = Mood::kFailing;
  EXPECT_TRUE(world.tick_until(Phase::kRolledBack));
}

TEST(ControllerRestart, TakesUpTheTimeOfARolloutThatIsNotJudged) {
  config::Rollout policy = three_steps();
  policy.analysis.enabled = false;
  std::get<config::Hold>(policy.steps[0].stages[0]).at_least = std::chrono::hours(1);
  World world;
  world.start({plan_of(policy)});
  world.tick(300);
  world.start({plan_of(policy)});
  EXPECT_GE(world.state().in_stage, Seconds(15));
  EXPECT_GE(world.state().elapsed, Seconds(15));
}

TEST(ControllerRestart, TimeDoesNotPassWhileTheStoreTakesNothing) {
  World world;
  world.start({plan_of(three_steps())});
  world.tick(15);
  world.controller->save();
  world.store.flush();
  world.works = false;
  world.start({plan_of(three_steps())});
  const Seconds elapsed = world.state().elapsed;
  world.tick(100);
  EXPECT_EQ(world.state().elapsed, elapsed);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
}

TEST(ControllerRestart, ARolledBackRolloutStaysSoUntilRetry) {
  World world;
  world.start({plan_of(three_steps())});
  world.tick(5);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  world.mood = Mood::kHealthy;
  world.start({plan_of(three_steps())});
  EXPECT_TRUE(world.shown().candidate_closed) << "before the store has taken a write, too";
  for (int i = 0; i < 3; ++i) {
    config::Rollout edited = three_steps();
    edited.steps[0].weight_ppm += static_cast<std::uint32_t>(i);
    world.controller->set_plans({plan_of(edited)});
    world.tick(20);
    EXPECT_EQ(world.state().phase, Phase::kRolledBack);
    EXPECT_EQ(world.shown().weight_ppm, 0U);
    EXPECT_TRUE(world.shown().candidate_closed);
  }
  world.controller->set_plans({});
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_EQ(world.state().phase, Phase::kRolledBack) << "it left the file and came back";
  world.tick();
  world.say(Verb::kRetry);
  world.tick(2);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
}

TEST(ControllerRestart, APromotedRolloutServesTheCandidate) {
  World world;
  world.start({plan_of(three_steps())});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  world.start({plan_of(three_steps())});
  world.tick(2);
  EXPECT_EQ(world.state().phase, Phase::kPromoted);
  EXPECT_EQ(world.shown().weight_ppm, kMillion);
  world.mood = Mood::kFailing;
  world.tick(20);
  EXPECT_EQ(world.shown().weight_ppm, kMillion) << "nobody judges it any more";
  world.say(Verb::kUndo);
  world.tick(2);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
}

TEST(ControllerRestart, AnEditWhileNobodyWasThereIsDecidedOnce) {
  World world;
  world.start({plan_of(three_steps())});
  world.tick(5);
  const StepId step = world.state().step;
  config::Rollout edited = three_steps();
  edited.steps[1].weight_ppm = 500'000;
  world.start({plan_of(edited)});
  world.tick(5);
  EXPECT_EQ(world.decisions().back(), "edit");
  EXPECT_EQ(world.decisions().size(), 2U);
  EXPECT_EQ(world.state().step, step + 1);
  EXPECT_EQ(world.state().next_ppm, 500'000U);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  world.start({plan_of(edited)});
  world.tick(5);
  EXPECT_EQ(world.decisions().size(), 2U);
}

TEST(ControllerRestart, LostStateStaysOnTheBaselineUntilRetry) {
  World world;
  world.start({plan_of(three_steps())}, "the state file was damaged");
  world.tick(50);
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  EXPECT_THAT(world.state().reason, HasSubstr("the state file was damaged"));
  EXPECT_EQ(world.controller->history().back()["rule"].string(), "state_lost");
  for (const auto& plan : world.traffic.plans) EXPECT_EQ(plan->of(kService).weight_ppm, 0U);
  world.start({plan_of(three_steps())});
  world.tick(50);
  EXPECT_EQ(world.state().phase, Phase::kRolledBack) << "a restart does not find it again";
  world.say(Verb::kRetry);
  world.tick(2);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
}

TEST(ControllerRestart, AStateThatCannotBeReadIsLost) {
  World world;
  world.start({plan_of(three_steps())});
  world.tick(5);
  world.store.spoil(world.rollout().plan().key);
  world.start({plan_of(three_steps())});
  world.tick(5);
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  EXPECT_THAT(world.state().reason, HasSubstr("cannot be read"));
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  EXPECT_TRUE(world.shown().candidate_closed);
}

TEST(ControllerRestart, WhatComesAfterTheLossIsNew) {
  World world;
  world.start({}, "the state file was damaged");
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_TRUE(world.tick_until_weight(kFirst));
}

TEST(ControllerRestart, ANewRevisionBeginsAnew) {
  World world;
  world.start({plan_of(three_steps())});
  world.tick(5);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  world.mood = Mood::kHealthy;
  world.start({plan_of(three_steps(), "two")});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  EXPECT_EQ(world.state().attempt, 1U);
  EXPECT_EQ(world.state().step, 1U);
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_EQ(world.state().phase, Phase::kRolledBack) << "the old revision is what it was";
}

TEST(ControllerRestart, ARollbackThatTheDiskDidNotTakeStaysSo) {
  World world;
  world.start({plan_of(three_steps())});
  world.tick(5);
  world.works = false;
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  ASSERT_EQ(world.store.state_of(world.rollout().plan().key)->phase, Phase::kRunning);
  for (const bool works : {false, true, true}) {
    world.works = works;
    world.start({plan_of(three_steps())});
    EXPECT_EQ(world.state().phase, Phase::kRolledBack);
    world.tick(20);
    EXPECT_EQ(world.state().phase, Phase::kRolledBack);
    EXPECT_EQ(world.rollout().durable(), works);
    EXPECT_THAT(world.state().reason, HasSubstr("did not take the record"));
    for (const auto& plan : world.traffic.plans) {
      EXPECT_EQ(plan->of(kService).weight_ppm, 0U);
      EXPECT_TRUE(plan->of(kService).candidate_closed);
    }
  }
  EXPECT_EQ(world.decisions().size(), 2U) << "recorded once";
  world.mood = Mood::kHealthy;
  world.say(Verb::kRetry);
  EXPECT_TRUE(world.tick_until_weight(kFirst));
}

TEST(ControllerRestart, SoDoesAnUndoneOneThatComesBackToThePlan) {
  World world;
  world.start({plan_of(three_steps())});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  world.works = false;
  world.say(Verb::kUndo);
  world.tick(5);
  ASSERT_EQ(world.state().phase, Phase::kRolledBack);
  world.start({});
  world.store.flush();
  world.tick();
  ASSERT_TRUE(world.controller->open());
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
}

// Else a kill between the two would leave a file that is believed.
TEST(ControllerRestart, ALossIsOnTheDiskBeforeItsProof) {
  World world;
  world.works = false;
  world.start({plan_of(three_steps())}, "the state file was damaged");
  world.store.flush(1);
  EXPECT_EQ(world.store.state_of(world.rollout().plan().key)->phase, Phase::kRolledBack);
  world.tick();
  EXPECT_FALSE(world.controller->open());
  world.store.flush();
  world.tick();
  EXPECT_TRUE(world.controller->open());
}

TEST(ControllerRestart, AClimbThatWasWithdrawnInItsWriteIsNeverSeenAgain) {
  World world;
  world.start({plan_of(three_steps())});
  world.tick(5);
  world.works = false;
  const auto climb = world.say(Verb::kWeight, 600'000);
  world.store.begin_write();
  const auto abort = world.say(Verb::kAbort);
  EXPECT_THAT(climb->refusal, HasSubstr("came before this was written"));
  world.tick(4);
  EXPECT_TRUE(abort->given);
  world.store.end_write();
  world.store.flush();
  EXPECT_EQ(world.store.records().size(), 2U);
  world.start({plan_of(three_steps())});
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  EXPECT_EQ(world.decisions(), (std::vector<std::string>{"start", "rollback"}));
}

TEST(ControllerRestart, WhatAResumeLetGoDoesNotPauseAgain) {
  config::Rollout policy = three_steps();
  policy.analysis.guards[0].action = config::GuardAction::kPause;
  for (const Verb verb : {Verb::kResume, Verb::kPromote}) {
    World world;
    world.start({plan_of(policy)});
    world.tick(5);
    world.mood = Mood::kFailing;
    ASSERT_TRUE(world.tick_until(Phase::kPaused));
    world.mood = Mood::kSilent;
    world.tick(20);
    world.works = false;
    world.say(verb);
    world.store.flush();
    world.works = true;
    world.start({plan_of(policy)});
    world.tick(5);
    EXPECT_EQ(world.state().phase, Phase::kRunning);
  }
}

}  // namespace
}  // namespace weir::analysis
