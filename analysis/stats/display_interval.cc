#include "analysis/stats/display_interval.h"

#include <algorithm>
#include <cmath>

namespace weir::analysis {
namespace {

// Tightest at n = 1,000 and 95 %: 1000 / (2 log 20 + log(1 + 2 log 20)), rounded.
constexpr double kTuning = 126;
constexpr double kAlpha = 0.05;

// v: of one observation, by both arms of the block.
double variance_of(const DisplayInterval::State& block, bool of_rates) {
  const auto& [nb, sum_b, squares_b] = block.baseline;
  const auto& [nc, sum_c, squares_c] = block.candidate;
  if (of_rates) {
    const double rate = (sum_b + sum_c + 0.5) / (nb + nc + 1);
    return rate * (1 - rate);
  }
  const double within = (squares_b - sum_b * sum_b / nb) + (squares_c - sum_c * sum_c / nc);
  return std::max(0.0, within) / std::max(1.0, nb + nc - 2);
}

// The state with its open block closed.
DisplayInterval::State closed(const DisplayInterval::State& open, bool of_rates) {
  DisplayInterval::State state = open;
  const double nb = open.baseline.n;
  const double nc = open.candidate.n;
  if (nb > 0 && nc > 0) {
    const double weight = nc * nb / (nc + nb);
    state.weights += weight;
    state.differences += weight * (open.candidate.sum / nc - open.baseline.sum / nb);
    state.variances += weight * weight * variance_of(open, of_rates) * (1 / nc + 1 / nb);
    state.candidate_n += nc;
  }
  state.baseline = {};
  state.candidate = {};
  state.block_s = 0;
  return state;
}

void add_rate(DisplayInterval::Observations& arm, std::uint64_t n, std::uint64_t x) {
  arm.n += static_cast<double>(n);
  arm.sum += static_cast<double>(x);
  arm.squares += static_cast<double>(x);
}

// Of 1/2 + (y - 1/2) / longer.
void add_values(DisplayInterval::Observations& arm, const ValueSums& values, double longer = 1) {
  const auto n = static_cast<double>(values.n);
  const double sum = values.sum() - n / 2;
  const double squares = values.squares() - values.sum() + n / 4;
  arm.n += n;
  arm.sum += longer == 1 ? values.sum() : n / 2 + sum / longer;
  arm.squares += longer == 1 ? values.squares() : n / 4 + sum / longer + squares / (longer * longer);
}

}  // namespace

double mixture_half_width(double sigma, double n) {
  return sigma * std::sqrt((n + kTuning) / (n * n) * (std::log1p(n / kTuning) - 2 * std::log(kAlpha)));
}

double Difference::half_width(double divisor) const {
  return mixture_half_width(standard_error * std::sqrt(divisor * candidate_n), candidate_n);
}

void DisplayInterval::add(const TickRates& tick, double dt_s) {
  add_rate(state_.baseline, tick.baseline_n, tick.baseline_x);
  add_rate(state_.candidate, tick.candidate_n, tick.candidate_x);
  pass(dt_s);
}

void DisplayInterval::add(const TickMeans& tick, double dt_s, double longer) {
  add_values(state_.baseline, tick.baseline);
  add_values(state_.candidate, tick.candidate, longer);
  pass(dt_s);
}

void DisplayInterval::pass(double dt_s) {
  state_.block_s += dt_s;
  // Six hundred tenths of a second are not quite a minute.
  if (state_.block_s >= kBlock_s - 1e-6) end_block();
}

void DisplayInterval::end_block() { state_ = closed(state_, of_rates_); }

std::optional<Difference> DisplayInterval::difference() const {
  const State all = closed(state_, of_rates_);
  if (all.weights <= 0) return {};
  return Difference{all.differences / all.weights, std::sqrt(all.variances) / all.weights, all.candidate_n};
}

}  // namespace weir::analysis
