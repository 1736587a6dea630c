// Means of values in [0, 1]: the golden values, and what makes the test one that may be
// watched, whatever the values' distribution.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "analysis/stats/bounded_value.h"
#include "analysis/stats/mean_test.h"
#include "base/random.h"
#include "tests/unit/analysis/stats/golden.h"

namespace weir::analysis {
namespace {

using testing::expect_golden;

// Sums as the golden values print them, of y.
ValueSums sums(std::uint64_t n, double s1, double s2) {
  return {n, static_cast<std::uint64_t>(std::llround(s1 * 1e4)), static_cast<std::uint64_t>(std::llround(s2 * 1e8))};
}

TEST(MeanTest, ContrastIsTheGoldenOne) {
  const TickMeans worse{.baseline = sums(760, 152, 47.5), .candidate = sums(40, 10.4, 3.6)};
  const MeanContrast rollback = mean_contrast(worse, {1, 0.02}, {0.2, 0.05, 1}, TestSide::kRollback);
  expect_golden(rollback.sum, 7.272727273);
  expect_golden(rollback.squares, 20.813397129);
  const TickMeans alike{.baseline = sums(100, 8.2, 1.2), .candidate = sums(100, 9.1, 1.5)};
  const MeanContrast advance = mean_contrast(alike, {1.05, 0}, {0.08, 0.5, 1}, TestSide::kAdvance);
  expect_golden(advance.sum, -0.534934498);
  expect_golden(advance.squares, 1.500400450);
}

struct Line {
  TickMeans tick;
  double mean;
  double log_rollback;
  double log_advance;
};

TEST(MeanTest, SequencesAreTheGoldenOnes) {
  const std::vector<Line> lines = {
      {{sums(570, 114.6, 36.1), sums(30, 8.1, 2.9)}, 0.200004286, -0.282392097, -0.313861361},
      {{sums(560, 112.2, 35), sums(32, 8, 2.8)}, 0.200083400, -0.074049236, -0.447640968},
      {{sums(580, 115.9, 36.9), sums(28, 7.7, 2.75)}, 0.200102342, 0.693493873, -0.597838959},
      {{sums(575, 114.1, 35.8), sums(31, 8.5, 3)}, 0.200083944, 1.740476884, -0.729213281}};
  MeanTest rollback(TestSide::kRollback);
  rollback.inject(std::log(0.5));
  MeanTest advance(TestSide::kAdvance);
  double sum = 1400;
  double n = 7000;
  for (const Line& line : lines) {
    const PredictedMean before{baseline_mean(sum, n), 0.05, 1};
    expect_golden(before.baseline_mean, line.mean);
    rollback.add(line.tick, {1, 0.02}, before);
    advance.add(line.tick, {1, 0.02}, before);
    expect_golden(rollback.log_evidence(), line.log_rollback);
    expect_golden(advance.log_evidence(), line.log_advance);
    const auto of_tick = static_cast<double>(line.tick.baseline.n);
    const double keep = std::exp2(-std::min(1.0 / 300, of_tick / 5000));
    sum = sum * keep + line.tick.baseline.sum();
    n = n * keep + of_tick;
  }
}

TEST(MeanTest, KnowsAMeanBeforeAnythingWasSeen) {
  EXPECT_EQ(baseline_mean(0, 0), 0.5);
  EXPECT_EQ(baseline_mean(0, 1e9), 0.001);
  EXPECT_EQ(baseline_mean(1e9, 1e9), 0.999);
}

TEST(MeanTest, ATickWithNothingInItSaysNothing) {
  MeanTest test(TestSide::kAdvance);
  const double before = test.log_evidence();
  test.add({}, {1, 0.02}, {0.2, 0.05, 1});
  EXPECT_EQ(test.log_evidence(), before);
}

// Of one observation: the candidate's with probability w. Three values are enough for any mean and any variance.
struct Arms {
  std::array<double, 3> baseline;
  std::array<double, 3> candidate;
  std::array<double, 3> values = {0, 0.5, 1};
};

double expected_factor(const Arms& arms, const Margin& margin, const PredictedMean& predicted, TestSide side) {
  double expected = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    TickMeans candidate;
    candidate.candidate.add(value_of(arms.values[i]));
    TickMeans baseline;
    baseline.baseline.add(value_of(arms.values[i]));
    for (const double stake : stake_grid()) {
      const double c = std::exp(mean_contrast(candidate, margin, predicted, side).log_factor(stake));
      const double b = std::exp(mean_contrast(baseline, margin, predicted, side).log_factor(stake));
      expected += (predicted.allocation * arms.candidate[i] * c + (1 - predicted.allocation) * arms.baseline[i] * b) /
                  static_cast<double>(stake_grid().size());
    }
  }
  return expected;
}

// A mean's three shares, with some weight in the middle.
std::array<double, 3> shares_of(double mean, double middle) {
  const double inner = middle * 2 * std::min(mean, 1 - mean);
  return {1 - mean - inner / 2, inner, mean - inner / 2};
}

// The whole promise: at the margin's edge, no factor is expected to be above 1, whatever was predicted of the baseline.
TEST(MeanTest, NoFactorIsExpectedToBeAboveOneAtTheEdge) {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    const Margin margin{1 + 0.2 * random.uniform(), 0.05 * random.uniform()};
    const double baseline = 0.75 * random.uniform();
    const double candidate = margin.factor * baseline + margin.absolute;
    const Arms arms{shares_of(baseline, random.uniform()), shares_of(candidate, random.uniform())};
    const PredictedMean predicted{0.001 + 0.998 * random.uniform(), 0.01 + 0.97 * random.uniform(), 1};
    EXPECT_LE(expected_factor(arms, margin, predicted, TestSide::kRollback), 1 + 1e-12);
    EXPECT_LE(expected_factor(arms, margin, predicted, TestSide::kAdvance), 1 + 1e-12);
  }
}

