// Ratios of two amounts, over all requests: what they wait for, what is kept, and how they are shown. What they find
// is shown in direction_test.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <optional>

#include "tests/unit/analysis/judge/fleet.h"
#include "tests/unit/analysis/judge/groups.h"

namespace weir::analysis {
namespace {

using config::GuardMetric;
using testing::add;
using testing::guard_of;
using testing::judge_tick;
using testing::lacks;
using testing::step_of;
using testing::Went;

// 2 ms a token; every other one of the answers takes 1.5 ms a token, and every other one 2.5.
const auto kUnsteady = [](Went& went, int i) { went.latency_us = i % 2 == 0 ? 300'000 : 500'000; };

double shown_since_start(const GuardStatus& guard, std::size_t arm) {
  return guard.means->mean(guard.means->since_start[arm], guard.means->parts_since_start[arm]);
}

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
  EXPECT_NEAR(shown_since_start(guard, 0), 500, 1e-9) << "tokens per second";
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
  EXPECT_NEAR(shown_since_start(guard, 0), 0.01, 1e-12) << "of the currency for a thousand tokens";
  EXPECT_NEAR(shown_since_start(guard, 1), 0.012, 1e-6);
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
    for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
      const auto set = [&](Went& went, int i) {
        kUnsteady(went, i);
        if (arm == Arm::kCandidate) went.tokens *= 2;  // by how much longer they are is known, too
      };
      add(judge, {arm, 60}, set, counts);
    }
    judge_tick(judge, counts);
    judge_tick(*back, counts);
    EXPECT_EQ(judge.snapshot(), back->snapshot()) << second;
    const auto shown = [](const Judge& of) { return of.guards()[0].means->parts_since_start[1].n; };
    EXPECT_EQ(shown(judge), shown(*back)) << second;
  }
  EXPECT_TRUE(judge.guards()[0].armed);
  EXPECT_TRUE(judge.guards()[1].armed);
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
  EXPECT_NE(speed.find("difference 100 % ("), std::string::npos) << speed << ": each token takes twice as long";
  const std::string cost = explain(guards[1], 4.6);
  EXPECT_TRUE(
      cost.starts_with("costPer1kTokens: candidate 0.006667 per 1k tokens on average of 250, baseline 0.003333 "
                       "per 1k tokens on average of 250, allowed 5 %; evidence 1 : "))
      << cost;
}

// Its own tokens by its own time: however long its answers are, and before there is enough to say by how much it
// differs.
TEST(Ratios, AreShownAsTheyAreWhereAnswersAreLonger) {
  Judge judge({.guards = {guard_of(GuardMetric::kTokensPerSecond)}, .steps = 1});
  judge.begin_step(step_of(1, 0.5, 1));
  int turn = 0;
  const auto tick = [&](int n) {
    Tick counts;
    ++turn;  // users are not all of one kind
    add(
        judge, {Arm::kBaseline, n}, [&](Went& went, int i) { kUnsteady(went, i + turn); }, counts);
    add(
        judge, {Arm::kCandidate, n},
        [&](Went& went, int i) {
          kUnsteady(went, i + turn);
          went.tokens *= 3;
          went.latency_us = went.latency_us * 3 * 4 / 5;
        },
        counts);
    judge_tick(judge, counts);
  };
  for (int second = 0; second < 3; ++second) tick(250);
  tick(2);
  const GuardStatus early = judge.guards()[0];
  const std::string few = explain(early, 4.6);
  EXPECT_TRUE(few.starts_with("tokensPerSecond: candidate 625 tokens per second on average of 2, baseline 500")) << few;
  ASSERT_TRUE(early.difference);
  EXPECT_LT(early.difference->low, early.difference->value);
  EXPECT_LT(early.difference->value, early.difference->high);
  for (int second = 0; second < 200; ++second) tick(50);
  const GuardStatus guard = judge.guards()[0];
  EXPECT_NEAR(guard.difference->value, -0.2, 0.01) << "each token takes a fifth less";
  EXPECT_LT(guard.difference->high, -0.15);
  EXPECT_GT(guard.difference->low, -0.25);
  judge.begin_step(step_of(2, 0.5, 1));
  EXPECT_EQ(judge.guards()[0].means->parts_in_step[1].n, 0U);
  EXPECT_EQ(judge.guards()[0].means->parts_since_start[1].n, guard.means->parts_since_start[1].n);
}

// Embeddings have no output tokens: there is no ratio of anything to them, and the gate says that it waits.
TEST(Ratios, AreNoneOfAnswersWithoutTokens) {
  Judge judge({.guards = {guard_of(GuardMetric::kTokensPerSecond)}, .steps = 1});
  judge.begin_step(step_of(1, 0.5, 1));
  for (int second = 0; second < 5; ++second) {
    Tick counts;
    for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
      add(
          judge, {arm, 100}, [](Went& went, int) { went.tokens = 0; }, counts);
    }
    judge_tick(judge, counts);
    if (second == 3) judge.begin_minute();
  }
  EXPECT_EQ(judge.thresholds().scales[0].ratio, 0);
  EXPECT_FALSE(judge.guards()[0].gate_passed);
  EXPECT_TRUE(lacks(judge, "not_armed: 200 of 400 (tokensPerSecond)"));
}

// Whatever an answer says of itself, its arm has a mean between 0 and 1, and one answer takes nothing back.
TEST(Ratios, OneHugeAnswerIsOneAnswer) {
  for (const bool endless : {false, true}) {
    Judge judge(
        {.guards = {guard_of(GuardMetric::kTokensPerSecond), guard_of(GuardMetric::kCostPer1kTokens)}, .steps = 1});
    judge.begin_step(step_of(1, 0.5, 1));
    for (int second = 0; second < 30; ++second) {
      Tick counts;
      for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
        add(
            judge, {arm, 60},
            [&](Went& went, int i) {
              kUnsteady(went, i);
              if (arm == Arm::kBaseline || second != 20 || i != 0) return;
              went.tokens = went.tokens_in = endless ? 0 : 0xffff'ffff;
              went.latency_us = endless ? 0xffff'ffff : 1;
              went.cost_micros = endless ? 1ULL << 60 : 0;
            },
            counts);
      }
      judge_tick(judge, counts);
    }
    EXPECT_EQ(judge.verdict().malformed, 0U);
    EXPECT_LT(judge.verdict().log_evidence_rollback, std::log(100)) << endless;
    for (const GuardStatus& guard : judge.guards()) {
      EXPECT_EQ(guard.means->since_start[0].n, guard.means->since_start[1].n) << guard_name(guard);
      EXPECT_TRUE(std::isfinite(shown_since_start(guard, 1))) << guard_name(guard);
    }
  }
}

}  // namespace
}  // namespace weir::analysis
