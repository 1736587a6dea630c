// Pure functions. Thresholds from a latency histogram: STATISTICS.md 4.4.
#pragma once

#include <array>
#include <cstdint>

#include "base/histogram.h"

namespace weir::analysis {

using WeightedHistogram = std::array<double, kHistogramBuckets>;

// The value that a share `tau` of the `total` observations exceeds, in microseconds, interpolated within its bucket.
// 0 for an empty histogram.
double upper_quantile_us(const WeightedHistogram& counts, double total, double tau);

// The other way round: the share of the observations that exceed `value_us`, interpolated within its bucket. 0 for an
// empty histogram.
double share_above(const WeightedHistogram& counts, double total, double value_us);

// The observations that a quantile needs before it is judged by: 20 / tau (4.0).
constexpr double history_needed(double tau) { return 20 / tau; }

}  // namespace weir::analysis
