// What a candidate has cost its users: worked by hand, and the same in whichever order it comes together.
#include "analysis/rollout/exposure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "base/json.h"

namespace weir::analysis {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kSeed = 20261129;

struct Counts {
  StepId step = 1;
  MetricCount baseline{};
  MetricCount candidate{};
  AmountTotal baseline_cost{};
  AmountTotal candidate_cost{};
  MetricCount kept{};
};

void count(Exposure& exposure, const Counts& counts) {
  constexpr auto kCost = static_cast<std::size_t>(ValueMetric::kCost);
  StepCounts step;
  step.step = counts.step;
  step.arms[0].met = counts.baseline;
  step.arms[1].met = counts.candidate;
  step.arms[1].kept = counts.kept;
  step.arms[0].answers.totals[kCost] = counts.baseline_cost;
  step.arms[1].answers.totals[kCost] = counts.candidate_cost;
  const std::array<const StepCounts*, 1> steps{&step};
  add_counts(exposure, steps);
}

Exposure of(const std::vector<Counts>& all) {
  Exposure exposure;
  for (const Counts& counts : all) count(exposure, counts);
  return exposure;
}

config::MaxExposure excess_of(std::uint64_t most) {
  return {.excess_failures = most, .extra_cost = {}, .failed_requests = {}};
}
config::MaxExposure failures_of(std::uint64_t most) {
  return {.excess_failures = {}, .extra_cost = {}, .failed_requests = most};
}
config::MaxExposure cost_of(double most) { return {.excess_failures = {}, .extra_cost = most, .failed_requests = {}}; }

Budget only(const Exposure& exposure, const config::MaxExposure& most) {
  const std::vector<Budget> all = budgets(exposure, most);
  EXPECT_EQ(all.size(), 1U);
  return all.front();
}

std::string text(const Exposure& exposure) { return json::write(write_exposure(exposure)); }

TEST(Exposure, AnExcessIsBeyondTheBaselinesShareOfTheSameStep) {
  // 30 of 200, where 1 % of the baseline's fail: 2 were due.
  const Exposure exposure = of({{.step = 1, .baseline = {1'000, 10}, .candidate = {200, 30}}});
  EXPECT_DOUBLE_EQ(only(exposure, excess_of(50)).spent, 28);
  EXPECT_DOUBLE_EQ(only(exposure, failures_of(50)).spent, 30);
}

TEST(Exposure, StepsAddUpAndABetterOneGivesNothingBack) {
  // Step 1: 20 - 100 * 0.1 = 10. Step 2: 0 - 500 * 0.02 < 0. Step 3: 15 - 100 * 0.05 = 10.
  const Exposure exposure = of({{.step = 1, .baseline = {100, 10}, .candidate = {100, 20}},
                                {.step = 2, .baseline = {500, 10}, .candidate = {500, 0}},
                                {.step = 3, .baseline = {100, 5}, .candidate = {100, 15}}});
  EXPECT_DOUBLE_EQ(only(exposure, excess_of(50)).spent, 20);
}

// Pooled, the candidate looks better than the baseline, because it had its traffic while all went well.
TEST(Exposure, ComparesNoStepWithAnother) {
  const Exposure exposure = of({{.step = 1, .baseline = {1'000, 500}, .candidate = {20, 12}},
                                {.step = 2, .baseline = {20, 0}, .candidate = {1'000, 30}}});
  EXPECT_DOUBLE_EQ(only(exposure, excess_of(50)).spent, 2 + 30);
}

TEST(Exposure, WithoutAnyOfTheBaselineInAStepItsShareOverAllStandsIn) {
  // 4 of 100 of the baseline have failed so far.
  const Exposure exposure = of(
      {{.step = 1, .baseline = {100, 4}, .candidate = {100, 4}}, {.step = 2, .baseline = {}, .candidate = {500, 50}}});
  EXPECT_DOUBLE_EQ(only(exposure, excess_of(50)).spent, 50 - 500 * 0.04);
  // Nobody knows of any that would have failed with it.
  EXPECT_DOUBLE_EQ(only(of({{.candidate = {20, 12}}}), excess_of(50)).spent, 12);
}

TEST(Exposure, AnExcessCountsFromTenFailuresOn) {
  const Budget nine = only(of({{.baseline = {100, 0}, .candidate = {9, 9}}}), excess_of(5));
  EXPECT_DOUBLE_EQ(nine.spent, 9);
  EXPECT_FALSE(nine.reached());
  EXPECT_EQ(says(nine), "9 of 5 excessFailures, which counts from 10 on");
  EXPECT_TRUE(only(of({{.baseline = {100, 0}, .candidate = {10, 10}}}), excess_of(5)).reached());
  // Of all steps together.
  const Exposure parts = of(
      {{.step = 1, .baseline = {100, 0}, .candidate = {5, 5}}, {.step = 2, .baseline = {100, 0}, .candidate = {5, 5}}});
  EXPECT_TRUE(only(parts, excess_of(5)).reached());
  // The gross limit is what it says.
  EXPECT_TRUE(only(of({{.candidate = {3, 3}}}), failures_of(3)).reached());
}

TEST(Exposure, IsSpentOnceTheLimitIsReached) {
  const auto spent = [](std::uint64_t failed) {
    return only(of({{.baseline = {1'000, 0}, .candidate = {100, failed}}}), excess_of(50)).reached();
  };
  EXPECT_FALSE(spent(49));
  EXPECT_TRUE(spent(50));
}

TEST(Exposure, CostsAreComparedLikeFailures) {
  // 0.02 an answer where the baseline has 0.01: 100 answers cost 1 more.
  const Exposure twice = of({{.baseline_cost = {1'000, 10'000'000}, .candidate_cost = {100, 2'000'000}}});
  EXPECT_DOUBLE_EQ(only(twice, cost_of(2)).spent, 1);
  EXPECT_FALSE(only(twice, cost_of(2)).reached());
  EXPECT_TRUE(only(twice, cost_of(1)).reached());
  // What nothing is known to compare with is no extra.
  EXPECT_DOUBLE_EQ(only(of({{.candidate_cost = {100, 2'000'000}}}), cost_of(1)).spent, 0);
  // Ten answers, as ten failures.
  EXPECT_FALSE(only(of({{.baseline_cost = {9, 9}, .candidate_cost = {9, 9'000'000}}}), cost_of(1)).reached());
}

TEST(Exposure, SaysWhatIsSpentAndOnWhat) {
  const Exposure exposure = of({{.baseline = {1'800, 12}, .candidate = {200, 60}}});
  EXPECT_EQ(overspent(exposure, {}), std::nullopt);
  EXPECT_EQ(overspent(exposure, excess_of(59)), std::nullopt);
  EXPECT_EQ(
      overspent(exposure, excess_of(50)).value_or(""),
      "maxExposure: 58.7 of 50 excessFailures (failed: candidate 60 of 200, baseline 12 of 1,800); a budget, not a "
      "test");
  EXPECT_THAT(overspent(exposure, failures_of(60)).value_or(""), HasSubstr("60 of 60 failedRequests"));
  const Exposure dear = of({{.baseline_cost = {1'000, 10'000'000}, .candidate_cost = {100, 3'500'000}}});
  EXPECT_EQ(overspent(dear, cost_of(2)).value_or(""),
            "maxExposure: 2.5 of 2 extraCost (cost of an answer: candidate 0.035 on average of 100, baseline 0.01 on "
            "average of 1,000); a budget, not a test");
}

TEST(Exposure, WhoIsKeptFailsAsAnyOtherAndIsNoExcess) {
  const Exposure exposure = of({{.step = 1, .kept = {40, 30}}, {.step = 2, .candidate = {5, 5}, .kept = {20, 20}}});
  EXPECT_DOUBLE_EQ(only(exposure, failures_of(55)).spent, 55);
  EXPECT_DOUBLE_EQ(only(exposure, excess_of(55)).spent, 5);
  EXPECT_EQ(overspent(exposure, failures_of(55)).value_or(""),
            "maxExposure: 55 of 55 failedRequests (failed: candidate 5 of 5, baseline 0 of 0, kept sessions and "
            "returned ids on the candidate 50 of 60); a budget, not a test");
}

TEST(Exposure, ReadsWhatHasNotCountedThem) {
  const Exposure read = read_exposure(json::parse("[[3,10,1,0,0,20,2,0,0]]").value);
  EXPECT_EQ(text(read), "[[3,10,1,0,0,20,2,0,0,0,0]]");
}

TEST(Exposure, StatusHasWhatThePlanLimitsAlone) {
  const Exposure exposure = of({{.baseline = {1'800, 12}, .candidate = {200, 60}}});
  EXPECT_TRUE(budgets_json(exposure, {}).is_null());
  const json::Value shown =
      budgets_json(exposure, {.excess_failures = 100, .extra_cost = 2.5, .failed_requests = 2'000});
  ASSERT_EQ(shown.array().size(), 3U);
  EXPECT_EQ(shown.array()[0]["says"].string(), "58.7 of 100 excessFailures");
  EXPECT_EQ(shown.array()[1]["says"].string(), "0 of 2.5 extraCost");
  EXPECT_EQ(shown.array()[2]["says"].string(), "60 of 2,000 failedRequests");
}

// Of more steps than are kept, and some of them late.
std::vector<Counts> many_ticks(std::minstd_rand& random) {
  std::vector<Counts> ticks;
  for (int i = 0; i < 400; ++i) {
    const auto some = [&](std::uint64_t most) { return random() % (most + 1); };
    Counts tick{.step = static_cast<StepId>(1 + some(89))};
    tick.baseline.n = some(50);
    tick.baseline.x = some(tick.baseline.n);
    tick.candidate.n = some(50);
    tick.candidate.x = some(tick.candidate.n);
    tick.kept.n = some(50);
    tick.kept.x = some(tick.kept.n);
    tick.baseline_cost = {some(9), some(90'000)};
    tick.candidate_cost = {some(9), some(90'000)};
    ticks.push_back(tick);
  }
  return ticks;
}

TEST(Exposure, IsTheSameInWhicheverOrderTicksCome) {
  std::minstd_rand random(kSeed);
  for (int round = 0; round < 20; ++round) {
    std::vector<Counts> ticks = many_ticks(random);
    const Exposure first = of(ticks);
    EXPECT_LE(first.steps.size(), Exposure::kStepsKept);
    std::shuffle(ticks.begin(), ticks.end(), random);
    const Exposure second = of(ticks);
    EXPECT_EQ(text(first), text(second));
    const config::MaxExposure most{.excess_failures = 50, .extra_cost = 2, .failed_requests = 500};
    EXPECT_EQ(json::write(budgets_json(first, most)), json::write(budgets_json(second, most)));
  }
}

TEST(Exposure, OfTooManyStepsTheOldestAreOne) {
  std::vector<Counts> steps;
  for (StepId step = 1; step <= Exposure::kStepsKept + 2; ++step) {
    steps.push_back({.step = step, .baseline = {10, 1}, .candidate = {10, 2}});
  }
  const Exposure exposure = of(steps);
  ASSERT_EQ(exposure.steps.size(), Exposure::kStepsKept);
  EXPECT_EQ(exposure.steps.front().step, 3U);
  EXPECT_EQ(exposure.steps.front().arms[1].met.n, 30U);
  EXPECT_DOUBLE_EQ(only(exposure, excess_of(500)).spent, Exposure::kStepsKept + 2);
}

TEST(Exposure, ReadsWhatIsWritten) {
  std::minstd_rand random(kSeed);
  const Exposure exposure = of(many_ticks(random));
  const Exposure read = read_exposure(json::parse(text(exposure)).value);
  EXPECT_EQ(text(read), text(exposure));
  EXPECT_TRUE(read_exposure({}).steps.empty());
  EXPECT_TRUE(read_exposure(json::parse(R"([[1,2],"x",[1,2,3,4,5,6,7,8]])").value).steps.empty());
}

}  // namespace
}  // namespace weir::analysis
