// Pure functions. The rollouts of a plan as the analyzer wants them.
#pragma once

#include <vector>

#include "analysis/rollout/rollout.h"
#include "base/names.h"
#include "config/config.h"

namespace weir::app {

// `names` gives the same ids as the data plane's topology.
std::vector<analysis::RolloutPlan> rollout_plans(const config::Config& config, Names& names);

}  // namespace weir::app
