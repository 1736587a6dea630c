#include "app/metrics/request_metrics.h"

#include <gtest/gtest.h>

#include <numeric>

namespace weir::app {
namespace {

class RequestMetricsTest : public testing::Test {
 protected:
  Outcome outcome(OutcomeClass what, std::uint64_t latency_us) const {
    Outcome out;
    out.outcome = what;
    out.service = service_;
    out.route = route_;
    out.version = version_;
    out.latency_us = latency_us;
    return out;
  }

  Names names_;
  ServiceId service_ = names_.services.intern("chat");
  RouteId route_ = names_.routes.intern("route-1");
  VersionId version_ = names_.version("chat", "v1");
  RequestMetrics metrics_{names_};
};

TEST_F(RequestMetricsTest, CountsByClassUnderNames) {
  metrics_.record(outcome(OutcomeClass::kOk, 1500));
  metrics_.record(outcome(OutcomeClass::kOk, 1500));
  metrics_.record(outcome(OutcomeClass::kHttp5xx, 1500));
  const RequestTotals totals = metrics_.totals();
  ASSERT_EQ(totals.requests.size(), 1U);
  EXPECT_EQ(totals.requests[0].service, "chat");
  EXPECT_EQ(totals.requests[0].route, "route-1");
  EXPECT_EQ(totals.requests[0].version, "v1");
  EXPECT_EQ(totals.requests[0].by_class[static_cast<std::size_t>(OutcomeClass::kOk)], 2U);
  EXPECT_EQ(totals.requests[0].by_class[static_cast<std::size_t>(OutcomeClass::kHttp5xx)], 1U);
}

TEST_F(RequestMetricsTest, ABucketHoldsItsUpperBound) {
  metrics_.record(outcome(OutcomeClass::kOk, 0));
  metrics_.record(outcome(OutcomeClass::kOk, 10'000));  // exactly 0.01
  metrics_.record(outcome(OutcomeClass::kOk, 10'001));
  metrics_.record(outcome(OutcomeClass::kOk, 3'600'000'000));  // an hour
  const DurationSeries series = metrics_.totals().durations.at(0);
  EXPECT_EQ(series.buckets[0], 1U);
  EXPECT_EQ(series.buckets[3], 1U);
  EXPECT_EQ(series.buckets[4], 1U);
  EXPECT_EQ(series.buckets.back(), 1U);
  EXPECT_EQ(series.sum_us, 3'600'020'001U);
}

TEST_F(RequestMetricsTest, WhatStillRunsOrHasNoVersionIsNotCounted) {
  Outcome slow = outcome(OutcomeClass::kOk, 5);
  slow.kind = Outcome::Kind::kSlow;
  metrics_.record(slow);
  metrics_.record(Outcome{});
  EXPECT_TRUE(metrics_.totals().requests.empty());
}

TEST_F(RequestMetricsTest, SeriesAreBounded) {
  for (std::uint32_t i = 0; i < RequestMetrics::kSeriesLimit + 100; ++i) {
    Outcome one = outcome(OutcomeClass::kOk, 5);
    one.route = i;
    metrics_.record(one);
  }
  const RequestTotals totals = metrics_.totals();
  EXPECT_EQ(totals.requests.size(), RequestMetrics::kSeriesLimit + 1);
  std::uint64_t other = 0;
  for (const RequestSeries& series : totals.requests) {
    if (series.route == "other") other = series.by_class[0];
  }
  EXPECT_EQ(other, 100U);
}

}  // namespace
}  // namespace weir::app
