// What a guard will see: the golden values, what simulation measured, and the questions of a plan's author.
#include "analysis/stats/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "tests/unit/analysis/stats/golden.h"

namespace weir::analysis {
namespace {

using testing::expect_golden;

TEST(Forecast, OfRatesIsTheGoldenOne) {
  struct Case {
    TestSide side;
    RateOutlook outlook;
    double evidence, drift, n50, n95;
  };
  constexpr auto kRollback = TestSide::kRollback;
  constexpr auto kAdvance = TestSide::kAdvance;
  const std::vector<Case> cases = {
      {kRollback, {{0.001, 0.01}, 0.05, {1.1, 0.001}}, 7.706263, 0.007281433, 1058.344, 2538.021},
      {kAdvance, {{0.001, 0.001}, 0.05, {1.1, 0.004}}, 3.218876, 0.002459098, 1308.966, 2693.278},
      {kRollback, {{0.01, 0.02}, 0.01, {1.1, 0.001}}, 7.706263, 0.002199023, 3504.404, 7657.936},
      {kAdvance, {{0.01, 0.01}, 0.01, {1.1, 0.004}}, 3.218876, 0.000951144, 3384.215, 8596.992},
      {kRollback, {{0.02, 0.05}, 0.25, {1.1, 0.005}}, 7.706263, 0.005805846, 1327.328, 2744.745},
      {kAdvance, {{0.02, 0.02}, 0.25, {1.1, 0.02}}, 3.218876, 0.006443002, 499.593, 1245.834}};
  for (const Case& c : cases) {
    const Forecast found = forecast(c.outlook, c.side, c.evidence);
    expect_golden(found.drift, c.drift);
    expect_golden(found.n50, c.n50);
    expect_golden(found.n95, c.n95);
    EXPECT_FALSE(found.never());
  }
}

TEST(Forecast, OfAMeanIsTheGoldenOne) {
  const MeanOutlook outlook{{0.2, 0.0225}, {0.25, 0.0225}, 0.05, {1, 0.02}};
  const Forecast found = forecast(outlook, TestSide::kRollback, 8.399410);
  expect_golden(found.drift, 0.014887401);
  expect_golden(found.n50, 564.196);
  expect_golden(found.n95, 974.319);
}

// Observations are worth the same, whenever they come; of another weight they are worth more or less.
TEST(Forecast, CountsWhatIsEvidenceAlready) {
  const RateOutlook rates{{0.001, 0.001}, 0.05, {1.1, 0.004}};
  const MeanOutlook means{{0.2, 0.0225}, {0.2, 0.0225}, 0.05, {1, 0.02}};
  const auto of_rates = [&](std::vector<Earlier> earlier) {
    return forecast(rates, TestSide::kAdvance, 3.2, earlier);
  };
  const auto of_means = [&](std::vector<Earlier> earlier) {
    return forecast(means, TestSide::kAdvance, 4.2, earlier);
  };
  for (const auto& of : {std::function<Forecast(std::vector<Earlier>)>(of_rates), {of_means}}) {
    const Forecast anew = of({});
    const Forecast later = of({{60, 0.05}, {40, 0.05}});
    expect_golden(later.n50, anew.n50 - 100);
    expect_golden(later.n95, anew.n95 - 100);
    EXPECT_EQ(of({{1.01 * anew.n50, 0.05}}).n50, 0);
    EXPECT_GT(of({{1.01 * anew.n50, 0.05}}).n95, 0);
    EXPECT_EQ(of({{1.01 * anew.n95, 0.05}}).n95, 0);
    EXPECT_GT(of({{100, 0.25}}).n50, later.n50) << "fewer of the baseline's come with them";
  }
}

TEST(Forecast, EvidenceNeededIsTheGoldenOne) {
  expect_golden(rollback_evidence(0.01, 0.3, 0.5), 7.706263);
  expect_golden(rollback_evidence(0.01, 0.15, 0.5), 8.399410);
  expect_golden(advance_evidence_of_rate(0.05), 3.218876);
  expect_golden(advance_evidence_of_mean(0.05), 2.995732 + std::log(10.0 / 3));
}

// The population of the simulations: latency exp(0.6 z), z standard normal; thresholds at `quantile` (of z) times
// `factor`; a share of the candidate's requests takes `slowdown` times as long.
struct SlowShare {
  double quantile, factor, share, slowdown;

