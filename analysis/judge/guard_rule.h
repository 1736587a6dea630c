// Pure functions. What a guard of the plan means in the terms of the tests: STATISTICS.md 4.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "analysis/stats/rate_test.h"
#include "config/guards.h"

namespace weir::analysis {

// "errorRate", "latency p99", "finishReason length", "feedback relevance".
std::string guard_name(const config::Guard& guard);

// The place in the tables of counts of a guard that needs no slot: a rate that requests tell.
std::size_t rate_metric(const config::Guard& guard);
// Whether there must be a threshold or a scale before anything is judged by it.
bool needs_arming(const config::Guard& guard);

// The share of requests above the quantile of a guard of times: 0.01 for p99.
double exceedance(const config::Guard& guard);

// Of a guard of amounts or of a ratio: what its values are of.
ValueMetric value_metric(const config::Guard& guard);
// Likewise: of which amount its scale comes, an index of AmountTotals.
std::size_t scaling_amount(const config::Guard& guard);
// N and D of a guard of a ratio, likewise.
struct RatioParts {
  std::size_t numerator = 0;
  std::size_t denominator = 0;
};
RatioParts ratio_parts(const config::Guard& guard);
// A score in ten-thousandths, 0 the best and kWholeValue the worst that there can be. What lies outside the scale is at
// its nearer end; what is no number is the worst.
std::uint16_t badness(const config::Scoring& scoring, double score);

// How many of the baseline's values there must be first; of a ratio as many again, once there is one to scale them by.
double values_needed(const config::Guard& guard);

// Share of alpha before it is renormalised within its pool.
double table_weight(const config::Guard& guard);

// `cap`: of a guard of amounts, in their unit; what a value is a share of. Of a ratio: of how much of the numerator's
// mean, 2 z_max / mean(N).
Margin rollback_margin(const config::Guard& guard, double cap = 1);
// a_k and d_k: with `next_weight` (0..1) of all users to come, the harm that the step allows for is a fixed share of
// all traffic.
Margin advance_margin(const config::Guard& guard, double next_weight, double cap = 1);

// The candidate's threshold that belongs to the baseline's quantile, in microseconds.
std::uint64_t candidate_threshold_us(const config::Guard& guard, double baseline_us);

// The ceiling of a guard that has one: the largest share of requests that may be bad (4.15), and for times the
// threshold in microseconds, of either arm, beyond which one is.
double limit_share(const config::Guard& guard);
std::uint64_t limit_us(const config::Guard& guard);

// Whether both are about the same number: counted in the same way, whatever they allow.
bool same_number(const config::Guard& one, const config::Guard& other);
// Whether evidence gathered for one is evidence for the other: all but what gates.
bool same_rule(const config::Guard& one, const config::Guard& other);
// Likewise for their ceilings.
bool same_limit(const config::Guard& one, const config::Guard& other);

}  // namespace weir::analysis
