// Confined to one thread. Evidence as a mixture over a grid of alternatives, each kept as the logarithm of its wealth:
// what all sequential tests here have in common.
//
// Each alternative's product of factors, of expectation 1 at most under the null, is a test martingale, and so is their
// mean: it passes 1/alpha with probability alpha at most, at whatever moment one looks (Ville; Ramdas, Grünwald, Vovk,
// Shafer, arXiv 2210.01948). Wealth that is put in later, in portions that sum to 1 at most, finds what begins later
// (Shin, Ramdas, Rinaldo, "E-detectors", arXiv 2203.03532). No call but the constructor and set_state() allocates.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "analysis/stats/log_sum.h"

namespace weir::analysis {

class Mixture {
 public:
  // `log_start` is where each alternative begins: kLogZero for what waits to be injected.
  Mixture(std::size_t alternatives, double log_start) : log_start_(log_start), log_r_(alternatives, log_start) {}

  std::size_t size() const { return log_r_.size(); }
  void add(std::size_t alternative, double log_factor) {
    log_r_[alternative] += log_factor;
    summed_ = false;
  }
  // Adds exp(log_gamma) to every alternative.
  void inject(double log_gamma) {
    for (double& log_r : log_r_) log_r = log_add(log_r, log_gamma);
    summed_ = false;
  }
  void restart() {
    std::fill(log_r_.begin(), log_r_.end(), log_start_);
    summed_ = false;
  }

  // Of the mean over the alternatives.
  double log_evidence() const {
    if (!std::exchange(summed_, true)) {
      log_evidence_ = log_sum(log_r_) - std::log(static_cast<double>(log_r_.size()));
    }
    return log_evidence_;
  }

  // For saving and restoring. A state of another size is of another grid.
  std::span<const double> state() const { return log_r_; }
  void set_state(std::span<const double> state) {
    log_r_.assign(state.begin(), state.end());
    summed_ = false;
  }

 private:
  double log_start_;
  std::vector<double> log_r_;
  // A tick asks several times.
  mutable double log_evidence_ = 0;
  mutable bool summed_ = false;
};

}  // namespace weir::analysis
