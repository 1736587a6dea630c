// Blue-green in the state machine: a preview that is judged, a switch of everybody at once, and word of when the old
// version may be stopped.
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

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kHoldback;
using testing::Mood;
using testing::pause_for;
using testing::plan_of;
using testing::short_hold;
using testing::three_steps;
using testing::World;
using Verb = Command::Verb;

constexpr std::uint32_t kPreview = 10'000;
constexpr std::uint32_t kSwitched = kMillion - kHoldback;
constexpr std::chrono::seconds kDelay{2};
constexpr int kDelayTicks = kDelay / World::kTick;

config::Rollout blue_green() {
  config::Rollout policy = three_steps();
  policy.strategy = config::Strategy::kBlueGreen;
  policy.steps = {{.weight_ppm = kPreview, .stages = {short_hold()}},
                  {.weight_ppm = kMillion, .stages = {short_hold()}}};
  policy.scale_down_delay = kDelay;
  return policy;
}

config::Rollout shown_only() {
  config::Rollout policy = blue_green();
  policy.steps[0] = {.weight_ppm = 0, .stages = {pause_for({})}};
  return policy;
}

// As an edit of `previewWeight` or `weir weight` leaves it.
TEST(BlueGreen, AnotherWeightEndsAsThePreviewDoes) {
  const auto stage_at = [](const config::Rollout& policy, std::uint32_t weight_ppm) {
    const config::Step own = step_at(policy, weight_ppm);
    EXPECT_EQ(own.weight_ppm, weight_ppm);
    EXPECT_EQ(own.stages.size(), 1U);
    return own.stages.at(0);
  };
  const auto at_least = [&](std::uint32_t weight_ppm) {
    return std::get<config::Hold>(stage_at(blue_green(), weight_ppm)).at_least;
  };
  EXPECT_EQ(at_least(5 * kPreview), short_hold().at_least);
  EXPECT_EQ(at_least(kPreview / 2), short_hold().at_least);
  EXPECT_TRUE(std::holds_alternative<config::Pause>(stage_at(blue_green(), 0))) << "nobody's request could end it";
  EXPECT_TRUE(std::holds_alternative<config::Pause>(stage_at(shown_only(), kPreview)));
}

// What the data plane was told, each change once.
std::vector<std::uint32_t> weights_of(const World& world) {
  std::vector<std::uint32_t> weights;
  for (const auto& plan : world.traffic.plans) weights.push_back(plan->of(testing::kService).weight_ppm);
  weights.erase(std::unique(weights.begin(), weights.end()), weights.end());
  return weights;
}

// In the history that is on the disk.
std::ptrdiff_t told_on_disk(const World& world) {
  const auto& records = world.store.records();
  return std::count_if(records.begin(), records.end(), [](const std::string& record) {
    return json::parse(record).value["decision"].string() == "scaleDown";
  });
}

TEST(BlueGreen, SwitchesEverybodyButTheHoldbackAtOnce) {
  World world;
  world.start({plan_of(blue_green())});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  EXPECT_THAT(weights_of(world), ElementsAre(0, kPreview, kSwitched, kMillion));
  const json::Value& switched = world.controller->history().at(1);
  EXPECT_EQ(switched["decision"].string(), "advance");
  EXPECT_EQ(switched["reason"].string(), "switched: the preview at 1% is over");
}

TEST(BlueGreen, RollsBackInThePreview) {
  World world;
  world.mood = Mood::kFailing;
  world.start({plan_of(blue_green())});
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  EXPECT_THAT(weights_of(world), ElementsAre(0, kPreview, 0));
  EXPECT_TRUE(world.shown().candidate_closed);
}

TEST(BlueGreen, RollsBackInTheBake) {
  World world;
  world.start({plan_of(blue_green())});
  ASSERT_TRUE(world.tick_until_weight(kSwitched));
  EXPECT_EQ(world.state().phase, Phase::kBaking);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  EXPECT_THAT(weights_of(world), ElementsAre(0, kPreview, kSwitched, 0));
}

TEST(BlueGreen, AbortSwitchesBackWhateverTheDiskDoes) {
  World world;
  world.start({plan_of(blue_green())});
  ASSERT_TRUE(world.tick_until_weight(kSwitched));
  world.works = false;
  world.say(Verb::kAbort);
  world.tick(static_cast<int>(Rollout::kPatience / World::kTick) + 1);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
}

