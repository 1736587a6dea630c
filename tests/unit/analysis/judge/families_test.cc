// The families of guards that are neither rates nor latencies: when they are judged, what they wait for, what is kept.
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "analysis/judge/cluster_table.h"
#include "analysis/judge/guard_rule.h"
#include "tests/unit/analysis/judge/fleet.h"

namespace weir::analysis {
namespace {

using config::GuardMetric;
using testing::fold;
using testing::judge_tick;
using testing::records_of;
using testing::request_of;
using testing::Went;

config::Guard guard_of(GuardMetric metric, double quantile = 0) {
  return *config::default_guard(config::to_string(metric), quantile);
}

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

StepContext step_of(StepId id, double weight, double next) {
  const auto seed = id == 1 ? StepContext::Seed::kRolloutStart : StepContext::Seed::kStep;
  return {.step = id, .weight = weight, .next_weight = next, .at_full = false, .seed = seed};
}

// So many requests of an arm, of users that have all kinds of requests.
struct Group {
  Arm arm;
  int n;
};
void add(Judge& judge, const Group& group, const std::function<void(Went&, int)>& set, Tick& into) {
  const testing::Published published(judge);
  for (int i = 0; i < group.n; ++i) {
    Went went;
    set(went, i);
    const auto cluster = static_cast<std::uint8_t>(i * 37 + static_cast<int>(group.arm));
    fold(records_of(went, request_of(group.arm, cluster), published), into);
  }
}

bool lacks(const Judge& judge, const std::string& start) {
  for (const std::string& lack : judge.verdict().lacks) {
    if (lack.starts_with(start)) return true;
  }
  return false;
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

// 2 ms a token; every other one of the answers takes 1.5 ms a token, and every other one 2.5.
const auto kUnsteady = [](Went& went, int i) { went.latency_us = i % 2 == 0 ? 300'000 : 500'000; };

TEST(Ratios, LearnTheirRatioAndThenTheirScale) {
  Judge judge({.guards = {guard_of(GuardMetric::kTokensPerSecond)}, .steps = 2});
  judge.begin_step(step_of(1, 0.5, 1));
  const auto tick = [&](int n, const std::function<void(Went&, int)>& set = kUnsteady) {
    Tick counts;
    add(judge, {Arm::kBaseline, n}, set, counts);
    add(judge, {Arm::kCandidate, n}, set, counts);
    judge_tick(judge, counts);
  };
  const auto scale = [&] { return judge.thresholds().scales[0]; };
  tick(100);
  EXPECT_TRUE(lacks(judge, "not_armed: 100 of 400 (tokensPerSecond)"));
  EXPECT_EQ(scale().of, ValueMetric::kTokenTime);
  EXPECT_EQ(scale().ratio, 0);
  tick(110);
  const std::uint32_t before = judge.thresholds().version;
  tick(10);  // begins with a ratio, and was assigned without one
  EXPECT_DOUBLE_EQ(scale().ratio, 2'000);
  EXPECT_EQ(scale().cap, 0U);
  EXPECT_GT(judge.thresholds().version, before);
  EXPECT_TRUE(lacks(judge, "not_armed: 200 of 400 (tokensPerSecond)"));
  tick(120);
  EXPECT_TRUE(lacks(judge, "not_armed: 320 of 400 (tokensPerSecond)"));
  EXPECT_EQ(judge.guards()[0].means->since_start[0].n, 0U);
  tick(100);
  EXPECT_TRUE(judge.guards()[0].armed);
  EXPECT_EQ(scale().cap, 8U * 100'000) << "eight times how far they are from the ratio";
  EXPECT_NEAR(judge.guards()[0].margin, 0.05 * 400'000 / (2 * 800'000), 1e-12);
  tick(50);
  const GuardStatus guard = judge.guards()[0];
  EXPECT_EQ(guard.means->since_start[1].n, 50U);
  EXPECT_NEAR(guard.means->mean(guard.means->since_start[0]), 500, 1e-9) << "tokens per second";
  EXPECT_TRUE(guard.means->higher_is_better());
  EXPECT_EQ(guard.cap, 0);
}

// Once a minute, for what the baseline is like changes; what its values are divided by does not.
TEST(Ratios, FollowTheBaselineOnceAMinute) {
  Judge judge({.guards = {guard_of(GuardMetric::kTokensPerSecond)}, .steps = 2});
  judge.begin_step(step_of(1, 0.5, 1));
  double factor = 1;
  const auto tick = [&] {
    Tick counts;
    const auto set = [&](Went& went, int i) {
      kUnsteady(went, i);
      went.latency_us = static_cast<std::uint64_t>(static_cast<double>(went.latency_us) * factor);
    };
    add(judge, {Arm::kBaseline, 500}, set, counts);
    judge_tick(judge, counts);
  };
  for (int second = 0; second < 5; ++second) tick();
  const ValueScale first = judge.thresholds().scales[0];
  ASSERT_GT(first.cap, 0U);
  factor = 2;
  for (int second = 0; second < 5; ++second) tick();
  EXPECT_EQ(judge.thresholds().scales[0].ratio, first.ratio);
  judge.begin_minute();
  tick();
  const ValueScale second = judge.thresholds().scales[0];
  EXPECT_GT(second.ratio, 1.4 * first.ratio);
  EXPECT_EQ(second.cap, first.cap);
  EXPECT_GT(judge.guards()[0].margin, 0.05 * 1.4 * 400'000 / (2 * 800'000));
}

// A baseline that always has the same ratio would leave no scale to see anything by.
TEST(Ratios, ASteadyBaselineIsScaledByWhatItsAnswersTake) {
  Judge judge({.guards = {guard_of(GuardMetric::kCostPer1kTokens)}, .steps = 2});
  judge.begin_step(step_of(1, 0.5, 1));
  const auto tick = [&](double factor) {
    Tick counts;
    add(
        judge, {Arm::kBaseline, 200}, [](Went& went, int) { went.cost_micros = 10 * (went.tokens_in + went.tokens); },
        counts);
    add(
        judge, {Arm::kCandidate, 200},
        [&](Went& went, int) {
          went.cost_micros = static_cast<std::uint64_t>(factor * 10 * (went.tokens_in + went.tokens));
        },
        counts);
    judge_tick(judge, counts);
  };
  for (int second = 0; second < 3; ++second) tick(1);
  EXPECT_EQ(judge.thresholds().scales[0].cap, 2U * 3'000);
  for (int second = 0; second < 3; ++second) tick(1.2);
  const GuardStatus guard = judge.guards()[0];
  EXPECT_NEAR(guard.means->mean(guard.means->in_step[0]), 0.01, 1e-12) << "of the currency for a thousand tokens";
  EXPECT_NEAR(guard.means->mean(guard.means->in_step[1]), 0.012, 1e-6);
  for (int second = 0; second < 30; ++second) tick(1.2);
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kFail);
}

// What was learnt before an edit, or in a rollout before, is known to the next one at once.
TEST(Ratios, TakeTheirScaleFromWhatIsKnownOfTheBaseline) {
  config::Guard speed = guard_of(GuardMetric::kTokensPerSecond);
  Judge judge({.guards = {speed}, .steps = 1});
  judge.begin_step(step_of(1, 0.5, 1));
  for (int second = 0; second < 4; ++second) {
    Tick counts;
    add(judge, {Arm::kBaseline, 300}, kUnsteady, counts);
    judge_tick(judge, counts);
  }
  ASSERT_TRUE(judge.guards()[0].armed);
  speed.relative = 0.2;
  judge.change_guards({.guards = {speed}, .steps = 1});
  const auto scales = judge.thresholds().scales;
  EXPECT_EQ(scales[0].ratio, 0) << "requests under way may still mean the old one";
  EXPECT_DOUBLE_EQ(scales[1].ratio, 2'000);
  EXPECT_NEAR(static_cast<double>(scales[1].cap), 800'000, 1'000);
  const Judge next({.guards = {speed}, .steps = 1}, judge.memory());
  EXPECT_TRUE(next.guards()[0].armed);
  EXPECT_EQ(next.thresholds().scales[0].cap, scales[1].cap);
}

TEST(Ratios, AreSavedAsTheyLearn) {
  const JudgeSpec spec{.guards = {guard_of(GuardMetric::kTokensPerSecond), guard_of(GuardMetric::kCostPer1kTokens)},
                       .steps = 2};
  Judge judge(spec);
  judge.begin_step(step_of(1, 0.5, 1));
  for (int second = 0; second < 12; ++second) {
    std::optional<Judge> back = Judge::of_snapshot(spec, judge.snapshot());
    ASSERT_TRUE(back) << second;
    Tick counts;
    for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) add(judge, {arm, 60}, kUnsteady, counts);
    judge_tick(judge, counts);
    judge_tick(*back, counts);
    EXPECT_EQ(judge.snapshot(), back->snapshot()) << second;
  }
  EXPECT_TRUE(judge.guards()[0].armed);
  EXPECT_TRUE(judge.guards()[1].armed);
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

TEST(Ratios, AreExplainedAsPeopleCountThem) {
  Judge judge(
      {.guards = {guard_of(GuardMetric::kTokensPerSecond), guard_of(GuardMetric::kCostPer1kTokens)}, .steps = 1});
  judge.begin_step(step_of(1, 0.5, 1));
  const auto tick = [&](double factor) {
    Tick counts;
    add(judge, {Arm::kBaseline, 250}, kUnsteady, counts);
    add(
        judge, {Arm::kCandidate, 250},
        [&](Went& went, int i) {
          kUnsteady(went, i);
          went.latency_us = static_cast<std::uint64_t>(static_cast<double>(went.latency_us) * factor);
          went.cost_micros = static_cast<std::uint64_t>(1'000 * factor);
        },
        counts);
    judge_tick(judge, counts);
  };
  for (int second = 0; second < 3; ++second) tick(1);
  tick(2);
  const std::vector<GuardStatus> guards = judge.guards();
  const std::string speed = explain(guards[0], 4.6);
  EXPECT_TRUE(
      speed.starts_with("tokensPerSecond: candidate 250 tokens per second on average of 250, baseline 500 tokens per "
                        "second on average of 250, allowed 5 %; evidence 1 : "))
      << speed;
  EXPECT_NE(speed.find("difference −250 tokens per second (−"), std::string::npos) << speed;
  const std::string cost = explain(guards[1], 4.6);
  EXPECT_TRUE(
      cost.starts_with("costPer1kTokens: candidate 0.006667 per 1k tokens on average of 250, baseline 0.003333 "
                       "per 1k tokens on average of 250, allowed 5 %; evidence 1 : "))
      << cost;
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
