// A candidate that nobody is left to compare with, against what the baseline was: an alert (STATISTICS.md 4.10).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "analysis/judge/half_hour.h"
#include "base/random.h"
#include "tests/unit/analysis/judge/counts.h"

namespace weir::analysis {
namespace {

using testing::add;
using testing::binary_guards;
using ::testing::HasSubstr;
using testing::tick;

JudgeSpec spec() {
  return {
      .guards = binary_guards(), .max_false_rollback = 0.01, .max_false_advance = 0.05, .steps = 4, .has_keys = true};
}

StepContext step_at(double weight, StepId id) {
  return {.step = id,
          .weight = weight,
          .next_weight = 1,
          .at_full = weight == 1,
          .seed = id == 1 ? StepContext::Seed::kRolloutStart : StepContext::Seed::kStep};
}

struct Traffic {
  double weight = 0.5;
  double baseline_rate = 0;
  double candidate_rate = 0;
};

// Ticks of a second and a hundred requests; true when there is an alert.
bool alerts(Judge& judge, Random& random, const Traffic& traffic, int ticks) {
  for (int t = 0; t < ticks; ++t) {
    StepCounts step;
    step.step = judge.step();
    for (int i = 0; i < 100; ++i) {
      const Arm arm = random.uniform() < traffic.weight ? Arm::kCandidate : Arm::kBaseline;
      const double rate = arm == Arm::kCandidate ? traffic.candidate_rate : traffic.baseline_rate;
      const OutcomeClass outcome = random.uniform() < rate ? OutcomeClass::kHttp5xx : OutcomeClass::kOk;
      add(step, {arm, 1, outcome, static_cast<std::uint8_t>(random.below(256))});
    }
    if (t % 60 == 59) judge.begin_minute();
    tick(judge, step);
  }
  return !judge.verdict().drift.empty();
}

// A step with a comparison, in which the baseline fails 2 %, and then the one in which nobody is left on it.
Judge after_a_comparison(Random& random) {
  Judge judge(spec());
  judge.begin_step(step_at(0.5, 1));
  EXPECT_FALSE(alerts(judge, random, {.baseline_rate = 0.02, .candidate_rate = 0.02}, 300));
  judge.begin_step(step_at(1, 2));
  return judge;
}

TEST(Drift, AlertsOfWhatIsWorseThanTheBaselineWasAndRollsNothingBack) {
  Random random(1);
  Judge judge = after_a_comparison(random);
  const GuardStatus errors = judge.guards()[0];
  EXPECT_NEAR(errors.drift_limit, 1.1 * 0.02 + 3 * 0.001, 0.003);
  EXPECT_TRUE(alerts(judge, random, {.weight = 1, .candidate_rate = 0.06}, 300));
  const Verdict verdict = judge.verdict();
  EXPECT_NE(verdict.kind, Verdict::Kind::kFail);
  EXPECT_LT(verdict.log_evidence_rollback, std::log(10.0));
  EXPECT_THAT(verdict.drift, HasSubstr("errorRate: "));
  EXPECT_THAT(verdict.drift, HasSubstr("since nobody is left on the baseline"));
  for (const std::string& lack : verdict.lacks) EXPECT_EQ(lack.find("drift"), std::string::npos) << lack;
}

// As good as the baseline was, better, or worse within what the plan allows.
TEST(Drift, SaysNothingOfACandidateThatIsNoWorse) {
  Random random(2);
  for (const double rate : {0.0, 0.01, 0.02, 0.022}) {
    Judge judge = after_a_comparison(random);
    EXPECT_FALSE(alerts(judge, random, {.weight = 1, .candidate_rate = rate}, 900)) << rate;
  }
}

TEST(Drift, FindsWhatBeginsLate) {
  Random random(3);
  Judge judge = after_a_comparison(random);
  EXPECT_FALSE(alerts(judge, random, {.weight = 1, .candidate_rate = 0.01}, 1'800));
  EXPECT_TRUE(alerts(judge, random, {.weight = 1, .candidate_rate = 0.1}, 120));
}

TEST(Drift, IsSilentWhileThereIsABaseline) {
  Random random(4);
  Judge judge(spec());
  judge.begin_step(step_at(0.5, 1));
  EXPECT_FALSE(alerts(judge, random, {.baseline_rate = 0.001, .candidate_rate = 0.3}, 60));
  EXPECT_EQ(judge.guards()[0].drift_limit, 0);
}

TEST(Drift, TheAlertStaysUntilResumeAndTheReferenceThen) {
  Random random(5);
  Judge judge = after_a_comparison(random);
  ASSERT_TRUE(alerts(judge, random, {.weight = 1, .candidate_rate = 0.1}, 300));
  EXPECT_TRUE(alerts(judge, random, {.weight = 1, .candidate_rate = 0}, 3'600)) << "latched";
  const double limit = judge.guards()[0].drift_limit;
  judge.resume();
  EXPECT_TRUE(judge.verdict().drift.empty());
  EXPECT_EQ(judge.guards()[0].drift_limit, limit);
  EXPECT_TRUE(alerts(judge, random, {.weight = 1, .candidate_rate = 0.1}, 300)) << "and it goes on";
}

TEST(Drift, SurvivesARestart) {
  Random random(6);
  Judge judge = after_a_comparison(random);
  alerts(judge, random, {.weight = 1, .candidate_rate = 0.03}, 30);
  std::optional<Judge> restored = Judge::restore(spec(), judge.save());
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->guards()[0].drift_limit, judge.guards()[0].drift_limit);
  EXPECT_EQ(restored->guards()[0].log_evidence_drift, judge.guards()[0].log_evidence_drift);
  ASSERT_TRUE(alerts(*restored, random, {.weight = 1, .candidate_rate = 0.1}, 300));
  EXPECT_FALSE(Judge::restore(spec(), restored->save())->verdict().drift.empty());
}

// Half an hour, and no more: what was long ago is no reference.
TEST(HalfHour, ForgetsWhatWasBefore) {
  HalfHour past;
  RateCounts bad{};
  bad[0] = {100, 50};
  RateCounts good{};
  good[0] = {100, 1};
  for (int s = 0; s < 600; ++s) past.add(bad, Seconds(1));
  for (int s = 0; s < 1'860; ++s) past.add(good, Seconds(1));
  EXPECT_NEAR(static_cast<double>(past.of(0).n), 180'000, 6'100);
  EXPECT_EQ(past.of(0).x * 100, past.of(0).n);
  past.add({}, Seconds(100'000));
  EXPECT_EQ(past.of(0).n, 0U);
}

}  // namespace
}  // namespace weir::analysis
