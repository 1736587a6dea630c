#include "analysis/stats/rate_test.h"

#include <algorithm>
#include <cmath>

#include "analysis/stats/log_sum.h"

namespace weir::analysis {
namespace {

// STATISTICS.md 4.0.
constexpr double kRollbackOdds[] = {1.1, 1.2, 1.35, 1.6, 2, 3, 5, 10, 30, 300};
constexpr double kAdvanceOdds[] = {0.8, 0.6, 0.35, 0.12, 0.02};
constexpr double kPriorEvents = 0.5;
constexpr double kPriorObservations = 50;
constexpr double kSmallestRate = 1e-6;
constexpr double kSmallestAlternative = 1e-9;
constexpr double kAllocationPrior = 200;
constexpr double kEdge = 1e-12;       // of the bracket
constexpr double kTolerance = 1e-15;  // of the bisection

std::span<const double> odds_of(TestSide side) {
  if (side == TestSide::kRollback) return kRollbackOdds;
  return kAdvanceOdds;
}

// The advance side has one alternative more: the healthy point, a candidate as good as the baseline.
std::size_t grid_size(TestSide side) { return odds_of(side).size() + (side == TestSide::kAdvance ? 1 : 0); }

double edge_of(double baseline, const Margin& margin) { return margin.factor * baseline + margin.absolute; }

}  // namespace

double baseline_rate(double x, double n) {
  return std::clamp((x + kPriorEvents) / (n + kPriorObservations), kSmallestRate, 1 - kSmallestRate);
}

double allocation(double candidate_n, double n, double nominal_weight) {
  return (candidate_n + kAllocationPrior * nominal_weight) / (n + kAllocationPrior);
}

double alternative_rate(double edge, double kappa) {
  const double rate = kappa * edge / (1 - edge + kappa * edge);
  return std::clamp(rate, kSmallestAlternative, 1 - kSmallestAlternative);
}

Rates project(const Rates& alternative, double w, const Margin& margin) {
  const double a = margin.factor;
  const double d = margin.absolute;
  // Rises from below zero to above: the derivative of what tells the alternative from p and a p + d.
  const auto slope = [&](double p) {
    const double q = a * p + d;
    return (1 - w) * (p - alternative.baseline) / (p * (1 - p)) + w * a * (q - alternative.candidate) / (q * (1 - q));
  };
  const double other = (alternative.candidate - d) / a;
  const double least = std::max(kEdge, (kEdge - d) / a);
  const double most = std::min(1 - kEdge, (1 - kEdge - d) / a);
  double low = std::clamp(std::min(alternative.baseline, other), least, most);
  double high = std::clamp(std::max(alternative.baseline, other), least, most);
  while (high - low >= kTolerance) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (slope(middle) < 0 ? low : high) = middle;
  }
  const double p0 = low + (high - low) / 2;
  return {p0, a * p0 + d};
}

Coefficients coefficients(const Rates& alternative, double w, const Margin& margin) {
  const Rates null = project(alternative, w, margin);
  return {std::log(alternative.candidate / null.candidate),
          std::log1p(-alternative.candidate) - std::log1p(-null.candidate),
          std::log(alternative.baseline / null.baseline),
          std::log1p(-alternative.baseline) - std::log1p(-null.baseline)};
}

double Coefficients::increment(const TickRates& tick) const {
  return static_cast<double>(tick.candidate_x) * candidate_bad +
         static_cast<double>(tick.candidate_n - tick.candidate_x) * candidate_good +
         static_cast<double>(tick.baseline_x) * baseline_bad +
         static_cast<double>(tick.baseline_n - tick.baseline_x) * baseline_good;
}

RateTest::RateTest(TestSide side) : side_(side), log_r_(grid_size(side)) { restart(); }

void RateTest::restart() { std::fill(log_r_.begin(), log_r_.end(), side_ == TestSide::kRollback ? kLogZero : 0); }

void RateTest::inject(double log_gamma) {
  for (double& log_r : log_r_) log_r = log_add(log_r, log_gamma);
}

void RateTest::add(const TickRates& tick, const Margin& margin, const Predicted& predicted) {
  if (tick.baseline_n + tick.candidate_n == 0) return;
  const double edge = edge_of(predicted.baseline_rate, margin);
  if (edge <= 0 || edge >= 1) return;
  const std::span<const double> odds = odds_of(side_);
  for (std::size_t j = 0; j < log_r_.size(); ++j) {
    const double candidate = j < odds.size() ? alternative_rate(edge, odds[j]) : predicted.baseline_rate;
    const Coefficients weights = coefficients({predicted.baseline_rate, candidate}, predicted.allocation, margin);
    log_r_[j] += weights.increment(tick) / predicted.divisor;
  }
}

double RateTest::log_evidence() const { return log_sum(log_r_) - std::log(static_cast<double>(log_r_.size())); }

}  // namespace weir::analysis
