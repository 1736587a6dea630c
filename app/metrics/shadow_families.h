// Pure function. What copies of requests have shown, as /metrics has it.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "app/metrics/shadow_metrics.h"

namespace weir::app {

std::vector<prometheus::MetricFamily> shadow_families(const std::vector<ShadowSeries>& all);

}  // namespace weir::app
