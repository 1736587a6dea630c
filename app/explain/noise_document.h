// Pure functions. What a run of the baseline against itself will be able to say after a while, as `weir explain` has it.
#pragma once

#include <cmath>

#include "analysis/forecast/outlook.h"
#include "analysis/forecast/traffic.h"
#include "base/json.h"
#include "config/guards.h"

namespace weir::app {

// Infinity is null.
inline json::Value finite(double value) { return std::isfinite(value) ? json::Value(value) : json::Value(); }

// The smallest margin of each guard that is honest after an hour, six hours, a day and a week. `step` is the one step
// of `rollout`, whose strategy is kAa.
json::Object noise_document(const config::Rollout& rollout, const analysis::BaselineTraffic& traffic,
                            const analysis::StepOutlook& step);

}  // namespace weir::app