TEST(BlueGreen, WithoutAPreviewWeightTheSwitchWaitsForAPerson) {
  for (const Verb verb : {Verb::kPromote, Verb::kResume}) {
    World world;
    world.start({plan_of(shown_only())});
    world.tick(1'200);
    EXPECT_EQ(world.state().phase, Phase::kPaused);
    EXPECT_EQ(world.state().cause, PauseCause::kPlan);
    EXPECT_THAT(weights_of(world), ElementsAre(0));
    EXPECT_FALSE(world.shown().candidate_closed) << "an override has to reach it";
    world.say(verb);
    ASSERT_TRUE(world.tick_until_weight(kSwitched));
    ASSERT_TRUE(world.tick_until(Phase::kPromoted)) << "the bake is judged";
  }
}

TEST(BlueGreen, TellsOnceThatTheOldVersionMayBeStopped) {
  World world;
  world.start({plan_of(blue_green())});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  EXPECT_EQ(world.decisions().back(), "promote");
  EXPECT_THAT(rollout_status(world.rollout())["waits"].array().at(0).string(), HasSubstr("scale_down: v1 is kept for"));
  world.tick(kDelayTicks - 1);
  EXPECT_EQ(world.decisions().back(), "promote") << "too early";
  world.tick(5);
  ASSERT_EQ(world.decisions().back(), "scaleDown");
  const json::Value& told = world.controller->history().back();
  EXPECT_EQ(told["reason"].string(), "2s after the promotion: v1 serves nobody, and may be stopped");
  EXPECT_EQ(told["phase_after"].string(), "promoted");
  EXPECT_EQ(told["weight_after_percent"].number(), 100);
  world.tick(100 * kDelayTicks);
  EXPECT_EQ(told_on_disk(world), 1);
  EXPECT_EQ(world.state().phase, Phase::kPromoted);
  EXPECT_TRUE(rollout_status(world.rollout())["waits"].array().empty());
}

// Killed after any tick, twice: once, not twice, not never.
TEST(BlueGreen, TellsItOnceAcrossKills) {
  World first;
  first.start({plan_of(blue_green())});
  int promoted = 0;
  for (; first.state().phase != Phase::kPromoted; ++promoted) first.tick();
  for (int ticks = promoted - 3; ticks < promoted + kDelayTicks + 6; ++ticks) {
    SCOPED_TRACE("killed after " + std::to_string(ticks) + " ticks");
    World world;
    world.start({plan_of(blue_green())});
    world.tick(ticks);
    world.start({plan_of(blue_green())});
    world.tick(kDelayTicks / 2);
    world.start({plan_of(blue_green())});
    ASSERT_TRUE(world.tick_until(Phase::kPromoted));
    world.tick(3 * kDelayTicks);
    EXPECT_EQ(told_on_disk(world), 1);
    world.start({plan_of(blue_green())});
    world.tick(3 * kDelayTicks);
    EXPECT_EQ(told_on_disk(world), 1) << "told again by the next life";
  }
}

// The time that has passed is saved on the way: a weir that is restarted often comes to it all the same.
TEST(BlueGreen, ADelayGoesOnAfterARestart) {
  config::Rollout policy = blue_green();
  policy.scale_down_delay = std::chrono::minutes(1);
  World world;
  world.start({plan_of(policy)});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  for (int life = 0; life < 6; ++life) {
    world.tick(150);
    world.start({plan_of(policy)});
  }
  world.tick(5);
  EXPECT_EQ(told_on_disk(world), 1) << "six lives of 15 s, each saved after 10 s";
}

TEST(BlueGreen, WhatIsUndoneIsNotStopped) {
  World world;
  world.start({plan_of(blue_green())});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  world.say(Verb::kUndo);
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  world.tick(3 * kDelayTicks);
  EXPECT_EQ(told_on_disk(world), 0) << "the old version serves everybody";
}

// While the word of it waits for the disk, nobody has heard it.
TEST(BlueGreen, AnUndoComesBeforeAWordThatIsNotWritten) {
  World world;
  world.start({plan_of(blue_green())});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  world.works = false;
  world.tick(kDelayTicks + 3);
  ASSERT_TRUE(world.rollout().waits_for_disk());
  EXPECT_EQ(world.decisions().back(), "promote");
  world.say(Verb::kUndo);
  world.works = true;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  world.tick(3 * kDelayTicks);
  EXPECT_EQ(told_on_disk(world), 0);
}

TEST(BlueGreen, ACanaryTellsNothing) {
  World world;
  world.start({plan_of(three_steps())});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  world.tick(3 * kDelayTicks);
  EXPECT_EQ(world.decisions().back(), "promote");
}

}  // namespace
}  // namespace weir::analysis
