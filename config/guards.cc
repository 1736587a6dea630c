#include "config/guards.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace weir::config {
namespace {

struct MetricDefaults {
  std::string_view name;
  GuardMetric metric;
  double relative;
  double absolute;
};

constexpr MetricDefaults kBinaryMetrics[] = {{"errorRate", GuardMetric::kErrorRate, 0.1, 0.001},
                                             {"capacityRate", GuardMetric::kCapacityRate, 0.1, 0.01},
                                             {"clientErrorRate", GuardMetric::kClientErrorRate, 0.1, 0.01},
                                             {"clientAbortRate", GuardMetric::kClientAbortRate, 0.1, 0.02}};
constexpr std::string_view kLatency = "latency";

struct QuantileDefault {
  double quantile;
  double relative;
};
constexpr QuantileDefault kQuantiles[] = {{0.5, 0.05}, {0.9, 0.1}, {0.99, 0.2}};
constexpr double kSameQuantile = 1e-9;

std::optional<double> default_latency_margin(double quantile) {
  for (const QuantileDefault& known : kQuantiles) {
    if (std::abs(known.quantile - quantile) < kSameQuantile) return known.relative;
  }
  return std::nullopt;
}

}  // namespace

bool is_guard_metric(std::string_view word) {
  const auto named = [&](const MetricDefaults& known) { return known.name == word; };
  return word == kLatency || std::any_of(std::begin(kBinaryMetrics), std::end(kBinaryMetrics), named);
}

std::string_view to_string(GuardMetric metric) {
  for (const MetricDefaults& known : kBinaryMetrics) {
    if (known.metric == metric) return known.name;
  }
  return kLatency;
}

std::optional<Guard> default_guard(std::string_view metric, double quantile) {
  Guard guard;
  for (const MetricDefaults& known : kBinaryMetrics) {
    if (known.name != metric) continue;
    guard.metric = known.metric;
    guard.relative = known.relative;
    guard.absolute = known.absolute;
    return guard;
  }
  guard.metric = GuardMetric::kLatency;
  guard.quantile = quantile;
  const std::optional<double> margin = default_latency_margin(quantile);
  if (margin) guard.relative = *margin;
  return margin ? std::optional(guard) : std::nullopt;
}

std::vector<Guard> default_guards() {
  std::vector<Guard> guards;
  for (const MetricDefaults& known : kBinaryMetrics) guards.push_back(*default_guard(known.name, 0));
  guards.push_back(*default_guard(kLatency, 0.99));
  return guards;
}

bool same_guard(const Guard& a, const Guard& b) {
  return a.metric == b.metric &&
         (a.metric != GuardMetric::kLatency || std::abs(a.quantile - b.quantile) < kSameQuantile);
}

}  // namespace weir::config
