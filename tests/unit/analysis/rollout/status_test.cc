// What people are shown of a rollout.
#include "analysis/rollout/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "analysis/rollout/record.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using ::testing::HasSubstr;
using testing::kFirst;
using testing::Mood;
using testing::pause_for;
using testing::plan_of;
using testing::three_steps;
using testing::with_first_stages;
using testing::World;

json::Array waits_of(const World& world) { return rollout_status(world.rollout())["waits"].array(); }

TEST(Status, BarsAreDrawnByThePlansOwnThresholds) {
  GuardStatus guard;
  guard.log_evidence_advance = std::log(10.0);
  Verdict verdict;
  verdict.log_threshold = std::log(100.0);
  verdict.log_threshold_advance = std::log(1'000.0);
  EXPECT_NEAR(guard_json(guard, verdict)["toward_advance"].number(), 1.0 / 3, 1e-9);
  verdict.log_threshold_advance = std::log(20.0);
  EXPECT_NEAR(guard_json(guard, verdict)["toward_advance"].number(), std::log(10.0) / std::log(20.0), 1e-9);
}

TEST(Status, TheWorstGroupOfAMeanIsShownByItsMean) {
  GuardStatus guard;
  guard.worst_cluster = 17;
  guard.means.emplace().in_worst_cluster = 600;
  EXPECT_TRUE(guard_json(guard, {})["worst_group"].is_null()) << "nothing was seen";
  guard.in_worst_cluster.n = 24;
  EXPECT_EQ(json::write(guard_json(guard, {})["worst_group"]), R"({"group":17,"n":24,"mean":600})");
  guard.means->ratio_unit = 1;
  guard.means->in_worst_cluster = -0.25;
  EXPECT_EQ(json::write(guard_json(guard, {})["worst_group"]), R"({"group":17,"n":24,"difference_percent":-25})");
}

TEST(Status, TheJudgeTellsBothThresholds) {
  config::Rollout policy = three_steps();
  policy.analysis.max_false_advance = 0.001;
  World world;
  world.start({plan_of(policy)});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  EXPECT_NEAR(world.rollout().verdict().log_threshold_advance, std::log(1'000.0), 1e-9);
}

TEST(Status, ATimedPauseThatIsOverSaysWhyItWaits) {
  World world;
  world.mood = Mood::kSilent;
  config::Rollout policy = with_first_stages({pause_for(std::chrono::seconds(5))});
  policy.analysis.guards[1].absolute = 0.02;  // a gate that asks for evidence
  world.start({plan_of(policy)});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  EXPECT_THAT(waits_of(world).at(0).string(), HasSubstr("pause: 5s to go"));
  world.tick(60);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  ASSERT_FALSE(waits_of(world).empty());
  EXPECT_THAT(waits_of(world).at(0).string(), HasSubstr("gate: clientAbortRate"));
}

// The decision is on the disk, whatever the disk does now.
TEST(Status, WhatWasDecidedBeforeARestartIsDurable) {
  World world;
  world.start({plan_of(three_steps())});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  world.works = false;
  world.start({plan_of(three_steps())});
  world.tick(5);
  const json::Value status = rollout_status(world.rollout());
  EXPECT_TRUE(status["durable"].boolean());
  EXPECT_EQ(status["weight_percent"].number(), 0);
  EXPECT_THAT(status["waits"].array().at(0).string(), HasSubstr("has not taken a write"));
}

}  // namespace
}  // namespace weir::analysis
