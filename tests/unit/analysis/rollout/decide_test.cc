// What is done about a verdict, in every phase: STATISTICS.md 4.8 and 4.14, holds and pauses of the plan.
#include "analysis/rollout/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/unit/analysis/rollout/policies.h"

namespace weir::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::in_phase;
using testing::kFirst;
using testing::kHoldback;
using testing::kLatchedCauses;
using testing::kSecond;
using testing::pause_for;
using testing::paused_by;
using testing::short_hold;
using testing::state_at;
using testing::three_steps;
using testing::verdict_of;
using testing::with_first_stages;
using Kind = Decision::Kind;
using Says = Verdict::Kind;

constexpr Seconds kLong{30};  // more than atLeast, less than atMost

RolloutState held() { return state_at(three_steps(), {.weight_ppm = kFirst, .in_stage = kLong}); }
RolloutState baking() { return state_at(three_steps(), {.weight_ppm = kMillion, .in_stage = kLong}); }

struct Row {
  const char* name;
  RolloutState state;
  config::Rollout policy;
  Kind pass;
  Kind fail;
  Kind error;
  Kind pool;
};

std::vector<Row> every_phase() {
  const config::Rollout plain = three_steps();
  const config::Rollout manual = with_first_stages({pause_for({})});
  std::vector<Row> rows = {
      {"running", held(), plain, Kind::kAdvance, Kind::kRollback, Kind::kPause, Kind::kPause},
      {"baking", baking(), plain, Kind::kPromote, Kind::kRollback, Kind::kPause, Kind::kPause},
      {"plan", state_at(manual, {.in_stage = kLong}), manual, Kind::kHold, Kind::kRollback, Kind::kPause, Kind::kPause},
      {"promoted", in_phase(baking(), Phase::kPromoted), plain, Kind::kHold, Kind::kHold, Kind::kHold, Kind::kHold},
      {"rolledBack", in_phase(held(), Phase::kRolledBack), plain, Kind::kHold, Kind::kHold, Kind::kHold, Kind::kHold},
      {"not begun", RolloutState{}, plain, Kind::kHold, Kind::kHold, Kind::kHold, Kind::kHold},
  };
  for (const PauseCause cause : kLatchedCauses) {
    // An alarm in somebody else's pause is told, for that pause's end would end it unseen.
    const bool by_guard = cause == PauseCause::kGuard;
    const bool of_counting = cause == PauseCause::kCounts || cause == PauseCause::kSplit;
    const Kind counts = by_guard || of_counting ? Kind::kHold : Kind::kPause;
    const Kind pool = by_guard ? Kind::kHold : Kind::kPause;
    rows.push_back({"latched", paused_by(held(), cause), plain, Kind::kHold, Kind::kRollback, counts, pool});
  }
  return rows;
}

TEST(Decide, EveryVerdictInEveryPhase) {
  for (const Row& row : every_phase()) {
    SCOPED_TRACE(row.name + std::string(" / cause ") + std::to_string(static_cast<int>(row.state.cause)));
    const auto kind_of = [&](const Verdict& verdict) { return decide(row.state, verdict, row.policy).kind; };
    EXPECT_EQ(kind_of(verdict_of(Says::kPass)), row.pass);
    EXPECT_EQ(kind_of(verdict_of(Says::kFail)), row.fail);
    EXPECT_EQ(kind_of(verdict_of(Says::kInconclusive)), Kind::kHold);
    EXPECT_EQ(kind_of(verdict_of(Says::kError)), row.error);
    Verdict split = verdict_of(Says::kInconclusive);
    split.split.alarm = true;
    EXPECT_EQ(kind_of(split), row.error);
    split.kind = Says::kFail;
    EXPECT_EQ(kind_of(split), row.fail) << "a broken split is never in the way of a rollback";
    Verdict pool = verdict_of(Says::kPass);
    pool.pause_pool_fired = true;
    EXPECT_EQ(kind_of(pool), row.pool);
    pool.kind = Says::kFail;
    EXPECT_EQ(kind_of(pool), row.fail) << "rollback outranks pauses";
  }
}

