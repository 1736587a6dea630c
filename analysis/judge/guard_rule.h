// Pure functions. What a guard of the plan means in the terms of the tests: STATISTICS.md 4.0.
#pragma once

#include <string>

#include "analysis/stats/rate_test.h"
#include "base/outcome.h"
#include "config/rollout.h"

namespace weir::analysis {

// "errorRate", "latency p99".
std::string guard_name(const config::Guard& guard);

bool is_latency(const config::Guard& guard);
// Of a guard that is not about latency.
BinaryMetric binary_metric(const config::Guard& guard);

// The share of requests above a latency guard's quantile: 0.01 for p99.
double exceedance(const config::Guard& guard);

// Share of alpha before it is renormalised within its pool.
double table_weight(const config::Guard& guard);

Margin rollback_margin(const config::Guard& guard);
// d_k: with `next_weight` (0..1) of all users to come, the harm that the step allows for is a fixed share of all
// traffic.
Margin advance_margin(const config::Guard& guard, double next_weight);

// The candidate's threshold that belongs to the baseline's quantile, in microseconds.
std::uint64_t candidate_threshold_us(const config::Guard& guard, double baseline_us);

// The ceiling of a guard that has one: the largest share of requests that may be bad (4.15), and for latencies the
// threshold in microseconds, of either arm, beyond which one is.
double limit_share(const config::Guard& guard);
std::uint64_t limit_us(const config::Guard& guard);

// Whether evidence gathered for one is evidence for the other: all but what gates.
bool same_rule(const config::Guard& one, const config::Guard& other);
// Likewise for their ceilings.
bool same_limit(const config::Guard& one, const config::Guard& other);

}  // namespace weir::analysis
