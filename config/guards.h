// Pure functions. What rollouts are guarded by when their plan says nothing (PRODUCT.md section 5), and what kind of
// number each guard is about.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/traffic_plan.h"
#include "config/rollout.h"

namespace weir::config {

// How a metric's numbers are compared (STATISTICS.md section 3).
enum class Family : std::uint8_t {
  kRate,    // a share of requests
  kTime,    // a quantile of a time
  kAmount,  // a mean of what has no bound: tokens, cost
  kScore,   // a mean of scores on a scale
  kRatio,   // a sum of one amount over that of another, of all requests
};
Family family_of(const Guard& guard);
inline bool is_time(const Guard& guard) { return family_of(guard) == Family::kTime; }
inline bool is_ratio(const Guard& guard) { return family_of(guard) == Family::kRatio; }
// Whether its observations are values in [0, 1], of which the mean is compared; else they are good or bad.
inline bool is_mean(const Guard& guard) {
  const Family family = family_of(guard);
  return family == Family::kAmount || family == Family::kScore || family == Family::kRatio;
}
// Whether it compares tokens, or what they cost.
inline bool is_about_tokens(const Guard& guard) { return family_of(guard) == Family::kAmount || is_ratio(guard); }
// The time that a guard's quantile is of. Of a guard that is about another number: the latency.
TimeMetric time_of(const Guard& guard);

std::optional<GuardMetric> guard_metric(std::string_view word);
inline bool is_guard_metric(std::string_view word) { return guard_metric(word).has_value(); }
// As a plan writes it: "errorRate".
std::string_view to_string(GuardMetric metric);

// Gives a guard the margin of its metric, quantile and scale. False: it has none of its own.
bool set_default_margin(Guard& guard);
// The guard of `metric` with its own margin; `quantile` is of a time. Nothing for a quantile that has none.
std::optional<Guard> default_guard(std::string_view metric, double quantile);
// Those that every rollout has.
std::vector<Guard> default_guards();
// Whether one takes the other's place: they compare the same.
bool same_guard(const Guard& a, const Guard& b);

}  // namespace weir::config