TEST(Decide, ARollbackClosesTheCandidateUnderANewStep) {
  for (const RolloutState& before : {held(), baking(), paused_by(held(), PauseCause::kGuard)}) {
    const Decision decision = decide(before, verdict_of(Says::kFail), three_steps());
    ASSERT_EQ(decision.kind, Kind::kRollback);
    EXPECT_EQ(decision.rule, "guard");
    EXPECT_EQ(decision.after.reason, "errors");
    EXPECT_EQ(decision.after.phase, Phase::kRolledBack);
    EXPECT_EQ(decision.after.cause, PauseCause::kNone);
    EXPECT_EQ(decision.after.weight_ppm, 0U);
    EXPECT_EQ(decision.after.served_ppm, 0U);
    EXPECT_EQ(decision.after.stage, 0U);
    EXPECT_EQ(decision.after.step, before.step + 1);
  }
}

TEST(Decide, AnAdvanceBeginsTheNextStep) {
  const RolloutState before = held();
  const Decision decision = decide(before, verdict_of(Says::kPass), three_steps());
  ASSERT_EQ(decision.kind, Kind::kAdvance);
  EXPECT_EQ(decision.rule, "gates");
  EXPECT_EQ(decision.after.weight_ppm, kSecond);
  EXPECT_EQ(decision.after.served_ppm, kSecond);
  EXPECT_EQ(decision.after.next_ppm, kMillion);
  EXPECT_EQ(decision.after.step, before.step + 1);
  EXPECT_EQ(decision.after.phase, Phase::kRunning);
  EXPECT_EQ(decision.after.in_step, Seconds(0));
  EXPECT_EQ(decision.after.in_stage, Seconds(0));
  EXPECT_EQ(decision.after.elapsed, kLong);
  EXPECT_FALSE(decision.new_judge);
}

TEST(Decide, TheStepBeforeTheLastLeadsToTheBake) {
  const RolloutState before = state_at(three_steps(), {.weight_ppm = kSecond, .in_stage = kLong});
  const Decision decision = decide(before, verdict_of(Says::kPass), three_steps());
  ASSERT_EQ(decision.kind, Kind::kAdvance);
  EXPECT_EQ(decision.after.phase, Phase::kBaking);
  EXPECT_EQ(decision.after.weight_ppm, kMillion);
  EXPECT_EQ(decision.after.served_ppm, kMillion - kHoldback);
}

TEST(Decide, TheLastStepLeadsToPromotion) {
  const Decision decision = decide(baking(), verdict_of(Says::kPass), three_steps());
  ASSERT_EQ(decision.kind, Kind::kPromote);
  EXPECT_EQ(decision.after.phase, Phase::kPromoted);
  EXPECT_EQ(decision.after.weight_ppm, kMillion);
  EXPECT_EQ(decision.after.served_ppm, kMillion) << "the holdback is over";
  EXPECT_EQ(decision.after.step, baking().step + 1);
}

TEST(Decide, AHoldWaitsForTimeRequestsAndGates) {
  struct Case {
    Seconds in_stage;
    std::uint64_t requests;
    Says says;
    Kind expected;
  };
  const Case cases[] = {
      {Seconds(1.99), 10, Says::kPass, Kind::kHold},
      {Seconds(2), 10, Says::kPass, Kind::kAdvance},
      {Seconds(2), 9, Says::kPass, Kind::kHold},
      {Seconds(2), 10, Says::kInconclusive, Kind::kHold},
      {Seconds(59.9), 9, Says::kPass, Kind::kHold},
      {Seconds(60), 9, Says::kPass, Kind::kPause},
      {Seconds(60), 10, Says::kInconclusive, Kind::kPause},
      {Seconds(60), 10, Says::kPass, Kind::kAdvance},
      {Seconds(59.9), 10, Says::kInconclusive, Kind::kHold},
  };
  for (const Case& c : cases) {
    const RolloutState state = state_at(three_steps(), {.in_stage = c.in_stage});
    const Decision decision = decide(state, verdict_of(c.says, c.requests), three_steps());
    EXPECT_EQ(decision.kind, c.expected) << c.in_stage.count() << " s, " << c.requests << " requests";
  }
}

