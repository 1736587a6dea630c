#include "analysis/window/tick.h"

#include <gtest/gtest.h>

#include "analysis/window/baseline_memory.h"

namespace weir::analysis {
namespace {

Outcome judged(StepId step, Arm arm, OutcomeClass outcome) {
  Outcome record;
  record.service = 3;
  record.version = arm == Arm::kBaseline ? 7 : 8;
  record.step = step;
  record.arm = arm;
  record.judged = true;
  record.outcome = outcome;
  record.cluster = 9;
  record.latency_us = 1'000;
  return record;
}

const MetricCount& metric(const ArmCounts& arm, BinaryMetric which) { return arm.metrics[metric_index(which)]; }

TEST(Tick, CountsEachMetricByItsOwnRule) {
  Tick tick;
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kOk));
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kHttp5xx));
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kCapacity));
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kClientAbort));
  ASSERT_NE(tick.of(3), nullptr);
  const ArmCounts& arm = tick.of(3)->steps.at(0)->of(Arm::kCandidate);
  EXPECT_EQ(arm.requests, 4U);
  EXPECT_EQ(metric(arm, BinaryMetric::kErrorRate).n, 2U);
  EXPECT_EQ(metric(arm, BinaryMetric::kErrorRate).x, 1U);
  EXPECT_EQ(metric(arm, BinaryMetric::kCapacityRate).n, 3U);
  EXPECT_EQ(metric(arm, BinaryMetric::kCapacityRate).x, 1U);
  EXPECT_EQ(metric(arm, BinaryMetric::kClientAbortRate).n, 4U);
  EXPECT_EQ(metric(arm, BinaryMetric::kClientAbortRate).x, 1U);
  EXPECT_EQ(arm.clusters.touched().size(), 1U);
  EXPECT_EQ(arm.clusters.touched()[0].requests, 4U);
}

// Whatever the candidate is judged by: a user whom the baseline answered in its place has met no failure, and one who
// went away nothing at all.
TEST(Tick, CountsWhatUsersMet) {
  Tick tick;
  for (const OutcomeClass outcome : {OutcomeClass::kOk, OutcomeClass::kHttp4xx, OutcomeClass::kHttp5xx,
                                     OutcomeClass::kCapacity, OutcomeClass::kTruncated, OutcomeClass::kClientAbort}) {
    tick.fold(judged(1, Arm::kCandidate, outcome));
  }
  Outcome rescued = judged(1, Arm::kCandidate, OutcomeClass::kHttp5xx);
  rescued.rescued = true;
  tick.fold(rescued);
  Outcome slow = judged(1, Arm::kCandidate, OutcomeClass::kOk);
  slow.kind = Outcome::Kind::kSlow;
  tick.fold(slow);
  const ArmCounts& arm = tick.of(3)->steps.at(0)->of(Arm::kCandidate);
  EXPECT_EQ(arm.met.n, 5U);
  EXPECT_EQ(arm.met.x, 3U);
  EXPECT_EQ(metric(arm, BinaryMetric::kErrorRate).x, 3U) << "the rescued one among them";
  tick.clear();
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kOk));
  EXPECT_EQ(tick.of(3)->steps.at(0)->of(Arm::kCandidate).met.x, 0U);
}

TEST(Tick, KeepsStepsAndArmsApart) {
  Tick tick;
  tick.fold(judged(1, Arm::kBaseline, OutcomeClass::kOk));
  tick.fold(judged(2, Arm::kCandidate, OutcomeClass::kOk));
  ASSERT_EQ(tick.of(3)->steps.size(), 2U);
  EXPECT_EQ(tick.of(3)->steps[0]->of(Arm::kBaseline).requests, 1U);
  EXPECT_EQ(tick.of(3)->steps[0]->of(Arm::kCandidate).requests, 0U);
  EXPECT_EQ(tick.of(3)->steps[1]->of(Arm::kCandidate).requests, 1U);
}

TEST(Tick, CountsASlowRequestOnceWhileItRunsAndNothingElseOfIt) {
  Tick tick;
  Outcome slow = judged(1, Arm::kCandidate, OutcomeClass::kOk);
  slow.kind = Outcome::Kind::kSlow;
  slow.over = 1;
  slow.overdue_change = 1;
  tick.fold(slow);
  const ArmCounts& arm = tick.of(3)->steps.at(0)->of(Arm::kCandidate);
  EXPECT_EQ(arm.requests, 0U);
  EXPECT_EQ(arm.overdue_change, 1);
  EXPECT_EQ(arm.metrics[latency_metric_index(0)].n, 1U);
  EXPECT_EQ(arm.metrics[latency_metric_index(0)].x, 1U);
  EXPECT_EQ(arm.times[TimeMetric::kLatency].total(), 0U);
}

