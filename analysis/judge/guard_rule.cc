#include "analysis/judge/guard_rule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "analysis/stats/bounded_value.h"
#include "analysis/stats/quantile.h"
#include "analysis/stats/value_sums.h"
#include "analysis/window/tick_counts.h"

namespace weir::analysis {
namespace {

using config::GuardMetric;

// One row of STATISTICS.md 4.0.
struct Slack {
  double slack;  // d_slack where the plan has no `absolute`
  double cap;    // of d_k
};

// Rates without a row of their own have the margin of hallucinations, and so their slack.
Slack rate_slack(const config::Guard& guard) {
  switch (guard.metric) {
    case GuardMetric::kErrorRate:
      return {0.001, 0.05};
    case GuardMetric::kCapacityRate:
    case GuardMetric::kClientErrorRate:
      return {0.01, 0.10};
    case GuardMetric::kClientAbortRate:
      return {0.02, 0.10};
    default:
      return {0.005, 0.05};
  }
}
constexpr Slack kMeanSlack{0.02, 0.10};  // of a relevance
constexpr double kMostAmountSlack = 0.5;
// A ratio has no row of its own: where the plan allows for nothing, what it allows for by default, as the others have
// it; and up to where scores go.
constexpr double kRatioSlack = 0.05;

constexpr double kOtherWeight = 0.05;

bool is_quantile(const config::Guard& guard, double quantile) { return std::abs(guard.quantile - quantile) < 1e-9; }

std::string digits_of(double value) {
  std::array<char, 32> digits{};
  // Ten significant digits hide what binary fractions make of 99.9.
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general, 10);
  return {digits.data(), end.ptr};
}

}  // namespace

std::string guard_name(const config::Guard& guard) {
  std::string name(to_string(guard.metric));
  if (is_time(guard)) return name + " p" + digits_of(guard.quantile * 100);
  if (guard.metric == GuardMetric::kFinishReason) return name + " " + std::string(to_string(guard.finish));
  if (guard.metric != GuardMetric::kFeedback) return name;
  name += " " + guard.scoring.name;
  return guard.scoring.source.empty() ? name : name + " of " + guard.scoring.source;
}

std::size_t rate_metric(const config::Guard& guard) {
  switch (guard.metric) {
    case GuardMetric::kCapacityRate:
      return metric_index(BinaryMetric::kCapacityRate);
    case GuardMetric::kClientErrorRate:
      return metric_index(BinaryMetric::kClientErrorRate);
    case GuardMetric::kClientAbortRate:
      return metric_index(BinaryMetric::kClientAbortRate);
    case GuardMetric::kTruncated:
      return metric_index(BinaryMetric::kTruncated);
    case GuardMetric::kEmptyOutput:
      return answer_metric_index(kEmptyOutputMetric);
    case GuardMetric::kInvalidOutput:
      return answer_metric_index(kInvalidOutputMetric);
    case GuardMetric::kFinishReason:
      return answer_metric_index(finish_metric(guard.finish));
    default:
      return metric_index(BinaryMetric::kErrorRate);
  }
}

bool needs_arming(const config::Guard& guard) {
  return is_time(guard) || is_ratio(guard) || family_of(guard) == config::Family::kAmount;
}

// Without what binary fractions leave over of 1 - 0.99.
double exceedance(const config::Guard& guard) { return std::round((1 - guard.quantile) * 1e12) / 1e12; }

ValueMetric value_metric(const config::Guard& guard) {
  switch (guard.metric) {
    case GuardMetric::kCostPerRequest:
      return ValueMetric::kCost;
    case GuardMetric::kTokensPerSecond:
      return ValueMetric::kTokenTime;
    case GuardMetric::kCostPer1kTokens:
      return ValueMetric::kTokenCost;
    default:
      return ValueMetric::kTokens;
  }
}

std::size_t scaling_amount(const config::Guard& guard) {
  const ValueMetric of = value_metric(guard);
  if (is_ratio(of)) return amount_index(Amount::kTokenTimeDistance) + ratio_index(of);
  return amount_index(of == ValueMetric::kCost ? Amount::kCost : Amount::kTokens);
}

RatioParts ratio_parts(const config::Guard& guard) {
  if (value_metric(guard) == ValueMetric::kTokenCost) {
    return {amount_index(Amount::kCost), amount_index(Amount::kPricedTokens)};
  }
  return {amount_index(Amount::kTime), amount_index(Amount::kTokens)};
}