std::vector<ValueSums> random_sums(Random& random, std::size_t count) {
  std::vector<ValueSums> all(count);
  for (ValueSums& one : all) {
    for (std::uint64_t i = random.below(50); i > 0; --i) one.add(value_of(random.uniform()));
  }
  return all;
}

TEST(ValueSums, AreTheSameInWhateverOrderTheyAreMerged) {
  Random random(3);
  std::vector<ValueSums> parts = random_sums(random, 20);
  ValueSums forwards;
  for (const ValueSums& part : parts) forwards += part;
  for (int shuffle = 0; shuffle < 20; ++shuffle) {
    for (std::size_t i = parts.size(); i > 1; --i)
      std::swap(parts[i - 1], parts[random.below(static_cast<std::uint32_t>(i))]);
    ValueSums merged;
    for (const ValueSums& part : parts) merged += part;
    EXPECT_EQ(merged, forwards);
  }
}

TEST(ValueSums, OfATickSplitInTenSayTheSame) {
  Random random(4);
  const std::vector<ValueSums> baseline = random_sums(random, 10);
  const std::vector<ValueSums> candidate = random_sums(random, 10);
  const PredictedMean predicted{0.45, 0.3, 1.5};
  MeanTest in_parts(TestSide::kAdvance);
  TickMeans whole;
  for (std::size_t i = 0; i < 10; ++i) {
    in_parts.add({baseline[i], candidate[i]}, {1.1, 0.01}, predicted);
    whole.baseline += baseline[i];
    whole.candidate += candidate[i];
  }
  MeanTest at_once(TestSide::kAdvance);
  at_once.add(whole, {1.1, 0.01}, predicted);
  EXPECT_NEAR(in_parts.log_evidence(), at_once.log_evidence(), 1e-9);
}

TEST(ValueSums, ThatNoValuesHaveAreRefused) {
  Random random(5);
  for (const ValueSums& some : random_sums(random, 200)) EXPECT_TRUE(some.possible());
  ValueSums constant;
  for (int i = 0; i < 1'000'000; ++i) constant.add(3'333);
  EXPECT_TRUE(constant.possible());
  EXPECT_TRUE(ValueSums{}.possible());
  EXPECT_FALSE((ValueSums{0, 1, 1}.possible())) << "a sum of nothing";
  EXPECT_FALSE((ValueSums{1, 10'001, 10'001}.possible())) << "above 1";
  EXPECT_FALSE((ValueSums{1, 5'000, 50'000'001}.possible())) << "squares above the values";
  EXPECT_FALSE((ValueSums{10, 50'000, 100'000'000}.possible())) << "squares whose variance is negative";
  EXPECT_FALSE((ValueSums{1, ~0ULL, ~0ULL}.possible()));
  EXPECT_FALSE((ValueSums{~0ULL, ~0ULL, 5}.possible()));
}

TEST(ValueSums, ValuesAreRoundedAndBounded) {
  EXPECT_EQ(value_of(0.12345), 1235);
  EXPECT_EQ(value_of(-3), 0);
  EXPECT_EQ(value_of(1.5), kValueOne);
  EXPECT_EQ(value_of(std::nan("")), 0);
}

TEST(FrozenScale, IsEightTimesTheMeanAtTheFirstTickWithEnoughValues) {
  FrozenScale cap;
  cap.add(120 * 250.0, 120);
  EXPECT_FALSE(cap.value());
  EXPECT_EQ(cap.values_seen(), 120);
  cap.add(120 * 350.0, 120);
  EXPECT_EQ(cap.value(), 8 * 300);
  cap.add(1e9, 1000);
  EXPECT_EQ(cap.value(), 8 * 300) << "what came after it was frozen";
}

TEST(FrozenScale, WaitsForAValueToScaleBy) {
  FrozenScale cap;
  cap.add(0, 500);
  EXPECT_FALSE(cap.value());
  cap.add(std::nan(""), 1);
  cap.add(-1, 1);
  EXPECT_EQ(cap.values_seen(), 500);
  cap.add(500, 500);
  EXPECT_EQ(cap.value(), 4);
}

TEST(FrozenScale, ThePlansOwnIsThereAtOnce) {
  FrozenScale cap(4096);
  cap.add(200 * 10.0, 200);
  EXPECT_EQ(cap.value(), 4096);
}

TEST(FrozenScale, IsNeverBelowTheLeast) {
  FrozenScale scale;
  scale.add(0, 199, 30);
  EXPECT_FALSE(scale.value());
  scale.add(100, 1, 30);
  EXPECT_EQ(scale.value(), 30);
  FrozenScale wide;
  wide.add(200 * 10.0, 200, 30);
  EXPECT_EQ(wide.value(), 80);
}

}  // namespace
}  // namespace weir::analysis
