// Pure functions, and one accumulator that is confined to one thread. Is the candidate's mean of values in [0, 1], of
// which larger is worse, acceptable, that is at most a times the baseline's plus d?
//
// A bet on the contrast x of a tick's observations, candidate against baseline times the margin. x >= -1, its
// expectation is 0 at most while the means are acceptable, whatever the distributions, and therefore so is that of the
// factor exp(lambda x - psi_E(lambda) x^2) at most 1: Fan, Grama, Liu 2015, "Exponential inequalities for martingales";
// Howard, Ramdas, McAuliffe, Sekhon, arXiv 1810.08240; Waudby-Smith, Ramdas, arXiv 2010.09686. Both arms are centred
// by what the baseline was before the tick, and are compared over the same seconds, so that drift is no evidence.
#pragma once

#include <cstddef>
#include <span>

#include "analysis/stats/mixture.h"
#include "analysis/stats/rate_test.h"
#include "analysis/stats/value_sums.h"

namespace weir::analysis {

// One tick of one metric, both arms over the same time.
struct TickMeans {
  ValueSums baseline;
  ValueSums candidate;
};

// m: what the baseline's mean was before the tick, with its prior, from a sum and number of remembered values.
double baseline_mean(double sum, double n);

// What is known before a tick, and weighs it.
struct PredictedMean {
  double baseline_mean = 0;  // m
  double allocation = 0;     // w*, between 0 and 1, both excluded
  double divisor = 1;        // phi_div: how many observations count as one
};

// The centred, scaled contrast's sums over a tick.
struct MeanContrast {
  double sum = 0;      // SX
  double squares = 0;  // SXX

  double log_factor(double lambda) const;
};
MeanContrast mean_contrast(const TickMeans& tick, const Margin& margin, const PredictedMean& predicted, TestSide side);

// What a candidate observation is compared with, for those who predict a test: x = (+-)(y_c - edge) / scale for the
// candidate's, (-+)baseline_scale (y_b - m) / scale for the baseline's.
struct MeanScale {
  double edge = 0;            // u = a m + d
  double baseline_scale = 0;  // r a, r = w*/(1 - w*)
  double scale = 1;           // c
};
MeanScale mean_scale(const Margin& margin, const PredictedMean& predicted, TestSide side);

// The stakes lambda, of both sides.
std::span<const double> stake_grid();
// psi_E(lambda) = -log(1 - lambda) - lambda.
double psi_exponential(double lambda);

// The evidence of one metric toward one side: a mixture over the stakes.
class MeanTest {
 public:
  explicit MeanTest(TestSide side);

  // As RateTest's. Sums must be possible().
  void inject(double log_gamma) { mixture_.inject(log_gamma); }
  void restart() { mixture_.restart(); }
  void add(const TickMeans& tick, const Margin& margin, const PredictedMean& predicted);

  double log_evidence() const { return mixture_.log_evidence(); }

  std::span<const double> state() const { return mixture_.state(); }
  void set_state(std::span<const double> state) { mixture_.set_state(state); }

 private:
  TestSide side_;
  Mixture mixture_;
};

}  // namespace weir::analysis