Answer answered(StepId step, Arm arm) {
  Answer record;
  record.service = 3;
  record.version = arm == Arm::kBaseline ? 7 : 8;
  record.step = step;
  record.arm = arm;
  record.judged = true;
  record.cluster = 9;
  record.finish = FinishReason::kStop;
  record.counted = true;
  record.tokens_out = 20;
  record.values[2] = 5'000;
  record.time_to_output_us = 70;
  return record;
}

TEST(Tick, CountsWhatAnswersWere) {
  Tick tick;
  tick.fold(answered(1, Arm::kCandidate));
  Answer empty = answered(1, Arm::kCandidate);
  empty.cluster = 10;
  empty.empty = true;
  empty.finish = FinishReason::kLength;
  empty.time_to_output_us = 0;
  empty.values[2] = 1'000;
  tick.fold(empty);
  Answer cut = answered(1, Arm::kCandidate);
  cut.outcome = OutcomeClass::kTruncated;
  cut.values[2] = kNoValue;
  tick.fold(cut);
  Answer none = answered(1, Arm::kCandidate);
  none.known = false;  // there was no answer
  tick.fold(none);
  const ArmCounts& arm = tick.of(3)->steps.at(0)->of(Arm::kCandidate);
  EXPECT_EQ(arm.requests, 0U) << "outcomes count requests";
  const auto rate = [&](int metric) { return arm.rate(answer_metric_index(metric)); };
  EXPECT_EQ(rate(kEmptyOutputMetric).n, 2U);
  EXPECT_EQ(rate(kEmptyOutputMetric).x, 1U);
  EXPECT_EQ(rate(kInvalidOutputMetric).x, 0U);
  EXPECT_EQ(rate(finish_metric(FinishReason::kLength)).n, 2U);
  EXPECT_EQ(rate(finish_metric(FinishReason::kLength)).x, 1U);
  EXPECT_EQ(arm.answers.values[2], (ValueSums{2, 6'000, 26'000'000}));
  EXPECT_EQ(arm.answers.values[0].n, 0U);
  EXPECT_EQ(arm.answers.totals[0].n, 2U);
  EXPECT_EQ(arm.answers.totals[0].sum, 40U);
  EXPECT_EQ(arm.times[TimeMetric::kTimeToFirstOutput].total(), 1U);
  ASSERT_EQ(arm.answers.clusters.touched().size(), 2U);
  EXPECT_EQ(arm.answers.clusters.touched()[1].values[2], (ValueSums{1, 1'000, 1'000'000}));
  tick.clear();
  tick.fold(answered(1, Arm::kCandidate));
  EXPECT_EQ(tick.of(3)->steps.at(0)->of(Arm::kCandidate).answers.values[2].n, 1U);
}

// Of answers that said the one they count the other, and only of the baseline's how far they were from its ratio.
TEST(Tick, CountsWhatARatioAndItsScaleComeOf) {
  Tick tick;
  for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
    Answer answer = answered(1, arm);
    answer.duration_us = 900;
    answer.tokens_in = 30;
    answer.cost_micros = 7;
    answer.priced = true;
    answer.distances = {50, kNoDistance};
    tick.fold(answer);
    answer.priced = false;
    tick.fold(answer);
    answer.counted = false;
    tick.fold(answer);
  }
  for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
    const AmountTotals& totals = tick.of(3)->steps.at(0)->of(arm).answers.totals;
    const auto total = [&](Amount amount) { return totals[amount_index(amount)]; };
    EXPECT_EQ(total(Amount::kTime).sum, 1'800U);
    EXPECT_EQ(total(Amount::kTime).n, total(Amount::kTokens).n);
    EXPECT_EQ(total(Amount::kCost).sum, 7U);
    EXPECT_EQ(total(Amount::kPricedTokens).sum, 50U);
    EXPECT_EQ(total(Amount::kPricedTokens).n, 1U);
    EXPECT_EQ(total(Amount::kTokenTimeDistance).sum, arm == Arm::kBaseline ? 150U : 0U);
    EXPECT_EQ(total(Amount::kTokenCostDistance).n, 0U);
  }
}

TEST(Tick, LearnsOfAnswersOutsideAStep) {
  Tick tick;
  Answer before = answered(0, Arm::kBaseline);
  tick.fold(before);
  before.chosen = true;
  tick.fold(before);
  BaselineMemories memories;
  memories.update(tick, Seconds(1));
  const BaselineMemory memory = memories.of(3, 7);
  EXPECT_EQ(memory.amounts[0].x, 20);
  EXPECT_EQ(memory.answers[kEmptyOutputMetric].n, 1);
  EXPECT_EQ(memory.time(TimeMetric::kTimeToFirstOutput).total, 1);
  EXPECT_EQ(memory.time(TimeMetric::kChunkGap).total, 0);
}

TEST(Tick, CountsAScoreForTheArmAndStepOfItsRequest) {
  Tick tick;
  Score score{.of = {.service = 3, .version = 8, .step = 1, .epoch = 0, .arm = Arm::kCandidate, .cluster = 4},
              .slot = 7,
              .value = 2'500};
  tick.fold(score);
  EXPECT_EQ(tick.of(3), nullptr) << "its request was no evidence";
  score.of.judged = true;
  tick.fold(score);
  const ArmCounts& arm = tick.of(3)->steps.at(0)->of(Arm::kCandidate);
  EXPECT_EQ(arm.sums(score_metric_index(7)), (ValueSums{1, 2'500, 6'250'000}));
  EXPECT_EQ(arm.answers.clusters.touched()[0].cluster, 4);
  score.slot = kScoreSlots;
  tick.fold(score);
  score.slot = 7;
  score.value = kNoValue;
  tick.fold(score);
  EXPECT_EQ(tick.of(3)->malformed, 2U);
}

// Of what ended and of what goes on: a version that hangs has users, too.
TEST(Tick, TellsWhoseRequestsItKnows) {
  Tick tick;
  Outcome ended = judged(1, Arm::kBaseline, OutcomeClass::kHttp5xx);
  ended.user_hash = 11;
  ended.latency_us = 2'500;
  Outcome slow = judged(1, Arm::kBaseline, OutcomeClass::kOk);
  slow.kind = Outcome::Kind::kSlow;
  slow.user_hash = 12;
  slow.latency_us = 1ULL << 62;
  for (int i = 0; i < 2; ++i) tick.fold(ended);
  tick.fold(slow);
  const std::vector<UserSeen>& users = tick.of(3)->steps.at(0)->of(Arm::kBaseline).users;
  ASSERT_EQ(users.size(), 3U);
  EXPECT_EQ(users[0].hash, 11U);
  EXPECT_EQ(users[0].age_ms, 2U);
  EXPECT_EQ(users[2].hash, 12U);
  EXPECT_EQ(users[2].age_ms, 0xFFFFFFFFU);
  EXPECT_TRUE(tick.of(3)->steps.at(0)->of(Arm::kCandidate).users.empty());
}

TEST(Tick, KeepsTheNamesOfFailuresWithTheirStep) {
  Tick tick;
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kHttp5xx));
  FailedRequest failed{.service = 3, .step = 1, .epoch = 0, .outcome = OutcomeClass::kHttp5xx, .over = 2};
  failed.set_id("ab");
  tick.fold(failed);
  failed.step = 0;
  tick.fold(failed);
  ASSERT_EQ(tick.of(3)->steps.size(), 1U);
  ASSERT_EQ(tick.of(3)->steps[0]->failed.size(), 1U);
  EXPECT_EQ(tick.of(3)->steps[0]->failed[0].id(), "ab");
  tick.clear();
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kOk));
  EXPECT_TRUE(tick.of(3)->steps[0]->failed.empty());
}

TEST(Tick, DropsOverridesAndSetsUnjudgedRecordsApart) {
  Tick tick;
  Outcome overridden = judged(1, Arm::kCandidate, OutcomeClass::kHttp5xx);
  overridden.reason = AssignmentReason::kOverride;
  tick.fold(overridden);
  Outcome returned = judged(1, Arm::kBaseline, OutcomeClass::kHttp5xx);
  returned.reason = AssignmentReason::kCreator;
  returned.judged = false;
  tick.fold(returned);
  EXPECT_EQ(tick.of(3), nullptr);
  Outcome before = judged(0, Arm::kBaseline, OutcomeClass::kOk);
  tick.fold(before);
  ASSERT_NE(tick.of(3)->outside_of(7), nullptr);
  EXPECT_TRUE(tick.of(3)->steps.empty());
}

// Their failures are met by users as any other, and prove nothing.
TEST(Tick, CountsWhoIsKeptOnTheCandidateForBudgetsAlone) {
  Tick tick;
  for (const AssignmentReason reason : {AssignmentReason::kSession, AssignmentReason::kCreator}) {
    for (const OutcomeClass outcome : {OutcomeClass::kHttp5xx, OutcomeClass::kOk, OutcomeClass::kClientAbort}) {
      Outcome kept = judged(1, Arm::kCandidate, outcome);
      kept.reason = reason;
      kept.judged = false;
      tick.fold(kept);
      kept.rescued = true;
      tick.fold(kept);
      kept.rescued = false;
      kept.kind = Outcome::Kind::kSlow;
      tick.fold(kept);
    }
  }
  const ArmCounts& arm = tick.of(3)->steps.at(0)->of(Arm::kCandidate);
  EXPECT_EQ(arm.kept.n, 4U);
  EXPECT_EQ(arm.kept.x, 2U);
  EXPECT_EQ(arm.requests + arm.met.n + arm.users.size(), 0U);
  EXPECT_TRUE(tick.of(3)->outside.empty());
  tick.clear();
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kOk));
  EXPECT_EQ(tick.of(3)->steps.at(0)->of(Arm::kCandidate).kept.n, 0U);
}

// A request of a rollout that was replaced speaks of that one's first step.
TEST(Tick, KeepsApartTheSameStepOfTwoRollouts) {
  Tick tick;
  Outcome old = judged(1, Arm::kCandidate, OutcomeClass::kHttp5xx);
  old.epoch = 4;
  old.version = 99;
  tick.fold(old);
  Outcome current = judged(1, Arm::kCandidate, OutcomeClass::kOk);
  current.epoch = 5;
  tick.fold(current);
  ASSERT_EQ(tick.of(3)->steps.size(), 2U);
  EXPECT_EQ(tick.of(3)->malformed, 0U);
  EXPECT_EQ(tick.of(3)->steps[0]->epoch, 4U);
  EXPECT_EQ(tick.of(3)->steps[1]->of(Arm::kCandidate).requests, 1U);
}

TEST(Tick, RefusesRecordsThatCannotBe) {
  Tick tick;
  Outcome nobody = judged(1, Arm::kBaseline, OutcomeClass::kOk);
  nobody.version = kNoId;
  tick.fold(nobody);
  EXPECT_EQ(tick.malformed(), 1U);
  Outcome both = judged(1, Arm::kBaseline, OutcomeClass::kOk);
  both.over = both.under = 1;
  tick.fold(both);
  EXPECT_EQ(tick.of(3)->malformed, 1U);
}

TEST(Tick, IsAsNewOnceCleared) {
  Tick tick;
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kHttp5xx));
  tick.clear();
  EXPECT_EQ(tick.of(3), nullptr);
  EXPECT_TRUE(tick.services().empty());
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kOk));
  const ArmCounts& arm = tick.of(3)->steps.at(0)->of(Arm::kCandidate);
  EXPECT_EQ(arm.requests, 1U);
  EXPECT_EQ(metric(arm, BinaryMetric::kErrorRate).x, 0U);
  EXPECT_EQ(arm.clusters.touched().size(), 1U);
  EXPECT_EQ(arm.times[TimeMetric::kLatency].total(), 1U);
}

