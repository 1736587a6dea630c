#include "analysis/stats/quantile.h"

#include <algorithm>

namespace weir::analysis {

double upper_quantile_us(const WeightedHistogram& counts, double total, double tau) {
  if (total <= 0) return 0;
  const double wanted = tau * total;
  double above = 0;
  for (std::size_t i = counts.size(); i-- > 0;) {
    if (counts[i] <= 0 || above + counts[i] < wanted) {
      above += counts[i];
      continue;
    }
    const HistogramBucket bucket = histogram_bucket(i);
    const double part = 1 - (wanted - above) / counts[i];
    return static_cast<double>(bucket.low_us) + static_cast<double>(bucket.width_us) * part;
  }
  return 0;
}

double share_above(const WeightedHistogram& counts, double total, double value_us) {
  if (total <= 0) return 0;
  double above = 0;
  for (std::size_t i = counts.size(); i-- > 0;) {
    const HistogramBucket bucket = histogram_bucket(i);
    const double into_bucket = (value_us - static_cast<double>(bucket.low_us)) / static_cast<double>(bucket.width_us);
    if (into_bucket >= 0) return (above + counts[i] * std::max(0.0, 1 - into_bucket)) / total;
    above += counts[i];
  }
  return above / total;
}

}  // namespace weir::analysis