  Rates rates() const {
    const auto above = [](double z) { return 0.5 * std::erfc(z / std::sqrt(2)); };
    const double threshold = std::log(factor) + 0.6 * quantile;
    const double slow = above((threshold - std::log(slowdown)) / 0.6);
    return {above(quantile), (1 - share) * above(threshold / 0.6) + share * slow};
  }
};

// n50 and n95 as they were printed, rounded, when they were compared with simulations at w = 5 %.
TEST(Forecast, OfTheSimulatedRegressionsIsWhatWasComparedWithThem) {
  struct Case {
    Rates truth;
    Margin margin;
    double share_of_error, n50, n95;
  };
  const std::vector<Case> cases = {
      {{0.001, 0.01}, {1.1, 0.001}, 0.30, 1058, 2538},                          // errors
      {{0.001, 0.05}, {1.1, 0.001}, 0.30, 81, 215},                             //
      {{0.01, 0.02}, {1.1, 0.001}, 0.30, 3683, 7997},                           //
      {(SlowShare{0, 1.05, 1, 1.1}).rates(), {1, 0}, 0.10, 5120, 9426},         // all 10 % slower, seen by p50
      {(SlowShare{2.3263479, 1.2, 0.05, 10}).rates(), {1, 0}, 0.15, 239, 550},  // one in 20 slow, seen by p99
      {{0.02, 0.04}, {1.1, 0.005}, 0.10, 3400, 6672}};                          // hallucinations
  for (const Case& c : cases) {
    const double evidence = rollback_evidence(0.01, c.share_of_error, 0.5);
    const Forecast found = forecast({c.truth, 0.05, c.margin}, TestSide::kRollback, evidence);
    EXPECT_NEAR(found.n50, c.n50, 1) << c.truth.candidate;
    EXPECT_NEAR(found.n95, c.n95, 1) << c.truth.candidate;
  }
}

// Of f(z), z standard normal.
Moments moments(const std::function<double(double)>& f) {
  double weights = 0;
  double sum = 0;
  double squares = 0;
  for (double z = -8; z <= 8; z += 1e-3) {
    const double weight = std::exp(-z * z / 2);
    weights += weight;
    sum += weight * f(z);
    squares += weight * f(z) * f(z);
  }
  const double mean = sum / weights;
  return {mean, squares / weights - mean * mean};
}

// Simulated medians and 95th percentiles, of 200 runs each.
TEST(Forecast, OfMeansIsNearWhatSimulationMeasured) {
  const auto badness = [](double score) {
    return moments([=](double z) { return 1 - std::clamp(score + 0.15 * z, 0.0, 1.0); });
  };
  const Forecast relevance = forecast(MeanOutlook{badness(0.80), badness(0.75), 0.05, {1, 0.02}}, TestSide::kRollback,
                                      rollback_evidence(0.01, 0.15, 0.5));
  EXPECT_NEAR(relevance.n50, 651, 0.02 * 651);
  EXPECT_NEAR(relevance.n95, 1133, 0.02 * 1133);
  const auto tokens = [](double factor) {
    return moments([=](double z) { return std::min(4096.0, factor * 250 * std::exp(0.8 * z)) / 4096; });
  };
  const Forecast longer = forecast(MeanOutlook{tokens(1), tokens(1.15), 0.05, {1.05, 0}}, TestSide::kRollback,
                                   rollback_evidence(0.01, 0.10, 0.5));
  EXPECT_NEAR(longer.n50, 2383, 0.03 * 2383);
  EXPECT_NEAR(longer.n95, 3935, 0.12 * 3935);
}

TEST(Forecast, WithinTheMarginNothingIsEverSeen) {
  const RateOutlook within{{0.01, 0.0115}, 0.05, {1.1, 0.001}};
  EXPECT_TRUE(forecast(within, TestSide::kRollback, 7.7).never());
  EXPECT_EQ(forecast(within, TestSide::kRollback, 7.7).n95, std::numeric_limits<double>::infinity());
  const MeanOutlook mean_within{{0.2, 0.02}, {0.215, 0.02}, 0.05, {1, 0.02}};
  EXPECT_TRUE(forecast(mean_within, TestSide::kRollback, 7.7).never());
  // Without a slack, as good as the baseline is no better than the margin: nobody could tell, ever.
  EXPECT_TRUE(forecast(RateOutlook{{0.01, 0.01}, 0.05, {1, 0}}, TestSide::kAdvance, 3.2).never());
  // Nothing could be worse than a margin of everything.
  EXPECT_TRUE(forecast(RateOutlook{{0.5, 1}, 0.05, {1.1, 0.5}}, TestSide::kRollback, 7.7).never());
}

TEST(Forecast, AGateThatAllowsForEverythingPassesAtOnce) {
  const Forecast found = forecast(RateOutlook{{0.6, 0.6}, 0.05, {1.1, 0.5}}, TestSide::kAdvance, 3.2);
  EXPECT_FALSE(found.never());
  EXPECT_EQ(found.n95, 0);
}

TEST(Forecast, UsersWhoReturnCostTheirFactor) {
  const RateOutlook alone{{0.001, 0.01}, 0.05, {1.1, 0.001}};
  RateOutlook sticky = alone;
  sticky.divisor = 3;
  const Forecast fast = forecast(alone, TestSide::kRollback, 7.7);
  const Forecast slow = forecast(sticky, TestSide::kRollback, 7.7);
  expect_golden(slow.n50, 3 * fast.n50);
  expect_golden(slow.n95, 3 * fast.n95);
  expect_golden(slow.variance, fast.variance / 3);
}

TEST(Forecast, NothingIsDecidedByLessThanThreeRequests) {
  expect_golden(seconds_for(1058, 0.05, 100), 211.6);
  expect_golden(seconds_for(0.4, 0.05, 100), 0.6);
  expect_golden(seconds_for_most(2538, 0.05, 100), 507.6);
  // As simulated rollouts of 1 % have it, of a candidate that fails every request: 6.3 s (bench/results/decisions.md).
  expect_golden(seconds_for_most(0.4, 0.01, 100), 6.2957936);
}

TEST(SmallestFound, IsTheRateThatTakesAllTheRequests) {
  const RateOutlook outlook{{0.001, 0}, 0.05, {1.1, 0.001}};
  const double smallest = smallest_found(outlook, 7.706263, 2538.021).value();
  EXPECT_NEAR(smallest, 0.01, 1e-6);
  // More requests find less; ever fewer find only what is ever worse, and at last nothing.
  EXPECT_LT(smallest_found(outlook, 7.706263, 25'000).value(), smallest);
  EXPECT_GT(smallest_found(outlook, 7.706263, 250).value(), smallest);
  EXPECT_FALSE(smallest_found(outlook, 7.706263, 1));
  EXPECT_FALSE(smallest_found(RateOutlook{{0.5, 0}, 0.05, {1.1, 0.5}}, 7.706263, 1e9));
}

TEST(SmallestFound, IsTheMeanThatTakesAllTheRequests) {
  const MeanOutlook outlook{{0.2, 0.0225}, {0, 0.0225}, 0.05, {1, 0.02}};
  EXPECT_NEAR(smallest_found(outlook, 8.399410, 974.319).value(), 0.25, 1e-6);
  EXPECT_FALSE(smallest_found(outlook, 8.399410, 3));
}

// 10,000 requests that take 1.00 ms to 1.99 ms, evenly.
std::unique_ptr<WeightedHistogram> even_histogram() {
  auto counts = std::make_unique<WeightedHistogram>();
  for (std::uint64_t us = 10'000; us < 20'000; ++us) (*counts)[histogram_index(us)] += 1;
  return counts;
}

TEST(Latency, ShareAboveIsTheQuantileReadBackwards) {
  const auto counts = even_histogram();
  for (const double share : {0.9, 0.5, 0.1, 0.01}) {
    expect_golden(share_above(*counts, 10'000, upper_quantile_us(*counts, 10'000, share)), share);
  }
  EXPECT_EQ(share_above(*counts, 10'000, 0), 1);
  EXPECT_EQ(share_above(*counts, 10'000, 1e9), 0);
  EXPECT_EQ(share_above(*counts, 10'000, 1e18), 0);
  EXPECT_EQ(share_above(WeightedHistogram{}, 0, 5), 0);
}

TEST(Latency, ASlowdownBecomesAShareAboveTheThreshold) {
  const auto counts = even_histogram();
  const LatencyOutlook p50{.baseline = counts.get(), .total = 10'000, .tau = 0.5, .factor = 1.05, .absolute_us = 0};
  EXPECT_NEAR(p50.candidate_threshold_us(), 15'750, 20);
  EXPECT_EQ(exceedance_rates(p50, 1.1).baseline, 0.5);
  // 1.1 t > 15,750 of those between 10,000 and 20,000.
  EXPECT_NEAR(exceedance_rates(p50, 1.1).candidate, 0.568, 0.003);
  EXPECT_LT(exceedance_rates(p50, 1).candidate, 0.5);
  EXPECT_NEAR(slowdown_for(p50, exceedance_rates(p50, 1.1).candidate), 1.1, 1e-6);
  EXPECT_NEAR(slowdown_for(p50, 1), 1.575, 0.02);
  const LatencyOutlook slack{.baseline = counts.get(), .total = 10'000, .tau = 0.5, .factor = 1, .absolute_us = 5'000};
  EXPECT_NEAR(slack.candidate_threshold_us(), 20'000, 20);
}

TEST(Latency, TheSmallestSlowdownFoundIsMoreThanTheMargin) {
  const auto counts = even_histogram();
  const LatencyOutlook p50{.baseline = counts.get(), .total = 10'000, .tau = 0.5, .factor = 1.05, .absolute_us = 0};
  const double rate = smallest_found(RateOutlook{{p50.tau, 0}, 0.05, {1, 0}}, 8.8, 5'000).value();
  const double slowdown = slowdown_for(p50, rate);
  EXPECT_GT(slowdown, 1.05);
  EXPECT_LT(slowdown, 1.15);
  const RateOutlook slower{exceedance_rates(p50, slowdown), 0.05, {1, 0}};
  EXPECT_NEAR(forecast(slower, TestSide::kRollback, 8.8).n95, 5'000, 1);
}

}  // namespace
}  // namespace weir::analysis