TEST(BaselineMemories, FadesByTheLongerOfItsHalfLives) {
  DecayedRate rate;
  rate.add({.n = 5'000, .x = 50}, Seconds(1));
  // 300 s later, but only one observation: by observations almost nothing has faded.
  rate.add({.n = 1, .x = 0}, Seconds(300));
  EXPECT_NEAR(rate.n, 5'000, 2);
  // A half-life of both.
  rate.add({.n = 5'000, .x = 0}, Seconds(300));
  EXPECT_NEAR(rate.n, 5'000 / 2.0 + 5'000, 2);
  EXPECT_NEAR(rate.x, 25, 0.1);
}

TEST(BaselineMemories, FadesOnceATickWhateverTheSteps) {
  const auto after = [](std::initializer_list<StepId> steps) {
    BaselineMemories memories;
    Tick tick;
    for (int i = 0; i < 4'000; ++i) tick.fold(judged(1, Arm::kBaseline, OutcomeClass::kOk));
    memories.update(tick, Seconds(1));
    tick.clear();
    for (int i = 0; i < 2'000; ++i) {
      for (const StepId step : steps) tick.fold(judged(step, Arm::kBaseline, OutcomeClass::kOk));
    }
    memories.update(tick, Seconds(300));
    return memories.of(3, 7).rates[0].n;
  };
  EXPECT_DOUBLE_EQ(after({1, 2}), after({1, 1}));
}

TEST(BaselineMemories, RemembersEachVersionByItself) {
  Tick tick;
  tick.fold(judged(1, Arm::kBaseline, OutcomeClass::kOk));
  tick.fold(judged(1, Arm::kCandidate, OutcomeClass::kHttp5xx));
  BaselineMemories memories;
  memories.update(tick, Seconds(0.1));
  EXPECT_EQ(memories.of(3, 7).rates[metric_index(BinaryMetric::kErrorRate)].x, 0);
  EXPECT_EQ(memories.of(3, 8).rates[metric_index(BinaryMetric::kErrorRate)].x, 1);
  EXPECT_EQ(memories.of(3, 7).time(TimeMetric::kLatency).total, 1);
  memories.forget(3);
  EXPECT_EQ(memories.of(3, 8).rates[0].n, 0);
}

}  // namespace
}  // namespace weir::analysis
