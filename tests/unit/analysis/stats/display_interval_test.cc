// What is shown to people: the golden values, and blocks.
#include "analysis/stats/display_interval.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/analysis/stats/golden.h"

namespace weir::analysis {
namespace {

using testing::expect_golden;

TEST(DisplayInterval, HalfWidthIsTheGoldenOne) {
  expect_golden(mixture_half_width(0.11, 1500), 0.008646113);
  expect_golden(mixture_half_width(0.045, 20000), 0.001061784);
}

TEST(DisplayInterval, BlocksAreWeighedAsTheGoldenOnesAre) {
  DisplayInterval interval(true);
  interval.add(TickRates{1900, 19, 100, 2}, 60);
  interval.add(TickRates{1500, 16, 500, 9}, 60);
  interval.add(TickRates{900, 11, 900, 20}, 60);
  const Difference difference = interval.difference().value();
  expect_golden(difference.value, 0.008913043);
  expect_golden(difference.standard_error, 0.003987916);
  EXPECT_EQ(difference.candidate_n, 1500);
  expect_golden(difference.half_width(1), mixture_half_width(0.003987916 * std::sqrt(1500), 1500));
  expect_golden(difference.half_width(4), 2 * difference.half_width(1));
}

TEST(DisplayInterval, ABlockIsAMinuteHoweverItIsCutIntoTicks) {
  DisplayInterval in_minutes(true);
  DisplayInterval in_tenths(true);
  for (const std::uint64_t failures : {1, 2}) {
    in_minutes.add(TickRates{6000, 600, 1200, 600 * failures}, 60);
    for (int i = 0; i < 600; ++i) in_tenths.add(TickRates{10, 1, 2, failures}, 0.1);
    EXPECT_EQ(in_tenths.state().block_s, 0);
  }
  EXPECT_DOUBLE_EQ(in_tenths.difference()->value, in_minutes.difference()->value);
  EXPECT_DOUBLE_EQ(in_tenths.difference()->standard_error, in_minutes.difference()->standard_error);
}

// With 10 % failing before and 50 % after, in both arms: what is pooled says that the candidate, which had most of its
// requests after, is far worse.
TEST(DisplayInterval, ANewSplitIsNoDifference) {
  DisplayInterval interval(true);
  interval.add(TickRates{900, 90, 100, 10}, 20);
  interval.end_block();
  interval.add(TickRates{100, 50, 900, 450}, 20);
  EXPECT_NEAR(interval.difference()->value, 0, 1e-12);
}

TEST(DisplayInterval, ShowsTheOpenBlockAsSoonAsBothArmsAreInIt) {
  DisplayInterval interval(true);
  EXPECT_FALSE(interval.difference());
  interval.add(TickRates{100, 1, 0, 0}, 1);
  EXPECT_FALSE(interval.difference());
  interval.add(TickRates{0, 0, 10, 1}, 1);
  EXPECT_NEAR(interval.difference()->value, 0.09, 1e-12);
}

TEST(DisplayInterval, AnArmThatIsMissingInABlockSaysNothingInIt) {
  DisplayInterval interval(true);
  interval.add(TickRates{1900, 19, 100, 2}, 60);
  const Difference before = interval.difference().value();
  interval.add(TickRates{5000, 500, 0, 0}, 60);
  interval.add(TickRates{0, 0, 70, 7}, 60);
  EXPECT_EQ(interval.difference()->value, before.value);
  EXPECT_EQ(interval.difference()->candidate_n, 100);
}

TEST(DisplayInterval, OfMeansUsesTheSpreadWithinTheArms) {
  TickMeans tick;
  for (const double y : {0.1, 0.3}) tick.baseline.add(value_of(y));
  for (const double y : {0.5, 0.7, 0.9}) tick.candidate.add(value_of(y));
  DisplayInterval interval(false);
  interval.add(tick, 60);
  const Difference difference = interval.difference().value();
  EXPECT_NEAR(difference.value, 0.5, 1e-12);
  // Squared differences of 0.02 and 0.08 within the arms, over 5 - 2.
  EXPECT_NEAR(difference.standard_error, std::sqrt(0.1 / 3 * (1.0 / 2 + 1.0 / 3)), 1e-12);
  DisplayInterval restored(false);
  restored.restore(interval.state());
  EXPECT_EQ(restored.difference()->value, difference.value);
}

// Values of answers that are twice as long are twice as far from the middle.
TEST(DisplayInterval, OfLongerAnswersAreNoFartherApart) {
  ValueSums near;
  ValueSums far;
  for (const std::uint64_t value : {5'600ULL, 5'200ULL, 4'900ULL, 5'500ULL}) near.add(value);
  for (const std::uint64_t value : {6'200ULL, 5'400ULL, 4'800ULL, 6'000ULL}) far.add(value);
  DisplayInterval alike(false);
  alike.add(TickMeans{.baseline = near, .candidate = near}, 1);
  DisplayInterval longer(false);
  longer.add(TickMeans{.baseline = near, .candidate = far}, 1, 2);
  ASSERT_TRUE(alike.difference() && longer.difference());
  EXPECT_NEAR(longer.difference()->value, 0, 1e-12);
  EXPECT_NEAR(longer.difference()->standard_error, alike.difference()->standard_error, 1e-12);
}

}  // namespace
}  // namespace weir::analysis