std::uint16_t badness(const config::Scoring& scoring, double score) {
  if (std::isnan(score)) return kWholeValue;
  const double from = scoring.binary ? 0 : scoring.from;
  const double to = scoring.binary ? 1 : scoring.to;
  double share = std::clamp((score - from) / (to - from), 0.0, 1.0);
  if (scoring.binary) share = share > 0 ? 1 : 0;
  return static_cast<std::uint16_t>(value_of(scoring.lower_is_better ? share : 1 - share));
}

double values_needed(const config::Guard& guard) {
  if (is_time(guard)) return std::round(history_needed(exceedance(guard)));
  return static_cast<double>(FrozenScale::kValuesNeeded) * (is_ratio(guard) ? 2 : 1);
}

double table_weight(const config::Guard& guard) {
  switch (guard.metric) {
    case GuardMetric::kErrorRate:
      return 0.30;
    case GuardMetric::kLatency:
      return is_quantile(guard, 0.99) ? 0.15 : kOtherWeight;
    case GuardMetric::kTimeToFirstOutput:
      return is_quantile(guard, 0.99) ? 0.10 : kOtherWeight;
    case GuardMetric::kFeedback:
      return guard.scoring.name == "hallucination" || guard.scoring.name == "relevance" ? 0.10 : kOtherWeight;
    default:
      return kOtherWeight;
  }
}

Margin rollback_margin(const config::Guard& guard, double cap) {
  switch (family_of(guard)) {
    case config::Family::kTime:
      return {};
    case config::Family::kRate:
      return {.factor = 1 + guard.relative, .absolute = guard.absolute};
    case config::Family::kAmount:
      return {.factor = 1 + guard.relative, .absolute = guard.absolute / cap};
    case config::Family::kScore:
      return {.factor = 1 + guard.relative, .absolute = guard.absolute / (guard.scoring.to - guard.scoring.from)};
    case config::Family::kRatio:
      return {.factor = 1, .absolute = guard.relative / cap};
  }
  return {};
}

Margin advance_margin(const config::Guard& guard, double next_weight, double cap) {
  Margin margin = rollback_margin(guard, cap);
  if (next_weight <= 0) return margin;
  Slack slack = kMeanSlack;
  switch (family_of(guard)) {
    case config::Family::kTime: {
      const double tau = exceedance(guard);
      slack = {0.1 * tau, std::min(0.15, 3 * tau)};
      break;
    }
    case config::Family::kRate:
      slack = rate_slack(guard);
      break;
    case config::Family::kAmount:
      margin.factor = 1 + std::min(std::max(kMostAmountSlack, guard.relative), guard.relative / next_weight);
      slack.slack = 0;
      break;
    case config::Family::kRatio:
      slack.slack = kRatioSlack / cap;
      break;
    case config::Family::kScore:
      break;
  }
  if (!is_time(guard) && margin.absolute > 0) slack.slack = margin.absolute;
  margin.absolute = std::max(margin.absolute, std::min(slack.cap, slack.slack / next_weight));
  return margin;
}

std::uint64_t candidate_threshold_us(const config::Guard& guard, double baseline_us) {
  const double absolute_us = std::chrono::duration<double, std::micro>(guard.absolute_duration).count();
  return static_cast<std::uint64_t>(std::llround((1 + guard.relative) * baseline_us + absolute_us));
}

double limit_share(const config::Guard& guard) {
  return is_time(guard) ? exceedance(guard) : guard.max_share.value_or(1);
}

std::uint64_t limit_us(const config::Guard& guard) {
  const auto us = std::chrono::microseconds(guard.max_duration.value_or(config::Duration(0)));
  return static_cast<std::uint64_t>(us.count());
}

bool same_number(const config::Guard& one, const config::Guard& other) {
  return one.metric == other.metric && one.quantile == other.quantile && one.finish == other.finish &&
         one.cap == other.cap && one.scoring == other.scoring;
}

bool same_limit(const config::Guard& one, const config::Guard& other) {
  return same_number(one, other) && one.max_share == other.max_share && one.max_duration == other.max_duration &&
         one.action == other.action;
}

bool same_rule(const config::Guard& one, const config::Guard& other) {
  return same_number(one, other) && one.relative == other.relative && one.absolute == other.absolute &&
         one.absolute_duration == other.absolute_duration && one.action == other.action;
}

}  // namespace weir::analysis
