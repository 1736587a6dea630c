#include "analysis/judge/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "analysis/judge/guard_rule.h"

namespace weir::analysis {
namespace {

constexpr std::size_t kFailedSaid = 3;  // a sentence is no list

}  // namespace

std::string with_commas(double value) {
  std::string digits = std::to_string(static_cast<std::uint64_t>(std::max(0.0, std::floor(value))));
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

namespace {

// A tick says several for each rollout; printf takes four times as long.
std::string rounded(double value, int digits) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits).ptr;
  return {text.data(), end};
}

}  // namespace

std::string factor(double value) { return rounded(value, 3); }

std::string percent(double share) { return factor(100 * share) + " %"; }

std::string odds(double log_evidence) {
  const double value = std::exp(std::min(log_evidence, 40.0));
  return value >= 10 ? with_commas(std::round(value)) : factor(value);
}

namespace {

std::string shown(const MetricCount& count) {
  const double share = count.n == 0 ? 0 : static_cast<double>(count.x) / static_cast<double>(count.n);
  return with_commas(static_cast<double>(count.x)) + " of " + with_commas(static_cast<double>(count.n)) + " (" +
         percent(share) + ")";
}

std::string with_unit(double value, const GuardStatus::Means& means) {
  return rounded(value, 4) + (means.unit.empty() ? "" : " " + means.unit);
}

// What one answer costs is so little that people reckon by a thousand.
std::string shown(const GuardStatus& guard, std::size_t arm) {
  const GuardStatus::Means& means = *guard.means;
  const ValueSums& sums = means.since_start[arm];
  const double mean = means.mean(sums, means.parts_since_start[arm]);
  std::string text = with_unit(mean, means);
  if (guard.guard.metric == config::GuardMetric::kCostPerRequest) text += " (" + rounded(1000 * mean, 4) + " per 1,000)";
  return text + " on average of " + with_commas(static_cast<double>(sums.n));
}

// Of shares, of means in their unit, or of ratios: how much more each token takes, or costs.
std::string shown(const GuardStatus::Bounds& difference, const std::optional<GuardStatus::Means>& means) {
  const bool in_unit = means && !means->is_ratio();
  const auto signed_one = [&](double value) {
    const double size = std::abs(value);
    return (value < 0 ? "−" : "") + (in_unit ? with_unit(size, *means) : percent(size));
  };
  return signed_one(difference.value) + " (" + signed_one(difference.low) + " … " + signed_one(difference.high) + ")";
}

// Scores of which higher is better are allowed to be so much lower.
std::string mean_comparison(const GuardStatus& guard) {
  const GuardStatus::Means& means = *guard.means;
  std::string text = "candidate " + shown(guard, 1) + ", baseline " + shown(guard, 0) + ", allowed ";
  // Each token may take, or cost, so much more.
  if (is_ratio(guard.guard)) return text + percent(guard.guard.relative);
  const std::string absolute = with_unit(guard.guard.absolute, means);
  if (means.at_worst < means.at_best) return text + absolute + " less";
  text += percent(guard.guard.relative);
  return guard.guard.absolute > 0 ? text + " + " + absolute : text;
}

// Of a ratio: by how much more each token takes, or costs.
std::string worst(const GuardStatus& guard) {
  const MetricCount& count = guard.in_worst_cluster;
  if (!guard.means) return count.x == 0 ? std::string() : ", the worst " + shown(count);
  if (count.n == 0) return {};
  const GuardStatus::Means& means = *guard.means;
  const double value = means.in_worst_cluster;
  const std::string mean =
      means.is_ratio() ? percent(std::abs(value)) + (value < 0 ? " less" : " more") : with_unit(value, means);
  return ", the worst " + mean + " on average of " + with_commas(static_cast<double>(count.n));
}

std::string milliseconds(std::uint64_t us) { return with_commas(std::round(static_cast<double>(us) / 1000)) + " ms"; }

std::string comparison(const GuardStatus& guard) {
  if (guard.means) return mean_comparison(guard);
  std::string text = "candidate " + shown(guard.since_start[1]) + ", baseline " + shown(guard.since_start[0]);
  if (!is_time(guard.guard)) {
    return text + ", allowed " + percent(guard.margin_factor - 1) + " + " + percent(guard.margin);
  }
  text += " slower than " + milliseconds(guard.threshold.candidate_us) + " and " +
          milliseconds(guard.threshold.baseline_us) + ", allowed " + percent(guard.guard.relative);
  if (guard.guard.absolute_duration.count() > 0) {
    text += " + " + std::to_string(guard.guard.absolute_duration.count()) + " ms";
  }
  return text;
}

// It blames the candidate even where the baseline is as bad, and so says that.
std::string ceiling(const GuardStatus& guard) {
  std::string text = "candidate " + shown(guard.since_start[1]);
  if (is_time(guard.guard)) text += " slower than " + milliseconds(limit_us(guard.guard));
  text += ", at most " + percent(limit_share(guard.guard)) + " allowed whatever the baseline does";
  if (guard.since_start[0].n > 0) text += " (" + shown(guard.since_start[0]) + ")";
  return text;
}

}  // namespace

std::string guard_name(const GuardStatus& guard) { return guard_name(guard.guard) + (guard.is_limit ? " max" : ""); }

std::string explain_drift(const GuardStatus& guard, double log_threshold) {
  std::string text = guard_name(guard) + ": " + shown(guard.in_step[1]);
  if (is_time(guard.guard)) text += " slower than " + milliseconds(guard.threshold.candidate_us);
  return text + " since nobody is left on the baseline, by whose past at most " + percent(guard.drift_limit) +
         " are usual; evidence 1 : " + odds(std::log(guard.weight) + guard.log_evidence_drift) +
         " of 1 : " + odds(log_threshold) + ", which cannot tell the candidate from what has changed for everybody";
}

std::string explain(const GuardStatus& guard, double log_threshold) {
  std::string text = guard_name(guard) + ": " + (guard.is_limit ? ceiling(guard) : comparison(guard));
  const double log_evidence = std::log(guard.weight) + guard.log_evidence_rollback;
  text += "; evidence 1 : " + odds(log_evidence) + " of 1 : " + odds(log_threshold);
  if (guard.difference) text += ", difference " + shown(*guard.difference, guard.means);
  const std::string seen = std::to_string(guard.clusters_seen);
  text += guard.means ? ", groups of users: " + seen
                      : ", groups of users hit: " + std::to_string(guard.clusters_hit) + " of " + seen;
  text += worst(guard);
  text += ", design effect " + factor(guard.phi_div);
  for (std::size_t i = 0; i < std::min(kFailedSaid, guard.failed.size()); ++i) {
    text += (i == 0 ? "; first requests: " : ", ") + guard.failed[i];
  }
  if (!guard.alpha_promised) text += "; with so few users maxFalseRollback is not promised";
  return text;
}

}  // namespace weir::analysis
