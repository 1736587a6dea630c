// What a guard allows for: STATISTICS.md 4.0, "advance slack". The values are computed by hand from its table.
#include "analysis/judge/guard_rule.h"

#include <gtest/gtest.h>

namespace weir::analysis {
namespace {

config::Guard guard_on(config::GuardMetric metric, double absolute) {
  config::Guard guard;
  guard.metric = metric;
  guard.relative = 0.1;
  guard.absolute = absolute;
  return guard;
}

config::Guard latency(double quantile) {
  config::Guard guard;
  guard.metric = config::GuardMetric::kLatency;
  guard.quantile = quantile;
  guard.relative = 0.2;
  return guard;
}

// 4.5: d = margin x mean(N) / (2 z_max), and toward advance up to where scores go.
TEST(GuardRule, TheMarginOfARatioIsOfWhatItsNumeratorIsOnAverage) {
  config::Guard guard;
  guard.metric = config::GuardMetric::kTokensPerSecond;
  guard.relative = 0.05;
  const double cap = 2 * 600.0 / 240;  // z_max, and the mean of N
  EXPECT_EQ(rollback_margin(guard, cap).factor, 1);
  EXPECT_DOUBLE_EQ(rollback_margin(guard, cap).absolute, 0.01);
  EXPECT_DOUBLE_EQ(advance_margin(guard, 1, cap).absolute, 0.01);
  EXPECT_DOUBLE_EQ(advance_margin(guard, 0.25, cap).absolute, 0.04);
  EXPECT_DOUBLE_EQ(advance_margin(guard, 0.01, cap).absolute, 0.1);
  EXPECT_EQ(advance_margin(guard, 0.01, cap).factor, 1);
  guard.relative = 1;
  EXPECT_DOUBLE_EQ(advance_margin(guard, 0.01, cap).absolute, 0.2) << "never less than the plan allows";
  guard.relative = 0;
  EXPECT_EQ(rollback_margin(guard, cap).absolute, 0);
  EXPECT_DOUBLE_EQ(advance_margin(guard, 1, cap).absolute, 0.01) << "as by default, and no more, whatever the scale";
}

TEST(GuardRule, TheHarmOfAStepIsAShareOfAllTraffic) {
  using Metric = config::GuardMetric;
  struct Case {
    config::Guard guard;
    double next_weight;
    double margin;  // d_k
  };
  const Case cases[] = {
      // d_slack / w_next, from the plan's `absolute` or the table's, up to the cap, and never less than d.
      {guard_on(Metric::kErrorRate, 0.001), 0.05, 0.02},
      {guard_on(Metric::kErrorRate, 0.001), 0.25, 0.004},
      {guard_on(Metric::kErrorRate, 0.001), 0.01, 0.05},
      {guard_on(Metric::kErrorRate, 0.001), 1, 0.001},
      {guard_on(Metric::kErrorRate, 0), 0.25, 0.004},
      {guard_on(Metric::kErrorRate, 0), 1, 0.001},
      {guard_on(Metric::kErrorRate, 0.01), 0.25, 0.04},
      {guard_on(Metric::kErrorRate, 0.2), 0.25, 0.2},
      {guard_on(Metric::kCapacityRate, 0), 0.5, 0.02},
      {guard_on(Metric::kCapacityRate, 0.01), 0.05, 0.1},
      {guard_on(Metric::kClientErrorRate, 0), 0.25, 0.04},
      {guard_on(Metric::kClientErrorRate, 0.01), 0.05, 0.1},
      {guard_on(Metric::kClientAbortRate, 0), 0.25, 0.08},
      {guard_on(Metric::kClientAbortRate, 0.02), 0.1, 0.1},
      // A tenth of the quantile's tail, up to three of it or 15 %.
      {latency(0.99), 1, 0.001},
      {latency(0.99), 0.05, 0.02},
      {latency(0.99), 0.01, 0.03},
      {latency(0.9), 0.25, 0.04},
      {latency(0.9), 0.05, 0.15},
      {latency(0.5), 1, 0.05},
      {latency(0.5), 0.25, 0.15},
      // Nobody to come: what the plan allows, and nothing more.
      {guard_on(Metric::kErrorRate, 0.001), 0, 0.001},
  };
  for (const Case& c : cases) {
    const Margin margin = advance_margin(c.guard, c.next_weight);
    EXPECT_NEAR(margin.absolute, c.margin, 1e-12) << guard_name(c.guard) << " before " << c.next_weight;
    EXPECT_EQ(margin.factor, rollback_margin(c.guard).factor);
  }
}

}  // namespace
}  // namespace weir::analysis
