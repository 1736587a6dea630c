// Confined to one thread, while others use the split's tables. Who may stay where, as the traffic changes: to be told of
// each plan of the traffic before requests go by it, and of each split that takes the place of another.
//
// What is kept for a candidate ends with its attempt, for all time. Its sessions do when it is rolled back, or left for
// another rollout before it is promoted; so do the baseline's when the same candidate is tried once more: new ones and
// old ones would else not be in both arms alike. The ids of what a version has made end when it is rolled back.
#pragma once

#include "base/traffic_plan.h"
#include "proxy/split/split.h"

namespace weir::proxy {

void settle(const SplitSpec& spec, const RolloutTraffic& traffic);

}  // namespace weir::proxy
