// The values that people rely on without having written them: a change of one is a change of what Weir promises.
#include <gtest/gtest.h>

#include "config/balancing.h"
#include "config/limits.h"
#include "config/retry.h"

namespace weir::config {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kKib = 1024;
constexpr std::uint64_t kMib = 1024 * kKib;

TEST(Presets, EdgeTimeouts) {
  const Timeouts edge = preset_timeouts(Preset::kEdge);
  EXPECT_EQ(edge.header, seconds(10));
  EXPECT_EQ(edge.body_idle, seconds(30));
  EXPECT_EQ(edge.keep_alive, seconds(60));
  EXPECT_EQ(edge.connect, seconds(2));
  EXPECT_EQ(edge.upstream_idle, seconds(4));
  EXPECT_EQ(edge.response_header, seconds(300));
  EXPECT_EQ(edge.response_idle, seconds(300));
  EXPECT_EQ(edge.total, kNever);
  EXPECT_EQ(edge.drain, seconds(30));
  EXPECT_EQ(edge.stream_drain, seconds(300));
  EXPECT_EQ(edge.drain_delay, seconds(0));
}

TEST(Presets, SidecarTimeouts) {
  const Timeouts sidecar = preset_timeouts(Preset::kSidecar);
  EXPECT_EQ(sidecar.header, seconds(30));
  EXPECT_EQ(sidecar.body_idle, seconds(60));
  EXPECT_EQ(sidecar.keep_alive, seconds(300));
  EXPECT_EQ(sidecar.connect, seconds(1));
  EXPECT_EQ(sidecar.upstream_idle, seconds(4));
  EXPECT_EQ(sidecar.response_header, kNever);
  EXPECT_EQ(sidecar.response_idle, kNever);
  EXPECT_EQ(sidecar.total, kNever);
  EXPECT_EQ(sidecar.drain, seconds(30));
  EXPECT_EQ(sidecar.stream_drain, seconds(300));
  EXPECT_EQ(sidecar.drain_delay, seconds(0));
}

TEST(Presets, Limits) {
  for (const Preset preset : {Preset::kEdge, Preset::kSidecar}) {
    const Limits limits = preset_limits(preset);
    const bool edge = preset == Preset::kEdge;
    EXPECT_EQ(limits.request_line, 8 * kKib);
    EXPECT_EQ(limits.field, 16 * kKib);
    EXPECT_EQ(limits.fields, 60 * kKib);
    EXPECT_EQ(limits.field_count, 100U);
    EXPECT_EQ(limits.response_fields, 80 * kKib);
    EXPECT_EQ(limits.response_field_count, 200U);
    EXPECT_EQ(limits.body, edge ? 64 * kMib : kUnlimited);
    EXPECT_EQ(limits.lookahead, 1 * kMib);
    EXPECT_EQ(limits.buffer, edge ? 32 * kKib : 64 * kKib);
    EXPECT_EQ(limits.connections, edge ? 20'000U : 4'096U);
    EXPECT_EQ(limits.upstream_connections, 1'024U);
    EXPECT_EQ(limits.pending, 1'024U);
  }
}

TEST(Presets, WhatEndpointsAreHeldTo) {
  const Retries retries;
  EXPECT_EQ(retries.attempts, 1U);
  EXPECT_TRUE(retries.when.on_connect_failure);
  EXPECT_FALSE(retries.when.on_reset || retries.when.on_timeout || retries.when.non_idempotent);
  EXPECT_TRUE(retries.when.on_status.empty());
  EXPECT_DOUBLE_EQ(retries.when.budget, 0.2);
  EXPECT_EQ(retries.when.min_concurrent, 3U);
  const HealthCheck check;
  EXPECT_EQ(check.interval, seconds(2));
  EXPECT_EQ(check.timeout, seconds(1));
  EXPECT_EQ(check.fall, 3U);
  EXPECT_EQ(check.rise, 2U);
  EXPECT_EQ(check.jitter_ppm, 100'000U);
  const Outlier outlier;
  EXPECT_EQ(outlier.consecutive_failures, 5U);
  EXPECT_EQ(Outlier::kWindow, seconds(10));
  EXPECT_EQ(outlier.ejection, seconds(30));
  EXPECT_EQ(outlier.max_ejection, seconds(300));
  EXPECT_EQ(outlier.max_ejected_ppm, 500'000U);
}

}  // namespace
}  // namespace weir::config
