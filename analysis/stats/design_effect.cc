#include "analysis/stats/design_effect.h"

#include <algorithm>
#include <cmath>

namespace weir::analysis {
namespace {

constexpr double kPriorMass = 5;  // k, for binary metrics
constexpr double kSquaredQuantile = 14;
constexpr double kNoVariance = 1e-9;
constexpr double kTiny = 1e-300;

}  // namespace

Spread spread(std::span<const ClusterCount> clusters) {
  Spread arm;
  double x = 0;
  double n_squares = 0;
  for (const ClusterCount& cluster : clusters) {
    const auto n = static_cast<double>(cluster.n);
    arm.n += n;
    x += static_cast<double>(cluster.x);
    n_squares += n * n;
  }
  if (arm.n == 0) return arm;
  const double rate = x / arm.n;
  double squares = 0;
  for (const ClusterCount& cluster : clusters) {
    const double difference = static_cast<double>(cluster.x) - rate * static_cast<double>(cluster.n);
    squares += difference * difference;
  }
  const auto g = static_cast<double>(clusters.size());
  arm.between = g / (g - 1) * squares;
  arm.within = x - x * x / arm.n;
  arm.effective_clusters = arm.n * arm.n / n_squares;
  return arm;
}

double few_clusters(double effective_clusters) {
  const double nu = std::max(3.0, effective_clusters - 1);
  return nu / kSquaredQuantile * std::expm1(kSquaredQuantile / nu);
}

DesignEffect design_effect(const Spread& baseline, const Spread& candidate, double factor, std::size_t clusters) {
  DesignEffect effect;
  if (baseline.n == 0 || candidate.n == 0) return effect;
  const double baseline_effect = baseline.within < kNoVariance ? 1 : std::max(1.0, baseline.between / baseline.within);
  const double candidate_square = candidate.n * candidate.n;
  const double baseline_part = factor * factor * baseline.within / (baseline.n * baseline.n);
  const double seen =
      (candidate.between + kPriorMass * baseline_effect) / candidate_square + baseline_part * baseline_effect;
  const double expected = (candidate.within + kPriorMass) / candidate_square + baseline_part;
  effect.phi = expected < kTiny ? 1 : std::max(1.0, seen / expected);
  effect.few = few_clusters(candidate.effective_clusters);
  const double noise = std::sqrt(2 / (static_cast<double>(clusters) - 1));
  const auto divisor = [&](double phi) { return 1 + 2 * std::max(0.0, phi - 1 - noise) * effect.few; };
  effect.divisor = divisor(effect.phi);
  effect.advance_divisor = divisor(std::max(effect.phi, baseline_effect));
  return effect;
}

}  // namespace weir::analysis
