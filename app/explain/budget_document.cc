#include "app/explain/budget_document.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "app/explain/noise_document.h"

namespace weir::app {
namespace {

// Of all requests, with either version.
double failing(const analysis::BaselineTraffic& traffic) {
  const auto rate = [&](BinaryMetric metric) { return traffic.rates[static_cast<std::size_t>(metric)]; };
  return std::min(1.0, rate(BinaryMetric::kErrorRate) + rate(BinaryMetric::kCapacityRate));
}

// Of the candidate while it stays in the step, in half of all cases.
double requests(const analysis::StepTime& step) {
  return step.candidate_rps > 0 ? step.candidate_rps * step.lasts_s.p50 : 0;
}

double excess_by_chance(const std::vector<analysis::StepOutlook>& steps, double p) {
  double sum = 0;
  for (const analysis::StepOutlook& step : steps) {
    const double to_baseline = step.time.weight < 1 ? step.time.weight / (1 - step.time.weight) : 0;  // n / n_b
    const double variance = requests(step.time) * p * (1 - p) * (1 + to_baseline);
    sum += std::sqrt(variance / (2 * std::numbers::pi));
  }
  return sum;
}

double failed_by_chance(const std::vector<analysis::StepOutlook>& steps, double p) {
  double sum = 0;
  for (const analysis::StepOutlook& step : steps) sum += requests(step.time) * p;
  return sum;
}

}  // namespace

json::Array budget_document(const config::MaxExposure& most, const analysis::BaselineTraffic& traffic,
                            const std::vector<analysis::StepOutlook>& steps) {
  json::Array out;
  const auto add = [&](const char* name, json::Value limit, json::Value by_chance) {
    out.push_back(json::Object{{"name", name}, {"limit", std::move(limit)}, {"by_chance", std::move(by_chance)}});
  };
  const double p = failing(traffic);
  if (most.excess_failures) add("excessFailures", *most.excess_failures, finite(excess_by_chance(steps, p)));
  if (most.extra_cost) add("extraCost", *most.extra_cost, {});
  if (most.failed_requests) add("failedRequests", *most.failed_requests, finite(failed_by_chance(steps, p)));
  return out;
}

json::Array spent_document(const config::MaxExposure& most, const analysis::BaselineTraffic& traffic,
                           const analysis::StepOutlook& step) {
  const double rps = step.time.candidate_rps;
  const auto after = [](std::uint64_t limit, double a_second) { return finite(static_cast<double>(limit) / a_second); };
  json::Array out;
  if (most.excess_failures) out.push_back(after(*most.excess_failures, rps * (1 - failing(traffic))));
  if (most.extra_cost) out.emplace_back();
  if (most.failed_requests) out.push_back(after(*most.failed_requests, rps));
  return out;
}

}  // namespace weir::app
