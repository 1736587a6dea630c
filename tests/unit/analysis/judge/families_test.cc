// The families of guards that are neither rates nor latencies: when they are judged, what they wait for, what is kept.
#include <gtest/gtest.h>

#include <array>

#include "analysis/judge/cluster_table.h"
#include "analysis/judge/guard_rule.h"
#include "tests/unit/analysis/judge/fleet.h"
#include "tests/unit/analysis/judge/groups.h"

namespace weir::analysis {
namespace {

using config::GuardMetric;
using testing::add;
using testing::fold;
using testing::guard_of;
using testing::judge_tick;
using testing::lacks;
using testing::records_of;
using testing::request_of;
using testing::step_of;
using testing::Went;

config::Guard feedback(const std::string& name, bool binary) {
  config::Guard guard;
  guard.metric = GuardMetric::kFeedback;
  guard.scoring = {.name = name, .source = {}, .binary = binary, .lower_is_better = binary};
  config::set_default_margin(guard);
  return guard;
}

// One of each family.
std::vector<config::Guard> all_families() {
  config::Guard length = guard_of(GuardMetric::kFinishReason);
  length.finish = FinishReason::kLength;
  return {guard_of(GuardMetric::kErrorRate),
          guard_of(GuardMetric::kTimeToFirstOutput, 0.9),
          guard_of(GuardMetric::kChunkGap, 0.5),
          guard_of(GuardMetric::kTokensPerRequest),
          guard_of(GuardMetric::kCostPerRequest),
          length,
          feedback("relevance", false),
          feedback("hallucination", true),
          guard_of(GuardMetric::kTokensPerSecond),
          guard_of(GuardMetric::kCostPer1kTokens)};
}

const auto kUsual = [](Went& went, int i) { went.tokens = static_cast<std::uint32_t>(100 + i); };

TEST(Amounts, WaitForTwoHundredValuesAndThenKeepTheirCap) {
  Judge judge({.guards = {guard_of(GuardMetric::kTokensPerRequest)}, .steps = 2});
  judge.begin_step(step_of(1, 0.5, 1));
  const auto tick = [&](int n) {
    Tick counts;
    add(judge, {Arm::kBaseline, n}, kUsual, counts);
    add(judge, {Arm::kCandidate, n}, kUsual, counts);
    judge_tick(judge, counts);
  };
  tick(101);
  EXPECT_FALSE(judge.guards()[0].armed);
  EXPECT_EQ(judge.guards()[0].history, 101);
  EXPECT_TRUE(lacks(judge, "not_armed: 101 of 200 (tokensPerRequest)"));
  EXPECT_EQ(judge.thresholds().scales[0].cap, 0U);
  const std::uint32_t before = judge.thresholds().version;
  tick(101);
  EXPECT_TRUE(judge.guards()[0].armed);
  EXPECT_EQ(judge.thresholds().scales[0].cap, 8U * 150) << "eight times the baseline's mean";
  EXPECT_GT(judge.thresholds().version, before);
  EXPECT_EQ(judge.guards()[0].means->since_start[1].n, 0U) << "what came before the cap is not counted";
  tick(101);
  EXPECT_EQ(judge.thresholds().scales[0].cap, 8U * 150);
  EXPECT_EQ(judge.guards()[0].means->since_start[1].n, 101U);
  EXPECT_NEAR(judge.guards()[0].means->mean(judge.guards()[0].means->since_start[1]), 150, 0.1);
}

TEST(Amounts, TakeTheirCapFromThePlanOrFromWhatIsKnownOfTheBaseline) {
  config::Guard cost = guard_of(GuardMetric::kCostPerRequest);
  cost.cap = 0.25;
  Judge planned({.guards = {cost, guard_of(GuardMetric::kTokensPerRequest)}, .steps = 1});
  EXPECT_EQ(planned.thresholds().scales[0].cap, 250'000U);
  EXPECT_EQ(planned.thresholds().scales[0].of, ValueMetric::kCost);
  EXPECT_EQ(planned.thresholds().scales[1].cap, 0U);
  BaselineMemory memory;
  memory.amounts[0] = {.x = 30'000, .n = 300};
  const Judge known({.guards = {guard_of(GuardMetric::kTokensPerRequest)}, .steps = 1}, memory);
  EXPECT_EQ(known.thresholds().scales[0].cap, 800U);
}

TEST(Amounts, AChangedCapBeginsInAPlaceOfItsOwn) {
  config::Guard tokens = guard_of(GuardMetric::kTokensPerRequest);
  tokens.cap = 1'000;
  Judge judge({.guards = {tokens}, .steps = 1});
  judge.begin_step(step_of(1, 0.5, 1));
  tokens.cap = 2'000;
  judge.change_guards({.guards = {tokens}, .steps = 1});
  const std::array<ValueScale, kMaxValueMetrics> scales = judge.thresholds().scales;
  EXPECT_EQ(scales[0].cap, 0U) << "requests under way may still mean the old one";
  EXPECT_EQ(scales[1].cap, 2'000U);
}

TEST(Means, SpeakAfterTwentyObservationsOfTheCandidate) {
  config::Guard tokens = guard_of(GuardMetric::kTokensPerRequest);
  tokens.cap = 1'000;
  Judge judge({.guards = {tokens}, .steps = 1});
  judge.begin_step(step_of(1, 0.5, 1));
  for (int n : {19, 1}) {
    EXPECT_FALSE(judge.guards()[0].speaks);
    Tick counts;
    add(judge, {Arm::kBaseline, n}, kUsual, counts);
    add(judge, {Arm::kCandidate, n}, kUsual, counts);
    judge_tick(judge, counts);
  }
  EXPECT_TRUE(judge.guards()[0].speaks);
}

// STATISTICS.md 4.7: a is the side's own, and of amounts a step allows for more than the plan does.
TEST(Amounts, EachSideWeighsTheClustersByItsOwnFactor) {
  config::Guard tokens = guard_of(GuardMetric::kTokensPerRequest);
  tokens.cap = 1'000;
  Judge judge({.guards = {tokens}, .steps = 2});
  judge.begin_step(step_of(1, 0.5, 0.2));
  constexpr int kOfEach = 4;  // requests of a cluster, all alike: the candidate's clusters differ more
  std::array<std::array<ClusterCount, kClusterCount>, kArmCount> clusters{};
  std::array<std::uint64_t, kArmCount> squares{};
  Tick counts;
  for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
    const auto index = static_cast<std::size_t>(arm);
    const int more = arm == Arm::kCandidate ? 100 : 10;
    add(
        judge, {arm, kOfEach * static_cast<int>(kClusterCount)},
        [&](Went& went, int i) {
          went.tokens = static_cast<std::uint32_t>(100 + i % 5 + more * (i % static_cast<int>(kClusterCount) % 4));
          const std::uint64_t value = 10 * went.tokens;
          ClusterCount& cluster = clusters[index][static_cast<std::uint8_t>(i * 37 + static_cast<int>(arm))];
          cluster.n += 1;
          cluster.x += value;
          squares[index] += value * value;
        },
        counts);
  }
  judge_tick(judge, counts);
  const auto weighed = [&](double factor) {
    return design_effect(mean_spread(clusters[0], squares[0]), mean_spread(clusters[1], squares[1]), factor,
                         kClusterCount);
  };
  const GuardStatus guard = judge.guards()[0];
  EXPECT_DOUBLE_EQ(guard.margin_factor, 1.05);
  EXPECT_DOUBLE_EQ(guard.advance_factor, 1.25);
  EXPECT_NE(weighed(1.25).advance_divisor, weighed(1.05).advance_divisor);
  EXPECT_DOUBLE_EQ(guard.phi_div, weighed(1.05).divisor);
  EXPECT_DOUBLE_EQ(guard.phi_div_advance, weighed(1.25).advance_divisor);
}

TEST(Means, AreExplainedInTheirUnit) {
  config::Guard tokens = guard_of(GuardMetric::kTokensPerRequest);
  tokens.cap = 1'000;
  Judge judge({.guards = {tokens, feedback("relevance", false)}, .steps = 1});
  judge.begin_step(step_of(1, 0.5, 1));
  Tick counts;
  add(
      judge, {Arm::kBaseline, 50}, [](Went& went, int) { went.tokens = 200; }, counts);
  add(
      judge, {Arm::kCandidate, 40}, [](Went& went, int) { went.relevance = 0.6, went.tokens = 400; }, counts);
  judge_tick(judge, counts);
  const std::vector<GuardStatus> guards = judge.guards();
  const std::string of_tokens = explain(guards[0], 4.6);
  EXPECT_TRUE(
      of_tokens.starts_with("tokensPerRequest: candidate 400 tokens on average of 40, baseline 200 tokens on "
                            "average of 50, allowed 5 %; evidence 1 : "))
      << of_tokens;
  EXPECT_NE(of_tokens.find("difference 200 tokens (200 tokens … 200 tokens)"), std::string::npos) << of_tokens;
  const std::string of_scores = explain(guards[1], 4.6);
  EXPECT_TRUE(
      of_scores.starts_with("feedback relevance: candidate 0.6 on average of 40, baseline 0.8 on average of "
                            "50, allowed 0.02 less; evidence 1 : "))
      << of_scores;
  EXPECT_NE(of_scores.find("difference −0.2 (−0.2 … −0.2)"), std::string::npos) << of_scores;
}

// 4.13: what no observations can have is dropped and counted, and stands in nobody's way.
TEST(Means, DropSumsThatCannotBe) {
  config::Guard tokens = guard_of(GuardMetric::kTokensPerRequest);
  tokens.cap = 1'000;
  Judge judge({.guards = {tokens, guard_of(GuardMetric::kErrorRate)}, .steps = 1});
  judge.begin_step(step_of(1, 0.5, 1));
  StepCounts step;
  step.step = 1;
  step.of(Arm::kCandidate).version = 1;
  step.of(Arm::kCandidate).answers.values[0] = {2, 20'001, 200'000'000};
  const StepCounts* steps[] = {&step};
  judge.tick({.steps = steps, .dt = Seconds(1)});
  EXPECT_EQ(judge.verdict().malformed, 1U);
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kError);
  EXPECT_EQ(judge.guards()[0].means->in_step[1].n, 0U);
  for (int second = 0; second < 10; ++second) {
    Tick counts;
    add(judge, {Arm::kBaseline, 20}, kUsual, counts);
    add(
        judge, {Arm::kCandidate, 20}, [](Went& went, int) { went.outcome = OutcomeClass::kReset; }, counts);
    judge_tick(judge, counts);
  }
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kFail);
}

// Scores are few and late, so that what they have shown under one weight counts under the next; what depends on the
// load begins anew.
TEST(LateGates, KeepTheirEvidenceFromStepToStep) {
  Judge judge({.guards = {guard_of(GuardMetric::kErrorRate), feedback("relevance", false)},
               .steps = 2,
               .next_weights = {0.5, 1}});
  judge.begin_step(step_of(1, 0.1, 0.5));
  for (int second = 0; second < 120; ++second) {
    Tick counts;
    add(judge, {Arm::kBaseline, 90}, kUsual, counts);
    add(judge, {Arm::kCandidate, 10}, kUsual, counts);
    judge_tick(judge, counts);
  }
  const std::vector<GuardStatus> before = judge.guards();
  EXPECT_GT(before[0].log_evidence_advance, 0.5);
  EXPECT_GT(before[1].log_evidence_advance, 0.5);
  judge.begin_step(step_of(2, 0.5, 1));
  const std::vector<GuardStatus> after = judge.guards();
  EXPECT_EQ(after[0].log_evidence_advance, 0);
  EXPECT_GT(after[1].log_evidence_advance, 0);
  EXPECT_LT(after[1].log_evidence_advance, before[1].log_evidence_advance) << "the next step allows for less";
  // A weight that the plan does not have begins from nothing.
  judge.begin_step(step_of(3, 0.2, 0.3));
  EXPECT_NEAR(judge.guards()[1].log_evidence_advance, 0, 1e-9);
}

// Scores come two minutes after their requests, and of the candidate's answers fewer.
Judge scored(double baseline_share, double candidate_share) {
  Judge judge({.guards = {feedback("relevance", false)}, .steps = 1});
  judge.begin_step(step_of(1, 0.5, 1));
  for (int second = 0; second < 300; ++second) {
    Tick counts;
    const testing::Published published(judge);
    for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
      const int of_ten = static_cast<int>(10 * (arm == Arm::kBaseline ? baseline_share : candidate_share));
      for (int i = 0; i < 50; ++i) {
        const testing::Records records =
            records_of({}, request_of(arm, static_cast<std::uint8_t>(5 * i + second)), published);
        counts.fold(records.outcome);
        if (second < 120 || i % 10 >= of_ten) continue;
        for (const Score& score : records.scores) counts.fold(score);
      }
    }
    judge_tick(judge, counts);
  }
  return judge;
}

TEST(ScoresMissing, HoldsWhenOneArmIsScoredLess) {
  EXPECT_FALSE(lacks(scored(0.3, 0.3), "scores_missing"));
  const Judge judge = scored(0.3, 0.2);
  EXPECT_TRUE(lacks(judge,
                    "scores_missing: of the candidate's answers 12 % are scored, of the baseline's 18 % "
                    "(feedback relevance)"))
      << ::testing::PrintToString(judge.verdict().lacks);
  EXPECT_TRUE(lacks(scored(0.2, 0.3), "scores_missing"));
}

TEST(Families, AreSavedAndComeBackExactly) {
  const JudgeSpec spec{.guards = all_families(), .steps = 2, .next_weights = {0.5, 1}};
  Judge judge(spec);
  judge.begin_step(step_of(1, 0.3, 0.5));
  Random random(4);
  const auto tick = [&](Judge& into) {
    Tick counts;
    for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
      add(
          into, {arm, 60},
          [&](Went& went, int i) {
            went.tokens = 50 + random.below(500);
            went.cost_micros = 3 * went.tokens + random.below(300);
            went.latency_us = 400 * went.tokens + random.below(100'000);
            went.output_us = 1'000 + random.below(90'000);
            went.gap_us = 100 + random.below(900);
            went.hallucinated = i % 11 == 0;
            went.relevance = random.uniform();
            if (i % 7 == 0) went.finish = FinishReason::kLength;
          },
          counts);
    }
    judge_tick(into, counts);
  };
  for (int second = 0; second < 30; ++second) tick(judge);
  judge.begin_minute();
  for (int second = 0; second < 30; ++second) tick(judge);
  for (const GuardStatus& guard : judge.guards()) EXPECT_TRUE(guard.armed) << guard_name(guard);
  std::optional<Judge> back = Judge::restore(spec, judge.save());
  ASSERT_TRUE(back);
  const std::uint32_t version = judge.thresholds().version;
  EXPECT_GT(back->thresholds().version, version) << "an edit that may have been";
  Random kept = random;
  tick(judge);
  random = kept;
  tick(*back);
  const std::vector<GuardStatus> one = judge.guards();
  const std::vector<GuardStatus> other = back->guards();
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].log_evidence_rollback, other[i].log_evidence_rollback) << guard_name(one[i]);
    EXPECT_EQ(one[i].log_evidence_advance, other[i].log_evidence_advance) << guard_name(one[i]);
    EXPECT_EQ(one[i].phi_div, other[i].phi_div) << guard_name(one[i]);
    EXPECT_EQ(one[i].threshold.baseline_us, other[i].threshold.baseline_us) << guard_name(one[i]);
  }
  for (std::size_t cut = 0; cut < judge.save().size(); cut += 997) {
    EXPECT_FALSE(Judge::restore(spec, judge.save().substr(0, cut)));
  }
}