TEST(Decide, AtMostPausesAndSaysWhatWasLacking) {
  const RolloutState before = state_at(three_steps(), {.in_stage = Seconds(60)});
  const Decision decision = decide(before, verdict_of(Says::kInconclusive, 4), three_steps());
  ASSERT_EQ(decision.kind, Kind::kPause);
  EXPECT_EQ(decision.rule, "inconclusive");
  EXPECT_EQ(decision.after.phase, Phase::kPaused);
  EXPECT_EQ(decision.after.cause, PauseCause::kInconclusive);
  EXPECT_EQ(decision.after.weight_ppm, kFirst);
  EXPECT_EQ(decision.after.served_ppm, kFirst);
  EXPECT_EQ(decision.after.step, before.step) << "the weight stays, and so does its step";
  EXPECT_THAT(decision.after.reason, HasSubstr("4 of 10 requests; gate: errorRate; few_users: 3 of 5"));
}

TEST(Decide, AtMostRollsBackWhereThePlanSaysSo) {
  config::Hold hold = short_hold();
  hold.on_inconclusive = config::OnInconclusive::kRollback;
  const config::Rollout policy = with_first_stages({hold});
  const RolloutState before = state_at(policy, {.in_stage = Seconds(60)});
  const Decision decision = decide(before, verdict_of(Says::kInconclusive), policy);
  ASSERT_EQ(decision.kind, Kind::kRollback);
  EXPECT_EQ(decision.rule, "inconclusive");
  EXPECT_EQ(decision.after.served_ppm, 0U);
}

TEST(Decide, WithoutAnalysisTimeAloneAdvances) {
  config::Rollout policy = three_steps();
  policy.analysis.enabled = false;
  RolloutState state = state_at(policy, {.in_stage = Seconds(1.9)});
  EXPECT_EQ(decide(state, {}, policy).kind, Kind::kHold);
  state.in_stage = Seconds(2);
  const Decision decision = decide(state, {}, policy);
  EXPECT_EQ(decision.kind, Kind::kAdvance);
  EXPECT_EQ(decision.rule, "time");
}

TEST(Decide, StagesFollowEachOtherWithinAStep) {
  const config::Rollout policy = with_first_stages({short_hold(), pause_for({}), short_hold()});
  const RolloutState first = state_at(policy, {.in_stage = kLong});
  const Decision paused = decide(first, verdict_of(Says::kPass), policy);
  ASSERT_EQ(paused.kind, Kind::kPause);
  EXPECT_EQ(paused.rule, "plan");
  EXPECT_EQ(paused.after.cause, PauseCause::kPlan);
  EXPECT_EQ(paused.after.stage, 1U);
  EXPECT_EQ(paused.after.step, first.step);
  EXPECT_EQ(paused.after.in_stage, Seconds(0));
  const RolloutState third = state_at(policy, {.stage = 2, .in_stage = kLong});
  const Decision next = decide(third, verdict_of(Says::kPass), policy);
  EXPECT_EQ(next.kind, Kind::kAdvance);
  EXPECT_EQ(next.after.weight_ppm, kSecond);
}

TEST(Decide, AManualPauseNeverEndsByItself) {
  const config::Rollout policy = with_first_stages({pause_for({})});
  const RolloutState state = state_at(policy, {.in_stage = Seconds(1e9)});
  EXPECT_EQ(decide(state, verdict_of(Says::kPass), policy).kind, Kind::kHold);
}

