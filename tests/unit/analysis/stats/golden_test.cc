// The golden values of STATISTICS.md section 5, at a relative tolerance of 1e-6.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "analysis/stats/log_sum.h"
#include "analysis/stats/quantile.h"
#include "analysis/stats/rate_test.h"
#include "tests/unit/analysis/stats/golden.h"

namespace weir::analysis {
namespace {

using testing::expect_golden;

TEST(Golden, Projection) {
  expect_golden(project({0.001, 0.01}, 0.05, {1.1, 0.001}).baseline, 0.001231770);
  expect_golden(project({0.001, 0.01}, 0.05, {1.1, 0.001}).candidate, 0.002354947);
  expect_golden(project({0.5, 0.6}, 0.25, {1, 0}).baseline, 0.525);
  expect_golden(project({0.0005, 0.9}, 0.01, {1.1, 0.001}).baseline, 0.008645168);
  expect_golden(project({0.0005, 0.9}, 0.01, {1.1, 0.001}).candidate, 0.010509685);
}

struct CoefficientCase {
  double pb, w;
  Margin margin;
  double kappa, pc, c1, c0, b1, b0;
};

TEST(Golden, Coefficients) {
  const std::vector<CoefficientCase> cases = {
      {0.001, 0.05, {1.1, 0.001}, 5, 0.010412535, 1.480360355, -0.008094882, -0.219085395, 0.000245213},
      {0.01, 0.5, {1, 0}, 2, 0.019801980, 0.284354282, -0.004987542, -0.398842567, 0.004962789},
      {0.001, 0.05, {1.1, 0.02}, 0.12, 0.002579904, -2.098948297, 0.018687168, 0.050541413, -0.000049334}};
  for (const CoefficientCase& c : cases) {
    const double pc = alternative_rate(c.margin.factor * c.pb + c.margin.absolute, c.kappa);
    const Coefficients found = coefficients({c.pb, pc}, c.w, c.margin);
    expect_golden(pc, c.pc);
    expect_golden(found.candidate_bad, c.c1);
    expect_golden(found.candidate_good, c.c0);
    expect_golden(found.baseline_bad, c.b1);
    expect_golden(found.baseline_good, c.b0);
  }
  const Margin margin{1.1, 0.001};
  const Coefficients first = coefficients({0.001, alternative_rate(1.1 * 0.001 + 0.001, 5)}, 0.05, margin);
  expect_golden(first.increment({.baseline_n = 2300, .baseline_x = 2, .candidate_n = 120, .candidate_x = 3}),
                3.619308214);
}

// Keeps what a judge keeps for one metric: the baseline's memory and the allocation.
struct Sequence {
  double xb;
  double nb;
  double nc_step = 0;
  double n_step = 0;

