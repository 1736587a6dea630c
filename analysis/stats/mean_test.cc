#include "analysis/stats/mean_test.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace weir::analysis {
namespace {

constexpr std::array kStakes = {0.01, 0.016, 0.026, 0.042, 0.067, 0.107, 0.17, 0.27, 0.43, 0.69};
constexpr double kPriorSum = 0.05;
constexpr double kPriorObservations = 0.1;
constexpr double kSmallestMean = 0.001;

// psi_E of each stake, computed once: a tick asks for all of them, for every metric and side.
const std::array<double, kStakes.size()>& stake_costs() {
  static const auto kCosts = [] {
    std::array<double, kStakes.size()> costs{};
    std::transform(kStakes.begin(), kStakes.end(), costs.begin(), psi_exponential);
    return costs;
  }();
  return kCosts;
}

// Of y - center, from the tick's own sums alone.
struct Centred {
  double sum;
  double squares;
};
Centred centre(const ValueSums& values, double center) {
  const auto n = static_cast<double>(values.n);
  const double sum = values.sum();
  return {sum - n * center, values.squares() - 2 * center * sum + n * center * center};
}

}  // namespace

double baseline_mean(double sum, double n) {
  return std::clamp((sum + kPriorSum) / (n + kPriorObservations), kSmallestMean, 1 - kSmallestMean);
}

std::span<const double> stake_grid() { return kStakes; }

double psi_exponential(double lambda) { return -std::log1p(-lambda) - lambda; }

MeanScale mean_scale(const Margin& margin, const PredictedMean& predicted, TestSide side) {
  const double m = predicted.baseline_mean;
  MeanScale scale;
  scale.edge = margin.factor * m + margin.absolute;
  scale.baseline_scale = predicted.allocation / (1 - predicted.allocation) * margin.factor;
  // The largest that one observation can take away, so that none takes more than the stake.
  scale.scale = side == TestSide::kRollback ? std::max(scale.edge, scale.baseline_scale * (1 - m))
                                            : std::max(1 - scale.edge, scale.baseline_scale * m);
  return scale;
}

MeanContrast mean_contrast(const TickMeans& tick, const Margin& margin, const PredictedMean& predicted, TestSide side) {
  const MeanScale scale = mean_scale(margin, predicted, side);
  const Centred candidate = centre(tick.candidate, scale.edge);
  const Centred baseline = centre(tick.baseline, predicted.baseline_mean);
  const double worse = candidate.sum - scale.baseline_scale * baseline.sum;
  const double squares = candidate.squares + scale.baseline_scale * scale.baseline_scale * baseline.squares;
  return {(side == TestSide::kRollback ? worse : -worse) / scale.scale, squares / (scale.scale * scale.scale)};
}

double MeanContrast::log_factor(double lambda) const { return lambda * sum - psi_exponential(lambda) * squares; }

MeanTest::MeanTest(TestSide side) : side_(side), mixture_(kStakes.size(), log_start(side)) {}

void MeanTest::add(const TickMeans& tick, const Margin& margin, const PredictedMean& predicted) {
  if (tick.baseline.n + tick.candidate.n == 0) return;
  const MeanContrast contrast = mean_contrast(tick, margin, predicted, side_);
  const auto& costs = stake_costs();
  for (std::size_t j = 0; j < kStakes.size(); ++j) {
    mixture_.add(j, (kStakes[j] * contrast.sum - costs[j] * contrast.squares) / predicted.divisor);
  }
}

}  // namespace weir::analysis
