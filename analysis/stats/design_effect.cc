#include "analysis/stats/design_effect.h"

#include <algorithm>
#include <cmath>

#include "analysis/stats/value_sums.h"

namespace weir::analysis {
namespace {

constexpr double kPriorMass = 5;               // k, for binary metrics
constexpr double kMeanPriorObservations = 20;  // k of means: so many observations with the baseline's variance
constexpr double kSquaredQuantile = 14;
constexpr double kNoVariance = 1e-9;
constexpr double kTiny = 1e-300;

// D, M and Geff of one arm. `one` is the x of an observation of 1, `squares` the sum of squared observations.
Spread spread_of(const ClusterSums& sums, std::size_t clusters, double one, double squares) {
  Spread arm;
  if (sums.n == 0) return arm;
  arm.n = static_cast<double>(sums.n);
  const double x = static_cast<double>(sums.x) / one;
  const double mean = x / arm.n;
  const auto nn = static_cast<double>(sums.nn);
  const double nx = static_cast<double>(sums.nx) / one;
  const double xx = static_cast<double>(sums.xx) / (one * one);
  // The sum of (x_g - mean n_g)^2. What cancels leaves it right to a 10^-8th part after a billion requests.
  const double differences = std::max(0.0, xx - 2 * mean * nx + mean * mean * nn);
  const auto g = static_cast<double>(clusters);
  arm.between = g / (g - 1) * differences;
  arm.within = std::max(0.0, squares - x * mean);
  arm.effective_clusters = arm.n * arm.n / nn;
  return arm;
}

double divisor_of(double phi, double few, std::size_t clusters) {
  const double noise = std::sqrt(2 / (static_cast<double>(clusters) - 1));  // a standard error of phi
  return 1 + 2 * std::max(0.0, phi - 1 - noise) * few;
}

double own_effect(const Spread& arm) { return arm.within < kNoVariance ? 1 : std::max(1.0, arm.between / arm.within); }

}  // namespace

ClusterSums sums_of(std::span<const ClusterCount> clusters) {
  ClusterSums sums;
  for (const ClusterCount& cluster : clusters) sums.add({}, cluster);
  return sums;
}

Spread spread(const ClusterSums& sums, std::size_t clusters) {
  Spread arm = spread_of(sums, clusters, 1, static_cast<double>(sums.x));
  arm.prior_mass = kPriorMass;
  return arm;
}

Spread mean_spread(const ClusterSums& sums, std::size_t clusters, std::uint64_t s2) {
  constexpr auto kOne = static_cast<double>(kValueOne);
  Spread arm = spread_of(sums, clusters, kOne, static_cast<double>(s2) / (kOne * kOne));
  if (arm.n > 0) arm.prior_mass = kMeanPriorObservations * arm.within / arm.n;
  return arm;
}

double few_clusters(double effective_clusters) {
  const double nu = std::max(3.0, effective_clusters - 1);
  return nu / kSquaredQuantile * std::expm1(kSquaredQuantile / nu);
}

DesignEffect design_effect(const Spread& baseline, const Spread& candidate, double factor, std::size_t clusters) {
  DesignEffect effect;
  if (baseline.n == 0 || candidate.n == 0) return effect;
  const double baseline_effect = own_effect(baseline);
  const double candidate_square = candidate.n * candidate.n;
  const double baseline_part = factor * factor * baseline.within / (baseline.n * baseline.n);
  const double seen =
      (candidate.between + baseline.prior_mass * baseline_effect) / candidate_square + baseline_part * baseline_effect;
  const double expected = (candidate.within + baseline.prior_mass) / candidate_square + baseline_part;
  effect.phi = expected < kTiny ? 1 : std::max(1.0, seen / expected);
  effect.few = few_clusters(candidate.effective_clusters);
  effect.divisor = divisor_of(effect.phi, effect.few, clusters);
  effect.advance_divisor = divisor_of(std::max(effect.phi, baseline_effect), effect.few, clusters);
  return effect;
}

double own_divisor(const Spread& arm, std::size_t clusters) {
  if (arm.n == 0) return 1;
  return divisor_of(own_effect(arm), few_clusters(arm.effective_clusters), clusters);
}

}  // namespace weir::analysis
