#include "analysis/forecast/step_time.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "config/guards.h"

namespace weir::analysis {
namespace {

using namespace std::chrono_literals;
using Kind = Bottleneck::Kind;

config::Guard latency(double quantile, double relative) {
  config::Guard guard;
  guard.metric = config::GuardMetric::kLatency;
  guard.quantile = quantile;
  guard.relative = relative;
  return guard;
}

BaselineTraffic traffic(double rps) {
  BaselineTraffic out;
  out.rps = rps;
  out.rates.fill(0.001);
  out.latency_history = 1e6;
  assume_latency(out, 100'000);
  return out;
}

config::Rollout rollout(std::vector<config::Step> steps) {
  config::Rollout out;
  out.analysis.guards = config::default_guards();
  out.steps = std::move(steps);
  return out;
}

config::Step step(std::uint32_t ppm, std::vector<std::variant<config::Hold, config::Pause>> stages) {
  return {.weight_ppm = ppm, .stages = std::move(stages)};
}

constexpr config::Hold kShort{.at_least = 0s, .min_requests = 1, .at_most = 6h};

TEST(AssumedLatency, IsTheLognormalOfTheSimulations) {
  const BaselineTraffic assumed = traffic(1);
  const auto quantile = [&](double tau) { return upper_quantile_us(assumed.latency, assumed.latency_total, tau); };
  EXPECT_NEAR(quantile(0.5), 100'000, 500);
  EXPECT_NEAR(quantile(0.01), 100'000 * std::exp(0.6 * 2.3263479), 4'000);
}

// STATISTICS.md 6.5: simulated medians in seconds at 100 requests a second, gate by gate.
TEST(StepTime, OfAHealthyCandidateIsNearWhatSimulationMeasured) {
  config::Rollout plan = rollout({step(10'000, {kShort}), step(50'000, {kShort}), step(250'000, {kShort}),
                                  step(500'000, {kShort}), step(kMillion, {kShort})});
  plan.analysis.guards = {config::default_guard("errorRate", 0).value(), latency(0.5, 0.05), latency(0.9, 0.10),
                          latency(0.99, 0.20)};
  const double simulated[4][4] = {{179, 47, 29, 148}, {249, 11, 32, 132}, {135, 6, 17, 47}, {228, 12, 19, 43}};
  const std::vector<StepTime> steps = step_times(plan, traffic(100));
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t guard = 0; guard < 4; ++guard) {
      const double found = steps[i].guards[guard].passes_s.p50;
      EXPECT_NEAR(found, simulated[i][guard], 0.3 * simulated[i][guard] + 1) << i << " " << guard;
    }
  }
}

TEST(StepTime, IsWhatTheSlowestOfAllAsksFor) {
  const auto first = [](const config::Hold& hold, double rps) {
    return step_times(rollout({step(50'000, {hold}), step(kMillion, {kShort})}), traffic(rps)).front();
  };
  const StepTime by_gate = first(kShort, 100);
  EXPECT_EQ(by_gate.waits_for.kind, Kind::kGate);
  EXPECT_EQ(by_gate.candidate_rps, 5);
  EXPECT_EQ(by_gate.lasts_s.p95, by_gate.guards[by_gate.waits_for.guard].passes_s.p95);
  const StepTime by_requests = first({.at_least = 0s, .min_requests = 250'000, .at_most = 30h}, 100);
  EXPECT_EQ(by_requests.waits_for.kind, Kind::kMinRequests);
  EXPECT_EQ(by_requests.lasts_s.p50, 50'000);
  EXPECT_NEAR(by_requests.lasts_s.p95, (250'000 + 1.6448536 * 500) / 5, 1e-9);
  const StepTime by_time = first({.at_least = 3h, .min_requests = 1, .at_most = 6h}, 100);
  EXPECT_EQ(by_time.waits_for.kind, Kind::kAtLeast);
  EXPECT_EQ(by_time.lasts_s.p95, 3 * 3600);
}

TEST(StepTime, TheBakeAsksNoGateAndServesLessTheHoldback) {
  const StepTime bake = step_times(rollout({step(kMillion, {kShort})}), traffic(100)).front();
  EXPECT_EQ(bake.weight, 0.95);
  EXPECT_TRUE(bake.compared);
  EXPECT_EQ(bake.waits_for.kind, Kind::kMinRequests);
  config::Rollout without = rollout({step(kMillion, {kShort})});
  without.analysis.holdback_ppm = 0;
  EXPECT_FALSE(step_times(without, traffic(100)).front().compared);
}

TEST(StepTime, StagesFollowEachOther) {
  const config::Hold minute{.at_least = 1h, .min_requests = 1, .at_most = 2h};
  const auto plan = [&](std::vector<std::variant<config::Hold, config::Pause>> stages) {
    return step_times(rollout({step(50'000, std::move(stages)), step(kMillion, {kShort})}), traffic(100)).front();
  };
  const StepTime both = plan({minute, config::Pause{.duration = 10min}, minute});
  EXPECT_EQ(both.lasts_s.p50, 2 * 3600 + 600);
  EXPECT_EQ(both.most_s, 4 * 3600 + 600);
  EXPECT_FALSE(both.by_person);
  // What the longest stage waits for, not the last one.
  EXPECT_EQ(plan({kShort, config::Pause{.duration = 10s}}).waits_for.kind, Kind::kGate);
  EXPECT_EQ(plan({kShort, config::Pause{.duration = 10h}}).waits_for.kind, Kind::kPause);
  EXPECT_TRUE(plan({minute, config::Pause{.duration = {}}}).by_person);
  // A pause that ends its step asks the gates, for as long as the hold before it allows.
  const config::Hold shortest{.at_least = 0s, .min_requests = 1, .at_most = 1s};
  EXPECT_FALSE(plan({shortest, config::Pause{.duration = 1s}}).in_time_p50);
}

TEST(StepTime, WithTheAnalysisOffTimeAloneCounts) {
  config::Rollout off = rollout({step(50'000, {config::Hold()}), step(kMillion, {config::Hold()})});
  off.analysis.enabled = false;
  const StepTime first = step_times(off, traffic(0.001)).front();
  EXPECT_EQ(first.lasts_s.p95, 120);
  EXPECT_FALSE(first.judged);
}

TEST(StepTime, AColdCandidatesLatenciesWaitForItsWarmup) {
  config::Rollout cold = rollout({step(50'000, {kShort}), step(100'000, {kShort}), step(kMillion, {kShort})});
  cold.analysis.warmup = 60s;
  const std::vector<StepTime> steps = step_times(cold, traffic(100));
  const std::size_t p99 = 4;
  EXPECT_EQ(steps[0].guards[p99].armed_s, 60);
  EXPECT_EQ(steps[1].guards[p99].armed_s, 0);
  EXPECT_EQ(steps[0].guards[0].armed_s, 0);
}

TEST(StepTime, WhatAStepTeachesArmsTheNext) {
  BaselineTraffic fresh = traffic(100);
  fresh.latency_history = 0;
  const std::vector<StepTime> steps =
      step_times(rollout({step(50'000, {kShort}), step(100'000, {kShort}), step(kMillion, {kShort})}), fresh);
  EXPECT_NEAR(steps[0].guards[4].armed_s, 2'000 / 95.0, 1e-9);
  EXPECT_EQ(steps[1].guards[4].armed_s, 0);
}

}  // namespace
}  // namespace weir::analysis
