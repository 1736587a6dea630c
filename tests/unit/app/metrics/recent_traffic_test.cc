#include "app/metrics/recent_traffic.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

Outcome ended(OutcomeClass what, std::uint64_t latency_us) {
  Outcome out;
  out.outcome = what;
  out.service = 0;
  out.version = 3;
  out.latency_us = latency_us;
  return out;
}

TEST(RecentTraffic, ShowsRateErrorsAndQuantiles) {
  ManualClock clock;
  RecentTraffic traffic(clock);
  for (int i = 1; i <= 100; ++i)
    traffic.record(ended(i <= 3 ? OutcomeClass::kHttp5xx : OutcomeClass::kOk, 1000 * static_cast<std::uint64_t>(i)));
  traffic.record(ended(OutcomeClass::kClientAbort, 1000));
  clock.advance(std::chrono::seconds(2));
  const TrafficFigures figures = traffic.of(3);
  EXPECT_EQ(figures.requests, 101U);
  EXPECT_DOUBLE_EQ(figures.per_second, 50.5);
  EXPECT_DOUBLE_EQ(figures.error_share, 0.03);
  ASSERT_TRUE(figures.p50_us && figures.p99_us);
  EXPECT_NEAR(*figures.p50_us, 50'000, 50'000 / 32);
  EXPECT_NEAR(*figures.p99_us, 99'000, 99'000 / 32);
}

TEST(RecentTraffic, ForgetsWhatIsTwoWindowsOld) {
  ManualClock clock;
  RecentTraffic traffic(clock);
  traffic.record(ended(OutcomeClass::kOk, 1000));
  clock.advance(RecentTraffic::kWindow);
  traffic.turn();
  EXPECT_GT(traffic.of(3).per_second, 0);
  clock.advance(RecentTraffic::kWindow);
  traffic.turn();
  EXPECT_EQ(traffic.of(3).per_second, 0);
  EXPECT_FALSE(traffic.of(3).p50_us);
  EXPECT_EQ(traffic.of(3).requests, 1U);
}

TEST(RecentTraffic, AnUnknownVersionHasNoFigures) {
  const ManualClock clock;
  const RecentTraffic traffic(clock);
  EXPECT_EQ(traffic.of(7).requests, 0U);
  EXPECT_FALSE(traffic.of(7).p99_us);
}

}  // namespace
}  // namespace weir::app
