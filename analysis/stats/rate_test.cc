#include "analysis/stats/rate_test.h"

#include <algorithm>
#include <cmath>

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
constexpr double kTolerance = 1e-15;  // of the bracket
constexpr double kNewtonStep = 1e-9;  // relative, the last one's

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

namespace {

// What tells the alternative from p and a p + d, differentiated by p: rises from below zero to above. And its own
// derivative.
struct Slope {
  double value;
  double rise;
};
Slope slope_at(double p, const Rates& alternative, double w, const Margin& margin) {
  const auto term = [](double at, double center) {
    const double unit = at * (1 - at);
    return Slope{(at - center) / unit, (center * (1 - at) * (1 - at) + (1 - center) * at * at) / (unit * unit)};
  };
  const Slope baseline = term(p, alternative.baseline);
  const Slope candidate = term(margin.factor * p + margin.absolute, alternative.candidate);
  const double a = margin.factor;
  return {(1 - w) * baseline.value + w * a * candidate.value, (1 - w) * baseline.rise + w * a * a * candidate.rise};
}

}  // namespace

// Newton's steps from between the ends by weight, where the root is if a = 1 and d = 0; where a step would leave the
// bracket, its middle. About six steps; a judge projects hundreds of alternatives a second for each rollout.
Rates project(const Rates& alternative, double w, const Margin& margin) {
  const double a = margin.factor;
  const double d = margin.absolute;
  const double other = (alternative.candidate - d) / a;
  const double least = std::max(kEdge, (kEdge - d) / a);
  const double most = std::min(1 - kEdge, (1 - kEdge - d) / a);
  double low = std::clamp(std::min(alternative.baseline, other), least, most);
  double high = std::clamp(std::max(alternative.baseline, other), least, most);
  double p = std::clamp((1 - w) * alternative.baseline + w * other, low, high);
  while (high - low >= kTolerance) {
    const Slope slope = slope_at(p, alternative, w, margin);
    (slope.value < 0 ? low : high) = p;
    double next = p - slope.value / slope.rise;
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    const double step = std::abs(next - p);
    p = next;
    // The error squares with each step.
    if (step <= kNewtonStep * std::min({p, 1 - p, (a * p + d) / a, (1 - a * p - d) / a})) break;
    if (next <= low || next >= high) break;
  }
  return {p, a * p + d};
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

std::span<const double> odds_grid(TestSide side) {
  if (side == TestSide::kRollback) return kRollbackOdds;
  return kAdvanceOdds;
}

std::size_t alternative_count(TestSide side) { return odds_grid(side).size() + (side == TestSide::kAdvance ? 1 : 0); }

double alternative(TestSide side, std::size_t j, double baseline_rate, const Margin& margin) {
  const std::span<const double> odds = odds_grid(side);
  return j < odds.size() ? alternative_rate(edge_of(baseline_rate, margin), odds[j]) : baseline_rate;
}

namespace {

constexpr double kMoved = 0.01;

// Of a share: it and what is left of 1.
bool moved(double now, double then) { return !(std::abs(now - then) < kMoved * std::min(then, 1 - then)); }

bool is_inside(double share) { return share > 0 && share < 1; }

bool usable(const CoefficientCache::Origin& origin) {
  return is_inside(origin.baseline_rate) && is_inside(origin.allocation) &&
         is_inside(edge_of(origin.baseline_rate, origin.margin));
}

bool same(const Margin& a, const Margin& b) { return a.factor == b.factor && a.absolute == b.absolute; }

}  // namespace

const CoefficientCache::Grid& CoefficientCache::of(const Origin& wanted) {
  const auto holds = [&](const Origin& known) {
    return refresh_ == Refresh::kWhenMoved && same(known.margin, wanted.margin) &&
           !moved(wanted.baseline_rate, known.baseline_rate) && !moved(wanted.allocation, known.allocation);
  };
  if (holds(entries_[last_].origin)) return entries_[last_].grid;
  last_ = (last_ + 1) % kKept;
  if (!holds(entries_[last_].origin)) compute(entries_[last_], wanted);
  return entries_[last_].grid;
}

void CoefficientCache::compute(Entry& entry, const Origin& origin) {
  entry.origin = origin;
  for (std::size_t j = 0; j < alternative_count(side_); ++j) {
    const double candidate = alternative(side_, j, origin.baseline_rate, origin.margin);
    entry.grid[j] = coefficients({origin.baseline_rate, candidate}, origin.allocation, origin.margin);
  }
}

std::array<CoefficientCache::Origin, CoefficientCache::kKept> CoefficientCache::origins() const {
  return {entries_[last_].origin, entries_[(last_ + 1) % kKept].origin};
}

void CoefficientCache::restore(const std::array<Origin, kKept>& origins) {
  last_ = 0;
  for (std::size_t i = 0; i < kKept; ++i) {
    entries_[i] = {};
    if (usable(origins[i])) compute(entries_[i], origins[i]);
  }
}

RateTest::RateTest(TestSide side, Refresh refresh)
    : cache_(side, refresh), mixture_(alternative_count(side), log_start(side)) {}

void RateTest::add(const TickRates& tick, const Margin& margin, const Predicted& predicted) {
  if (tick.baseline_n + tick.candidate_n == 0) return;
  const double edge = edge_of(predicted.baseline_rate, margin);
  if (edge <= 0 || edge >= 1) return;
  const CoefficientCache::Grid& grid =
      cache_.of({.margin = margin, .baseline_rate = predicted.baseline_rate, .allocation = predicted.allocation});
  for (std::size_t j = 0; j < mixture_.size(); ++j) mixture_.add(j, grid[j].increment(tick) / predicted.divisor);
}

}  // namespace weir::analysis
