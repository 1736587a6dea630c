// Rates of bad events: what makes the test one that may be watched, and how its counts may be cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "analysis/stats/rate_test.h"
#include "base/random.h"

namespace weir::analysis {
namespace {

// By its definition: the point at which what tells the alternative from the null is least, so that it rises to both
// sides; found by bisection alone.
double root_by_bisection(const Rates& alternative, double w, const Margin& margin) {
  const auto slope = [&](double p) {
    const double q = margin.factor * p + margin.absolute;
    return (1 - w) * (p - alternative.baseline) / (p * (1 - p)) +
           w * margin.factor * (q - alternative.candidate) / (q * (1 - q));
  };
  double low = 1e-12;
  double high = std::min(1 - 1e-12, (1 - 1e-12 - margin.absolute) / margin.factor);
  for (int i = 0; i < 200; ++i) {
    const double middle = low + (high - low) / 2;
    (slope(middle) < 0 ? low : high) = middle;
  }
  return low;
}

TEST(Projection, IsTheRootForWhateverAGuardCanAsk) {
  Random random(11);
  for (int i = 0; i < 20'000; ++i) {
    const Margin margin{1 + random.uniform() * random.uniform(), i % 3 == 0 ? 0 : 0.1 * std::pow(random.uniform(), 3)};
    const double baseline = std::max(1e-6, std::pow(random.uniform(), 1 + 6 * random.uniform()));
    const double edge = margin.factor * baseline + margin.absolute;
    if (edge >= 1) continue;
    const double w = std::pow(random.uniform(), 3) * 0.998 + 0.001;
    for (const double kappa : {1.1, 2.0, 300.0, 0.8, 0.02}) {
      const Rates alternative{baseline, alternative_rate(edge, kappa)};
      const double root = root_by_bisection(alternative, w, margin);
      ASSERT_NEAR(project(alternative, w, margin).baseline, root, 1e-9 * root + 1e-15)
          << baseline << " " << alternative.candidate << " " << w << " " << margin.factor << " " << margin.absolute;
    }
  }
}

// Of one observation, the candidate's with probability w. Whatever was predicted of the baseline, and whatever its true
// rate is: at the margin's edge it is 1, below it less.
double expected_factor(const Rates& truth, const Coefficients& c, double w) {
  const auto of_arm = [](double rate, double bad, double good) {
    return rate * std::exp(bad) + (1 - rate) * std::exp(good);
  };
  return w * of_arm(truth.candidate, c.candidate_bad, c.candidate_good) +
         (1 - w) * of_arm(truth.baseline, c.baseline_bad, c.baseline_good);
}

TEST(RateTest, NoFactorIsExpectedToBeAboveOneAtTheEdge) {
  Random random(12);
  for (int i = 0; i < 2'000; ++i) {
    const Margin margin{1 + 0.2 * random.uniform(), 0.05 * random.uniform()};
    const double predicted = 1e-6 + 0.75 * std::pow(random.uniform(), 3);
    const double truth = 0.75 * random.uniform();
    const double edge = margin.factor * truth + margin.absolute;
    const double w = 0.01 + 0.98 * random.uniform();
    for (const TestSide side : {TestSide::kRollback, TestSide::kAdvance}) {
      for (std::size_t j = 0; j < alternative_count(side); ++j) {
        const Coefficients c = coefficients({predicted, alternative(side, j, predicted, margin)}, w, margin);
        EXPECT_NEAR(expected_factor({truth, edge}, c, w), 1, 1e-8);
        const double acceptable = side == TestSide::kRollback ? edge / 2 : (1 + edge) / 2;
        EXPECT_LE(expected_factor({truth, acceptable}, c, w), 1 + 1e-8);
      }
    }
  }
}

TEST(RateTest, ATickSplitInTenSaysTheSame) {
  Random random(13);
  const Predicted predicted{0.01, 0.3, 1.5};
  const Margin margin{1.1, 0.001};
  RateTest in_parts(TestSide::kAdvance);
  TickRates whole;
  for (int i = 0; i < 10; ++i) {
    const TickRates part{100, random.below(5), 50, random.below(5)};
    in_parts.add(part, margin, predicted);
    whole.baseline_n += part.baseline_n;
    whole.baseline_x += part.baseline_x;
    whole.candidate_n += part.candidate_n;
    whole.candidate_x += part.candidate_x;
  }
  RateTest at_once(TestSide::kAdvance);
  at_once.add(whole, margin, predicted);
  EXPECT_NEAR(in_parts.log_evidence(), at_once.log_evidence(), 1e-9);
}

// 4.3: what was computed is kept while pb* and w* have moved by less than 1 %.
TEST(CoefficientCache, KeepsWhatHasHardlyMoved) {
  const Margin margin{1.1, 0.001};
  const auto first_of = [&](CoefficientCache& cache, double rate, double w) {
    return cache.of({.margin = margin, .baseline_rate = rate, .allocation = w})[0].candidate_bad;
  };
  CoefficientCache cache(TestSide::kRollback, Refresh::kWhenMoved);
  const double at_first = first_of(cache, 0.01, 0.05);
  EXPECT_EQ(first_of(cache, 0.01 * 1.0099, 0.05 * 0.9901), at_first);
  const double moved = first_of(cache, 0.01 * 1.0101, 0.05);
  EXPECT_NE(moved, at_first);
  EXPECT_EQ(first_of(cache, 0.01, 0.05), moved) << "what holds and was used last is taken";
  const double another_step = first_of(cache, 0.01, 0.25);
  EXPECT_EQ(first_of(cache, 0.01, 0.05), moved) << "and the one of the step before is still there";
  EXPECT_EQ(first_of(cache, 0.01, 0.25), another_step);
  EXPECT_NE(first_of(cache, 0.01, 0.95), first_of(cache, 0.01, 0.955)) << "what is left of 1 has moved by a tenth";

  CoefficientCache anew(TestSide::kRollback, Refresh::kEveryTick);
  const double exact = first_of(anew, 0.01, 0.05);
  EXPECT_EQ(exact, at_first);
  EXPECT_NE(first_of(anew, 0.01 * 1.0001, 0.05), exact);
  CoefficientCache restored(TestSide::kRollback, Refresh::kWhenMoved);
  restored.restore(cache.origins());
  EXPECT_EQ(first_of(restored, 0.01, 0.952), first_of(cache, 0.01, 0.952));
}

TEST(RateTest, SaysNothingWhereNoRateWouldBeTooHigh) {
  RateTest test(TestSide::kRollback);
  test.inject(std::log(0.5));
  const double before = test.log_evidence();
  test.add({100, 99, 100, 100}, {1.1, 0.5}, {0.9, 0.5, 1});
  EXPECT_EQ(test.log_evidence(), before);
}

}  // namespace
}  // namespace weir::analysis
