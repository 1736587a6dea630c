// How many requests of the same users count as one: the golden values, and what has none.
#include "analysis/stats/design_effect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "tests/unit/analysis/stats/golden.h"

namespace weir::analysis {
namespace {

using testing::expect_golden;

TEST(DesignEffect, OfARateIsTheGoldenOne) {
  const std::vector<ClusterCount> baseline = {{100, 1}, {110, 0}, {90, 2},  {105, 6},
                                              {95, 0},  {100, 1}, {108, 1}, {92, 1}};
  const std::vector<ClusterCount> candidate = {{5, 0}, {6, 0}, {4, 1}, {5, 3}, {7, 0}, {5, 0}, {4, 0}, {6, 1}};
  const Spread b = spread(baseline);
  const Spread c = spread(candidate);
  expect_golden(b.between, 29.468628571);
  expect_golden(b.within, 11.82);
  expect_golden(c.between, 9.461613217);
  expect_golden(c.within, 4.404761905);
  expect_golden(c.effective_clusters, 7.736842105);
  const DesignEffect effect = design_effect(b, c, 1.1, 8);
  expect_golden(effect.phi, 2.332173507);
  expect_golden(effect.few, 3.363356197);
  expect_golden(effect.divisor, 6.365569023);
  expect_golden(effect.advance_divisor, 7.448181435);
  expect_golden(few_clusters(5), 9.175843417);
  expect_golden(few_clusters(20), 1.478372643);
  expect_golden(few_clusters(100), 1.074161310);
}

// As 4.7 writes it, over all clusters at once.
double between_of(const std::vector<ClusterCount>& clusters) {
  double n = 0;
  double x = 0;
  for (const ClusterCount& cluster : clusters) {
    n += static_cast<double>(cluster.n);
    x += static_cast<double>(cluster.x);
  }
  double sum = 0;
  for (const ClusterCount& cluster : clusters) {
    const double difference = static_cast<double>(cluster.x) - x / n * static_cast<double>(cluster.n);
    sum += difference * difference;
  }
  const auto g = static_cast<double>(clusters.size());
  return g / (g - 1) * sum;
}

TEST(DesignEffect, OfSumsThatGrewIsThatOfTheClusters) {
  Random random(5);
  for (const std::uint32_t most : {3U, 1'000U, 20'000'000U}) {
    std::vector<ClusterCount> clusters(256);
    ClusterSums sums;
    for (int tick = 0; tick < 3'000; ++tick) {
      ClusterCount& cluster = clusters[std::min(random.below(256), random.below(256))];
      const std::uint64_t n = random.below(most) + 1;
      const ClusterCount more{n, n * random.below(50) / 100};
      sums.add(cluster, more);
      cluster.n += more.n;
      cluster.x += more.x;
    }
    const Spread grown = spread(sums, clusters.size());
    EXPECT_NEAR(grown.between, between_of(clusters), 1e-8 * grown.between) << most;
    EXPECT_EQ(grown.between, spread(clusters).between) << "exact, whatever the order";
    EXPECT_EQ(grown.effective_clusters, spread(clusters).effective_clusters);
  }
}

// Computed from the formula by another program.
TEST(DesignEffect, OfAMeanHasAPriorOfTwentyObservations) {
  const std::vector<ClusterCount> baseline = {{10, 20'000}, {12, 30'000}, {8, 9'000}, {10, 41'000}};
  const std::vector<ClusterCount> candidate = {{2, 3'000}, {3, 12'000}, {1, 5'000}, {2, 1'500}};
  const Spread b = mean_spread(baseline, 351'300'000);
  const Spread c = mean_spread(candidate, 85'150'000);
  expect_golden(b.between, 5.360000000);
  expect_golden(b.within, 1.013000000);
  expect_golden(c.between, 0.553437500);
  expect_golden(c.within, 0.273687500);
  expect_golden(b.prior_mass, 0.506500000);
  const DesignEffect effect = design_effect(b, c, 1.05, 4);
  expect_golden(effect.phi, 4.206544304);
  expect_golden(effect.divisor, 108.903152071);
  expect_golden(effect.advance_divisor, 157.872593649);
}

TEST(DesignEffect, OfAMeanOfZerosAndOnesSpreadsAsARate) {
  const std::vector<ClusterCount> rate = {{5, 0}, {6, 0}, {4, 1}, {5, 3}, {7, 0}, {5, 0}, {4, 0}, {6, 1}};
  std::vector<ClusterCount> mean = rate;
  std::uint64_t s2 = 0;
  for (ClusterCount& cluster : mean) {
    s2 += cluster.x * 10'000 * 10'000;
    cluster.x *= 10'000;
  }
  const Spread as_rate = spread(rate);
  const Spread as_mean = mean_spread(mean, s2);
  expect_golden(as_mean.between, as_rate.between);
  expect_golden(as_mean.within, as_rate.within);
  EXPECT_EQ(as_mean.effective_clusters, as_rate.effective_clusters);
  EXPECT_EQ(as_rate.prior_mass, 5);
  expect_golden(as_mean.prior_mass, 20 * as_rate.within / 42);
}

TEST(DesignEffect, OfValuesThatNeverDifferIsOne) {
  const std::vector<ClusterCount> same = {{3, 15'000}, {5, 25'000}, {2, 10'000}};
  const Spread arm = mean_spread(same, 10 * 5'000 * 5'000);
  EXPECT_EQ(arm.within, 0);
  EXPECT_EQ(design_effect(arm, arm, 1, 3).divisor, 1);
  EXPECT_EQ(own_divisor(arm, 3), 1);
}

TEST(DesignEffect, OfOneArmAloneIsItsOwnSpread) {
  const std::vector<ClusterCount> arm = {{5, 0}, {6, 0}, {4, 1}, {5, 3}, {7, 0}, {5, 0}, {4, 0}, {6, 1}};
  expect_golden(own_divisor(spread(arm), 8), 5.126968791);
  const std::vector<ClusterCount> empty(8);
  EXPECT_EQ(own_divisor(spread(empty), 8), 1);
}

}  // namespace
}  // namespace weir::analysis
