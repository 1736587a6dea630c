#include "config/guards.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace weir::config {
namespace {

struct MetricRow {
  std::string_view name;
  GuardMetric metric;
  Family family;
  // The margin where the plan has none; of times the quantile's.
  double relative;
  double absolute;
};

using enum GuardMetric;
using enum Family;

constexpr std::array kMetrics = {
    MetricRow{"errorRate", kErrorRate, kRate, 0.1, 0.001},
    MetricRow{"capacityRate", kCapacityRate, kRate, 0.1, 0.01},
    MetricRow{"clientErrorRate", kClientErrorRate, kRate, 0.1, 0.01},
    MetricRow{"clientAbortRate", kClientAbortRate, kRate, 0.1, 0.02},
    MetricRow{"latency", kLatency, kTime, 0, 0},
    MetricRow{"timeToHeaders", kTimeToHeaders, kTime, 0, 0},
    MetricRow{"timeToFirstOutput", kTimeToFirstOutput, kTime, 0, 0},
    MetricRow{"chunkGap", kChunkGap, kTime, 0, 0},
    MetricRow{"tokensPerRequest", kTokensPerRequest, kAmount, 0.05, 0},
    MetricRow{"costPerRequest", kCostPerRequest, kAmount, 0.05, 0},
    MetricRow{"finishReason", kFinishReason, kRate, 0.1, 0.005},
    MetricRow{"emptyOutput", kEmptyOutput, kRate, 0.1, 0.005},
    MetricRow{"invalidOutput", kInvalidOutput, kRate, 0.1, 0.005},
    MetricRow{"truncated", kTruncated, kRate, 0.1, 0.005},
    MetricRow{"feedback", kFeedback, kScore, 0.1, 0.005},  // of a binary one
    MetricRow{"tokensPerSecond", kTokensPerSecond, kRatio, 0.05, 0},
    MetricRow{"costPer1kTokens", kCostPer1kTokens, kRatio, 0.05, 0},
};
constexpr double kScoreMargin = 0.02;  // of the scale

constexpr const MetricRow& row_of(GuardMetric metric) { return kMetrics[static_cast<std::size_t>(metric)]; }
static_assert(row_of(kLastGuardMetric).metric == kLastGuardMetric);

struct QuantileDefault {
  double quantile;
  double relative;
};
constexpr std::array kQuantiles = {QuantileDefault{0.5, 0.05}, QuantileDefault{0.9, 0.1}, QuantileDefault{0.99, 0.2}};
constexpr double kGapMargin = 0.2;
constexpr double kSameQuantile = 1e-9;

bool same_quantile(double a, double b) { return std::abs(a - b) < kSameQuantile; }

}  // namespace

Family family_of(const Guard& guard) {
  return guard.metric == kFeedback && guard.scoring.binary ? kRate : row_of(guard.metric).family;
}

TimeMetric time_of(const Guard& guard) {
  switch (guard.metric) {
    case kTimeToHeaders:
      return TimeMetric::kTimeToHeaders;
    case kTimeToFirstOutput:
      return TimeMetric::kTimeToFirstOutput;
    case kChunkGap:
      return TimeMetric::kChunkGap;
    default:
      return TimeMetric::kLatency;
  }
}

std::optional<GuardMetric> guard_metric(std::string_view word) {
  const auto named = [&](const MetricRow& row) { return row.name == word; };
  const auto at = std::find_if(kMetrics.begin(), kMetrics.end(), named);
  return at == kMetrics.end() ? std::nullopt : std::optional(at->metric);
}

std::string_view to_string(GuardMetric metric) { return row_of(metric).name; }

bool set_default_margin(Guard& guard) {
  const MetricRow& row = row_of(guard.metric);
  guard.relative = row.relative;
  guard.absolute = row.absolute;
  if (family_of(guard) == kScore) {
    guard.relative = 0;
    guard.absolute = kScoreMargin * (guard.scoring.to - guard.scoring.from);
  }
  if (!is_time(guard)) return true;
  const auto same = [&](const QuantileDefault& known) { return same_quantile(known.quantile, guard.quantile); };
  const auto known = std::find_if(kQuantiles.begin(), kQuantiles.end(), same);
  if (known == kQuantiles.end()) return false;
  guard.relative = guard.metric == kChunkGap ? kGapMargin : known->relative;
  return true;
}

std::optional<Guard> default_guard(std::string_view metric, double quantile) {
  Guard guard;
  guard.metric = guard_metric(metric).value_or(kErrorRate);
  if (is_time(guard)) guard.quantile = quantile;
  return set_default_margin(guard) ? std::optional(guard) : std::nullopt;
}

std::vector<Guard> default_guards() {
  std::vector<Guard> guards;
  for (const GuardMetric metric : {kErrorRate, kCapacityRate, kClientErrorRate, kClientAbortRate, kLatency}) {
    guards.push_back(*default_guard(to_string(metric), 0.99));
  }
  return guards;
}

bool same_guard(const Guard& a, const Guard& b) {
  if (a.metric != b.metric) return false;
  if (is_time(a)) return same_quantile(a.quantile, b.quantile);
  if (a.metric == kFeedback) return a.scoring.name == b.scoring.name && a.scoring.source == b.scoring.source;
  return a.metric != kFinishReason || a.finish == b.finish;
}

}  // namespace weir::config