  void remember(const TickRates& tick, double dt) {
    const double keep = std::exp2(-std::min(dt / 300, static_cast<double>(tick.baseline_n) / 5000));
    xb = xb * keep + static_cast<double>(tick.baseline_x);
    nb = nb * keep + static_cast<double>(tick.baseline_n);
    nc_step += static_cast<double>(tick.candidate_n);
    n_step += static_cast<double>(tick.candidate_n + tick.baseline_n);
  }
};

TEST(Golden, SequenceOfABinaryRollback) {
  struct Line {
    double inject;
    TickRates tick;
    double dt, w, pb, log_e, xb, nb;
  };
  const std::vector<Line> lines = {
      {0.5, {95, 0, 5, 0}, 1, 0.05, 0.001219512, -0.756550616, 1.995384, 2090.384353},
      {0, {100, 0, 6, 2}, 1, 0.05, 0.001165858, 2.973968507, 1.990779, 2185.560115},
      {0, {90, 1, 4, 1}, 1, 0.051724138, 0.001114163, 4.038564839, 2.986185, 2270.516228},
      {0, {70, 0, 0, 0}, 1, 0.05, 0.001502332, 4.571477086, 2.979293, 2335.276277},
      {0.0625, {110, 0, 7, 3}, 1, 0.043859649, 0.001458654, 12.750890923, 2.972418, 2439.886872},
      {0.000173611111, {96, 0, 5, 1}, 0.5, 0.046579330, 0.001394609, 15.329571364, 2.968986, 2533.069832}};
  RateTest test(TestSide::kRollback);
  Sequence sequence{2, 2000};
  for (const Line& line : lines) {
    if (line.inject > 0) test.inject(std::log(line.inject));
    const Predicted before{baseline_rate(sequence.xb, sequence.nb), allocation(sequence.nc_step, sequence.n_step, 0.05),
                           1};
    EXPECT_NEAR(before.allocation, line.w, 1e-9);
    EXPECT_NEAR(before.baseline_rate, line.pb, 1e-9);
    test.add(line.tick, {1.1, 0.001}, before);
    sequence.remember(line.tick, line.dt);
    expect_golden(test.log_evidence(), line.log_e);
    EXPECT_NEAR(sequence.xb, line.xb, 1e-6);
    EXPECT_NEAR(sequence.nb, line.nb, 1e-6);
  }
}

TEST(Golden, SequenceOfALatencyRollback) {
  RateTest test(TestSide::kRollback);
  test.inject(std::log(0.5));
  Sequence sequence{50, 5000};
  const std::vector<std::pair<TickRates, double>> lines = {
      {{950, 9, 50, 2}, -0.334931613}, {{940, 11, 48, 3}, 0.994337555}, {{960, 8, 55, 4}, 3.915043446}};
  for (const auto& [tick, log_e] : lines) {
    test.add(tick, {1, 0}, {sequence.xb / sequence.nb, 0.05, 1.25});
    sequence.remember(tick, 1);
    expect_golden(test.log_evidence(), log_e);
  }
}

TEST(Golden, SequenceOfABinaryAdvance) {
  RateTest test(TestSide::kAdvance);
  Sequence sequence{7, 7000};
  const std::vector<std::pair<TickRates, double>> lines = {
      {{5940, 6, 60, 0}, 0.929535110}, {{11880, 11, 120, 0}, 3.062035843}, {{17820, 19, 180, 1}, 3.825236925}};
  for (const auto& [tick, log_e] : lines) {
    test.add(tick, {1.1, 0.02}, {baseline_rate(sequence.xb, sequence.nb), 0.01, 1});
    sequence.remember(tick, 1);
    expect_golden(test.log_evidence(), log_e);
  }
}

TEST(Golden, ATotalFailureIsDecidedWithinRequests) {
  struct Case {
    double w, xb, nb;
    TickRates tick;
    std::vector<double> log_e, log_we;
  };
  const std::vector<Case> cases = {{0.05,
                                    7,
                                    7000,
                                    {19, 0, 1, 1},
                                    {1.101001, 3.796723, 6.816067, 9.939696},
                                    {-0.102972, 2.592750, 5.612094, 8.735723}},
                                   {0.01,
                                    0,
                                    0,
                                    {99, 0, 1, 1},
                                    {1.863871, 6.039101, 10.528121, 15.066592},
                                    {0.659898, 4.835128, 9.324148, 13.862619}}};
  for (const Case& c : cases) {
    RateTest test(TestSide::kRollback);
    test.inject(std::log(0.5));
    Sequence sequence{c.xb, c.nb};
    for (std::size_t i = 0; i < c.log_e.size(); ++i) {
      test.add(c.tick, {1.1, 0.001}, {baseline_rate(sequence.xb, sequence.nb), c.w, 1});
      sequence.remember(c.tick, 1);
      EXPECT_NEAR(test.log_evidence(), c.log_e[i], 1e-6);
      EXPECT_NEAR(std::log(0.3) + test.log_evidence(), c.log_we[i], 1e-6);
    }
  }
}

TEST(Golden, Quantiles) {
  WeightedHistogram counts{};
  counts[200] = 500;
  counts[230] = 300;
  counts[260] = 120;
  counts[290] = 60;
  counts[320] = 15;
  counts[350] = 5;
  expect_golden(upper_quantile_us(counts, 1000, 0.1), 4714.666667);
  expect_golden(upper_quantile_us(counts, 1000, 0.01), 16725.333333);
  EXPECT_EQ(upper_quantile_us(WeightedHistogram{}, 0, 0.01), 0);
}

TEST(Golden, Combination) {
  const std::vector<double> log_e = {6.1, -0.4, 1.2, 2.2, -1, 0.3, -0.8};
  const std::vector<double> weights = {.30, .10, .10, .15, .10, .15, .10};
  std::vector<double> terms;
  for (std::size_t i = 0; i < log_e.size(); ++i) terms.push_back(std::log(weights[i]) + log_e[i]);
  expect_golden(log_sum(terms), 4.911141435);
  EXPECT_GE(log_sum(terms), -std::log(0.01)) << "the decision is a rollback";
}

TEST(LogSum, TreatsNothingAsNothing) {
  EXPECT_EQ(log_add(kLogZero, kLogZero), kLogZero);
  EXPECT_EQ(log_add(kLogZero, 2), 2);
  EXPECT_EQ(log_sum({}), kLogZero);
  EXPECT_NEAR(log_add(700, 700), 700 + std::log(2), 1e-12);
}

}  // namespace
}  // namespace weir::analysis
