// Pure functions. A rollout as status shows it, and why it waits.
#pragma once

#include "analysis/rollout/rollout.h"
#include "base/json.h"

namespace weir::analysis {

json::Value rollout_status(const Rollout& rollout);

}  // namespace weir::analysis
