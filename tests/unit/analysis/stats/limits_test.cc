// Rates against a fixed limit: what makes the test one that may be watched, and what it finds.
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/stats/limit_test.h"
#include "tests/unit/analysis/stats/golden.h"

namespace weir::analysis {
namespace {

using testing::expect_golden;

LimitTest seeded(double gamma) {
  LimitTest test;
  test.inject(std::log(gamma));
  return test;
}

// Computed from the formula by another program.
TEST(LimitTest, SumsLikelihoodRatiosOverTheOddsGrid) {
  LimitTest test = seeded(0.5);
  test.add(200, 5, 0.01, 1);
  expect_golden(test.log_evidence(), -0.071569326);
  test.inject(std::log(0.25 / 1440));
  test.add(150, 6, 0.01, 1.5);
  expect_golden(test.log_evidence(), 1.740838589);
}

// Of one observation, at the limit and below it.
TEST(LimitTest, NoFactorIsExpectedToBeAboveOneWithinTheLimit) {
  for (const double limit : {1e-6, 0.001, 0.01, 0.3, 0.9}) {
    LimitTest bad = seeded(1);
    bad.add(1, 1, limit, 1);
    LimitTest good = seeded(1);
    good.add(1, 0, limit, 1);
    for (const double rate : {limit, limit / 2, 0.0}) {
      const double expected = rate * std::exp(bad.log_evidence()) + (1 - rate) * std::exp(good.log_evidence());
      EXPECT_LE(expected, 1 + 1e-12) << limit << " " << rate;
    }
  }
}

TEST(LimitTest, TotalFailureTakesFewRequests) {
  LimitTest test = seeded(0.5);
  int requests = 0;
  for (; test.log_evidence() < std::log(100); ++requests) test.add(1, 1, 0.01, 1);
  EXPECT_LE(requests, 4);
}

TEST(LimitTest, SaysNothingWithoutALimitOrARequest) {
  LimitTest test = seeded(0.5);
  const double before = test.log_evidence();
  test.add(100, 100, 1, 1);
  test.add(100, 100, 0, 1);
  test.add(0, 0, 0.01, 1);
  EXPECT_EQ(test.log_evidence(), before);
  test.restart();
  test.add(100, 100, 0.01, 1);
  EXPECT_EQ(test.log_evidence(), kLogZero) << "nothing was injected";
}

// After a day without trouble at half the limit, a change is found nearly as fast as at the beginning.
TEST(LimitTest, FindsWhatBeginsLate) {
  const double limit = drift_limit(0.008, {1.1, 0.001});
  EXPECT_DOUBLE_EQ(limit, 0.0118);
  LimitTest test;
  for (int minute = 0; minute < 1440; ++minute) {
    test.inject(std::log(0.25 / 1440));
    test.add(1'000, 6, limit, 1);
    ASSERT_LT(test.log_evidence(), std::log(100));
  }
  int minutes = 0;
  for (; test.log_evidence() < std::log(100) && minutes < 10; ++minutes) {
    test.inject(std::log(0.25 / 1440));
    test.add(1'000, 40, limit, 1);
  }
  EXPECT_EQ(minutes, 1);
}

TEST(LimitTest, GoesOnWhereItWasSaved) {
  LimitTest test = seeded(0.5);
  test.add(100, 3, 0.01, 1);
  LimitTest restored;
  restored.set_state(test.state());
  test.add(100, 2, 0.01, 1);
  restored.add(100, 2, 0.01, 1);
  EXPECT_EQ(restored.log_evidence(), test.log_evidence());
}

}  // namespace
}  // namespace weir::analysis