// Who drains whose ring first, and in what order records lie in it, changes no bit of what is known.
TEST(Families, TheOrderOfRecordsChangesNothing) {
  const JudgeSpec spec{.guards = all_families(), .steps = 1};
  Judge one(spec);
  Judge other(spec);
  for (Judge* judge : {&one, &other}) judge->begin_step(step_of(1, 0.5, 1));
  Random random(8);
  for (int second = 0; second < 40; ++second) {
    const testing::Published published(one);
    std::vector<testing::Records> records;
    for (int i = 0; i < 120; ++i) {
      Went went;
      went.tokens = random.below(900);
      went.relevance = random.uniform();
      went.latency_us = 1'000 + random.below(1'000'000);
      went.cost_micros = random.below(2'000);
      went.output_us = 1 + random.below(50'000);
      went.hallucinated = random.below(9) == 0;
      if (random.below(20) == 0) went.outcome = OutcomeClass::kErrorEvent;
      const Arm arm = random.below(2) == 0 ? Arm::kBaseline : Arm::kCandidate;
      records.push_back(records_of(went, request_of(arm, static_cast<std::uint8_t>(random.below(200))), published));
    }
    Tick in_order;
    for (const testing::Records& of : records) fold(of, in_order);
    // Three workers, drained from the last to the first, each with its records backwards, and its scores first.
    Tick merged;
    for (std::size_t worker = 3; worker-- > 0;) {
      for (std::size_t i = records.size(); i-- > 0;) {
        if (i % 3 != worker) continue;
        for (const Score& score : records[i].scores) merged.fold(score);
        merged.fold(records[i].answer);
        merged.fold(records[i].outcome);
      }
    }
    judge_tick(one, in_order);
    judge_tick(other, merged);
  }
  EXPECT_EQ(one.save(), other.save());
}

TEST(Families, ATickCutInTenCountsTheSame) {
  const JudgeSpec spec{.guards = all_families(), .steps = 1};
  Judge whole(spec);
  Judge tenths(spec);
  for (Judge* judge : {&whole, &tenths}) judge->begin_step(step_of(1, 0.5, 1));
  // The first tick freezes the caps of both, the second begins with thresholds and ratios, and by these scales come.
  for (Judge* judge : {&whole, &tenths}) {
    for (const int requests : {500, 500, 500, 1}) {
      Tick tick;
      add(*judge, {Arm::kBaseline, requests}, kUsual, tick);
      judge_tick(*judge, tick);
    }
  }
  for (int second = 0; second < 5; ++second) {
    Tick all;
    for (int tenth = 0; tenth < 10; ++tenth) {
      Tick part;
      for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
        const auto set = [&](Went& went, int i) { went.tokens = static_cast<std::uint32_t>(10 * tenth + i); };
        add(whole, {arm, 12}, set, all);
        add(tenths, {arm, 12}, set, part);
      }
      judge_tick(tenths, part, 0.1);
    }
    judge_tick(whole, all);
  }
  const std::vector<GuardStatus> one = whole.guards();
  const std::vector<GuardStatus> other = tenths.guards();
  for (std::size_t i = 0; i < one.size(); ++i) {
    for (std::size_t arm = 0; arm < kArmCount; ++arm) {
      EXPECT_GT(one[i].in_step[arm].n, 0U) << guard_name(one[i]);
      EXPECT_EQ(one[i].in_step[arm].n, other[i].in_step[arm].n) << guard_name(one[i]);
      EXPECT_EQ(one[i].in_step[arm].x, other[i].in_step[arm].x) << guard_name(one[i]);
      if (!one[i].means) continue;
      EXPECT_EQ(one[i].means->in_step[arm], other[i].means->in_step[arm]) << guard_name(one[i]);
    }
  }
}

}  // namespace
}  // namespace weir::analysis