TEST(Decide, ATimedPauseEndsByItself) {
  const config::Rollout policy = with_first_stages({pause_for(std::chrono::seconds(10)), short_hold()});
  EXPECT_EQ(decide(state_at(policy, {.in_stage = Seconds(9.9)}), verdict_of(Says::kPass), policy).kind, Kind::kHold);
  const RolloutState over = state_at(policy, {.in_stage = Seconds(10)});
  const Decision decision = decide(over, verdict_of(Says::kInconclusive), policy);
  ASSERT_EQ(decision.kind, Kind::kAdvance) << "a pause asks no gate";
  EXPECT_EQ(decision.rule, "pause_over");
  EXPECT_EQ(decision.after.phase, Phase::kRunning);
  EXPECT_EQ(decision.after.stage, 1U);
  EXPECT_EQ(decision.after.step, over.step);
}

TEST(Decide, ATimedPauseDoesNotEndAgainstTheEvidence) {
  const config::Rollout policy = with_first_stages({pause_for(std::chrono::seconds(10)), short_hold()});
  const RolloutState state = state_at(policy, {.in_stage = Seconds(20)});
  Verdict verdict = verdict_of(Says::kInconclusive);
  verdict.log_evidence_rollback = 2.31;  // 1 : 10 and a bit
  verdict.lacks.emplace_back("evidence_against: 1 : 10, must be under 1 : 10");
  EXPECT_EQ(decide(state, verdict, policy).kind, Kind::kHold);
  EXPECT_THAT(pause_lacks(state, verdict, policy), ElementsAre(verdict.lacks.back()));
  verdict.log_evidence_rollback = 2.29;
  EXPECT_EQ(decide(state, verdict, policy).kind, Kind::kAdvance);
}

// STATISTICS.md 4.8: only without analysis does anything climb on time alone.
TEST(Decide, ATimedPauseThatEndsItsStepAsksForWhatAnyAdvanceAsks) {
  config::Rollout policy = with_first_stages({short_hold(), pause_for(std::chrono::seconds(10))});
  const RolloutState over = state_at(policy, {.stage = 1, .in_stage = Seconds(10)});
  const Verdict lacking = verdict_of(Says::kInconclusive);
  EXPECT_EQ(decide(over, lacking, policy).kind, Kind::kHold);
  EXPECT_EQ(pause_lacks(over, lacking, policy), lacking.lacks);
  const Decision decision = decide(over, verdict_of(Says::kPass), policy);
  EXPECT_EQ(decision.kind, Kind::kAdvance);
  EXPECT_EQ(decision.rule, "pause_over");
  EXPECT_EQ(decision.after.weight_ppm, kSecond);
  policy.analysis.enabled = false;
  EXPECT_EQ(decide(over, lacking, policy).kind, Kind::kAdvance);
}

TEST(Decide, ATimedPauseThatIsHeldUpEndsAsItsHoldWould) {
  config::Hold hold = short_hold();
  for (const bool before : {true, false}) {
    const auto policy = [&] {
      const config::Pause pause = pause_for(std::chrono::seconds(10));
      return with_first_stages(before ? testing::Stages{hold, pause, short_hold()} : testing::Stages{pause, hold});
    };
    hold.at_most = std::chrono::seconds(40);
    hold.on_inconclusive = config::OnInconclusive::kPause;
    Verdict verdict = verdict_of(Says::kInconclusive);
    verdict.log_evidence_rollback = 3;
    const auto held = [&](double seconds) {
      return state_at(policy(), {.stage = before ? 1U : 0U, .in_stage = Seconds(seconds)});
    };
    EXPECT_EQ(decide(held(49.9), verdict, policy()).kind, Kind::kHold);
    const Decision decision = decide(held(50), verdict, policy());
    EXPECT_EQ(decision.kind, Kind::kPause);
    EXPECT_EQ(decision.after.cause, PauseCause::kInconclusive);
    EXPECT_THAT(decision.after.reason, HasSubstr("no decision within 40s of the pause: evidence_against"));
    hold.on_inconclusive = config::OnInconclusive::kRollback;
    EXPECT_EQ(decide(held(50), verdict, policy()).kind, Kind::kRollback);
  }
}

