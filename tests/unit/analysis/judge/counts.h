// Confined to one thread. Counts of a tick, for tests of what judges them.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/judge/judge.h"
#include "analysis/window/tick_counts.h"
#include "config/rollout.h"

namespace weir::analysis::testing {

// The four binary guards with their defaults.
inline std::vector<config::Guard> binary_guards() {
  std::vector<config::Guard> guards(4);
  guards[0].metric = config::GuardMetric::kErrorRate;
  guards[1].metric = config::GuardMetric::kCapacityRate;
  guards[2].metric = config::GuardMetric::kClientErrorRate;
  guards[3].metric = config::GuardMetric::kClientAbortRate;
  const double absolute[] = {0.001, 0.01, 0.01, 0.02};
  for (std::size_t i = 0; i < guards.size(); ++i) {
    guards[i].relative = 0.1;
    guards[i].absolute = absolute[i];
  }
  return guards;
}

inline std::vector<config::Guard> default_guards() {
  std::vector<config::Guard> guards = binary_guards();
  guards.push_back({});
  guards.back().metric = config::GuardMetric::kLatency;
  guards.back().quantile = 0.99;
  guards.back().relative = 0.2;
  return guards;
}

struct Requests {
  Arm arm = Arm::kBaseline;
  std::uint64_t n = 0;
  OutcomeClass outcome = OutcomeClass::kOk;
  std::uint8_t cluster = 0;
};

// Adds requests that ended with one class, in one cluster.
inline void add(StepCounts& step, const Requests& requests) {
  ArmCounts& arm = step.of(requests.arm);
  arm.version = static_cast<VersionId>(requests.arm);
  arm.requests += requests.n;
  ClusterCounts& cluster = arm.clusters.of(requests.cluster);
  cluster.requests += requests.n;
  for (int m = 0; m < kBinaryMetricCount; ++m) {
    const auto metric = static_cast<BinaryMetric>(m);
    if (!counts_in(metric, requests.outcome)) continue;
    const std::uint64_t bad = is_failure(metric, requests.outcome) ? requests.n : 0;
    arm.metrics[metric_index(metric)].n += requests.n;
    arm.metrics[metric_index(metric)].x += bad;
    cluster.metrics[metric_index(metric)].n += requests.n;
    cluster.metrics[metric_index(metric)].x += bad;
  }
}

inline void tick(Judge& judge, const StepCounts& step, double dt_s = 1) {
  const StepCounts* steps[] = {&step};
  judge.tick({.steps = steps, .outside = nullptr, .malformed = 0, .dt = Seconds(dt_s)});
}

}  // namespace weir::analysis::testing
