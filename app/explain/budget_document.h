// Pure functions. What a plan's budgets (`maxExposure`) come to at the traffic there is, as `weir explain` has it.
#pragma once

#include <vector>

#include "analysis/forecast/outlook.h"
#include "analysis/forecast/traffic.h"
#include "base/json.h"
#include "config/rollout.h"

namespace weir::app {

// Of each budget its name, its `limit`, and `by_chance`: what a candidate as good as the baseline is expected to spend
// of it until it is promoted; null where that never comes, and of costs.
//
// Of failed requests that is the sum over steps of n p, with n the candidate's requests and p the share of all requests
// that fail. Of an excess, max(0, x_c - n r) with r as the baseline shows it, it is the sum of sigma / sqrt(2 pi), the
// mean of a normal's upper half, with the variance n p (1 - p) (1 + n / n_b).
json::Array budget_document(const config::MaxExposure& most, const analysis::BaselineTraffic& traffic,
                            const std::vector<analysis::StepOutlook>& steps);

// In how many seconds of a step a candidate that fails every request has spent each of them, in the same order; null
// where it never does, and of costs.
json::Array spent_document(const config::MaxExposure& most, const analysis::BaselineTraffic& traffic,
                           const analysis::StepOutlook& step);

}  // namespace weir::app
