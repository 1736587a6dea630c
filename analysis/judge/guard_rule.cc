#include "analysis/judge/guard_rule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace weir::analysis {
namespace {

// One row of STATISTICS.md 4.0 for a rate.
struct RateDefaults {
  double weight;
  double slack;  // d_slack where the plan has no `absolute`
  double cap;    // of d_k
};

const RateDefaults& defaults(BinaryMetric metric) {
  static constexpr std::array<RateDefaults, kBinaryMetricCount> kRows = {{
      {.weight = 0.30, .slack = 0.001, .cap = 0.05},  // errorRate
      {.weight = 0.05, .slack = 0.01, .cap = 0.10},   // capacityRate
      {.weight = 0.05, .slack = 0.01, .cap = 0.10},   // clientErrorRate
      {.weight = 0.05, .slack = 0.02, .cap = 0.10},   // clientAbortRate
  }};
  return kRows[static_cast<std::size_t>(metric)];
}

constexpr double kOtherWeight = 0.05;
constexpr double kWeightP99 = 0.15;

bool is_quantile(const config::Guard& guard, double quantile) { return std::abs(guard.quantile - quantile) < 1e-9; }

}  // namespace

std::string guard_name(const config::Guard& guard) {
  if (!is_latency(guard)) return std::string(to_string(binary_metric(guard)));
  std::array<char, 32> digits{};
  // Ten significant digits hide what binary fractions make of 99.9.
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), guard.quantile * 100, std::chars_format::general, 10);
  return "latency p" + std::string(digits.data(), end.ptr);
}

bool is_latency(const config::Guard& guard) { return guard.metric == config::GuardMetric::kLatency; }

BinaryMetric binary_metric(const config::Guard& guard) {
  switch (guard.metric) {
    case config::GuardMetric::kCapacityRate:
      return BinaryMetric::kCapacityRate;
    case config::GuardMetric::kClientErrorRate:
      return BinaryMetric::kClientErrorRate;
    case config::GuardMetric::kClientAbortRate:
      return BinaryMetric::kClientAbortRate;
    case config::GuardMetric::kErrorRate:
    case config::GuardMetric::kLatency:
      break;
  }
  return BinaryMetric::kErrorRate;
}

// Without what binary fractions leave over of 1 - 0.99.
double exceedance(const config::Guard& guard) { return std::round((1 - guard.quantile) * 1e12) / 1e12; }

double table_weight(const config::Guard& guard) {
  if (is_latency(guard)) return is_quantile(guard, 0.99) ? kWeightP99 : kOtherWeight;
  return defaults(binary_metric(guard)).weight;
}

Margin rollback_margin(const config::Guard& guard) {
  if (is_latency(guard)) return {};
  return {.factor = 1 + guard.relative, .absolute = guard.absolute};
}

Margin advance_margin(const config::Guard& guard, double next_weight) {
  Margin margin = rollback_margin(guard);
  double slack = 0;
  double cap = 0;
  if (is_latency(guard)) {
    const double tau = exceedance(guard);
    slack = 0.1 * tau;
    cap = std::min(0.15, 3 * tau);
  } else {
    const RateDefaults& row = defaults(binary_metric(guard));
    slack = guard.absolute > 0 ? guard.absolute : row.slack;
    cap = row.cap;
  }
  if (next_weight > 0) margin.absolute = std::max(margin.absolute, std::min(cap, slack / next_weight));
  return margin;
}

std::uint64_t candidate_threshold_us(const config::Guard& guard, double baseline_us) {
  const double absolute_us = std::chrono::duration<double, std::micro>(guard.absolute_duration).count();
  return static_cast<std::uint64_t>(std::llround((1 + guard.relative) * baseline_us + absolute_us));
}

double limit_share(const config::Guard& guard) {
  return is_latency(guard) ? exceedance(guard) : guard.max_share.value_or(1);
}

std::uint64_t limit_us(const config::Guard& guard) {
  const auto us = std::chrono::microseconds(guard.max_duration.value_or(config::Duration(0)));
  return static_cast<std::uint64_t>(us.count());
}

bool same_limit(const config::Guard& one, const config::Guard& other) {
  return one.metric == other.metric && one.quantile == other.quantile && one.max_share == other.max_share &&
         one.max_duration == other.max_duration && one.action == other.action;
}

bool same_rule(const config::Guard& one, const config::Guard& other) {
  return one.metric == other.metric && one.quantile == other.quantile && one.relative == other.relative &&
         one.absolute == other.absolute && one.absolute_duration == other.absolute_duration &&
         one.action == other.action;
}

}  // namespace weir::analysis
