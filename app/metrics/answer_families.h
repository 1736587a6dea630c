// Pure function over plain values. What answers were, in Prometheus' terms; OpenTelemetry's names where it has some.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "app/metrics/answer_metrics.h"

namespace weir::app {

// Nothing for a family without a sample.
std::vector<prometheus::MetricFamily> answer_families(const std::vector<AnswerSeries>& series);

}  // namespace weir::app
