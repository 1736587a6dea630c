#include "analysis/judge/half_hour.h"

#include <algorithm>
#include <cmath>

namespace weir::analysis {
namespace {

constexpr double kMinute_s = 60;

}  // namespace

void HalfHour::add(const RateCounts& tick, Seconds dt) {
  state_.into_minute += dt;
  const double passed = std::floor(state_.into_minute.count() / kMinute_s);
  state_.into_minute -= Seconds(passed * kMinute_s);
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::min<double>(passed, kMinutes)); ++i) {
    state_.current = (state_.current + 1) % kMinutes;
    state_.minutes[state_.current] = {};
  }
  for (std::size_t m = 0; m < kRateMetricCount; ++m) {
    if (tick[m].n == 0) continue;
    state_.minutes[state_.current][m].n += tick[m].n;
    state_.minutes[state_.current][m].x += tick[m].x;
  }
}

void HalfHour::forget(std::size_t metric) {
  for (RateCounts& minute : state_.minutes) minute[metric] = {};
}

MetricCount HalfHour::of(std::size_t metric) const {
  MetricCount sum;
  for (const RateCounts& minute : state_.minutes) {
    sum.n += minute[metric].n;
    sum.x += minute[metric].x;
  }
  return sum;
}

}  // namespace weir::analysis
