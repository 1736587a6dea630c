// Pure functions. What rollouts are guarded by when their plan says nothing (PRODUCT.md section 5).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/rollout.h"

namespace weir::config {

bool is_guard_metric(std::string_view word);
// As a plan writes it: "errorRate".
std::string_view to_string(GuardMetric metric);
// The guard of `metric` with its own margin; `quantile` is of a latency. Nothing for a quantile that has none.
std::optional<Guard> default_guard(std::string_view metric, double quantile);
// Those that every rollout has.
std::vector<Guard> default_guards();
// Whether one takes the other's place: they compare the same.
bool same_guard(const Guard& a, const Guard& b);

}  // namespace weir::config