TEST(Decide, WhatEndsThePausesOfGuardsAndCountsIsTold) {
  Verdict verdict = verdict_of(Says::kInconclusive);
  verdict.pause_pool_fired = true;
  const Decision guard = decide(held(), verdict, three_steps());
  EXPECT_EQ(guard.rule, "guard");
  EXPECT_EQ(guard.after.cause, PauseCause::kGuard);
  EXPECT_EQ(guard.after.reason, "errors");
  const Decision counts = decide(held(), verdict_of(Says::kError), three_steps());
  EXPECT_EQ(counts.rule, "counts");
  EXPECT_EQ(counts.after.cause, PauseCause::kCounts);
  EXPECT_FALSE(counts.after.reason.empty());
}

TEST(Decide, AWeightThatThePlanDoesNotHaveGetsTheDefaultHold) {
  RolloutState state = state_at(three_steps(), {.weight_ppm = 100'000, .in_stage = Seconds(119)});
  EXPECT_EQ(decide(state, verdict_of(Says::kPass, 100), three_steps()).kind, Kind::kHold);
  state.in_stage = Seconds(120);
  EXPECT_EQ(decide(state, verdict_of(Says::kPass, 99), three_steps()).kind, Kind::kHold);
  const Decision decision = decide(state, verdict_of(Says::kPass, 100), three_steps());
  EXPECT_EQ(decision.kind, Kind::kAdvance);
  EXPECT_EQ(decision.after.weight_ppm, kSecond);
}

TEST(Start, BeginsAtTheFirstStep) {
  const Decision decision = start({}, three_steps());
  EXPECT_EQ(decision.kind, Kind::kStart);
  EXPECT_TRUE(decision.new_judge);
  EXPECT_EQ(decision.after.phase, Phase::kRunning);
  EXPECT_EQ(decision.after.weight_ppm, kFirst);
  EXPECT_EQ(decision.after.next_ppm, kSecond);
  EXPECT_EQ(decision.after.salt, "chat/v2/");
  EXPECT_EQ(decision.after.step, 1U);
  EXPECT_EQ(decision.after.attempt, 1U);
  EXPECT_EQ(decision.after.steps_at_start, 3U);
}

TEST(Start, AgainKeepsOnlyTheNumbersThatRise) {
  RolloutState before = in_phase(held(), Phase::kRolledBack);
  before.reason = "old";
  before.steps_at_start = 9;
  const Decision decision = start(before, three_steps());
  EXPECT_EQ(decision.after.step, before.step + 1);
  EXPECT_EQ(decision.after.attempt, 2U);
  EXPECT_EQ(decision.after.steps_at_start, 3U);
  EXPECT_EQ(decision.after.elapsed, Seconds(0));
  EXPECT_NE(decision.after.reason, "old");
}

TEST(Start, MayBeginWithAPause) {
  const Decision decision = start({}, with_first_stages({pause_for({})}));
  EXPECT_EQ(decision.after.phase, Phase::kPaused);
  EXPECT_EQ(decision.after.cause, PauseCause::kPlan);
  EXPECT_EQ(decision.after.served_ppm, kFirst);
}

TEST(Start, MayBeginAtFull) {
  config::Rollout policy = three_steps();
  policy.steps.erase(policy.steps.begin(), policy.steps.begin() + 2);
  const Decision decision = start({}, policy);
  EXPECT_EQ(decision.after.phase, Phase::kBaking);
  EXPECT_EQ(decision.after.served_ppm, kMillion - kHoldback);
}

}  // namespace
}  // namespace weir::analysis
