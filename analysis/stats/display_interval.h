// Pure functions, and one accumulator that is confined to one thread. By how much the arms differ, with bounds to show
// to people: a confidence sequence that holds at all times, approximately. Nothing is decided by it.
//
// Arms are compared within blocks of a minute, none of which spans two splits, and blocks are weighed as Mantel and
// Haenszel do, so that neither drift nor a change of the split looks like a difference (Simpson's paradox). The bounds
// are Robbins' normal mixture, tightest at 1,000 candidate observations: Howard, Ramdas, McAuliffe, Sekhon, arXiv
// 1810.08240; Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, arXiv 2103.06476.
#pragma once

#include <optional>

#include "analysis/stats/mean_test.h"
#include "analysis/stats/rate_test.h"

namespace weir::analysis {

// Half the width at 95 % of n observations' mean, each with the standard deviation `sigma`.
double mixture_half_width(double sigma, double n);

struct Difference {
  double value = 0;           // candidate less baseline: a share of requests, or y
  double standard_error = 0;  // as if requests were independent
  double candidate_n = 0;

  // Half the width of its bounds. `divisor` is phi_div: how many observations count as one.
  double half_width(double divisor) const;
};

class DisplayInterval {
 public:
  static constexpr double kBlock_s = 60;

  // One arm's observations in a block.
  struct Observations {
    double n = 0;
    double sum = 0;
    double squares = 0;
  };
  struct State {
    Observations baseline;  // of the open block
    Observations candidate;
    double block_s = 0;  // how long it is open
    // Sums over closed blocks; w = n_c n_b / (n_c + n_b).
    double weights = 0;      // w
    double differences = 0;  // w (mean_c - mean_b)
    double variances = 0;    // w^2 v (1/n_c + 1/n_b)
    double candidate_n = 0;
  };

  explicit DisplayInterval(bool of_rates) : of_rates_(of_rates) {}

  // A tick that took `dt_s` seconds, and closes the block that it fills. One metric is of rates or of means, never
  // both.
  void add(const TickRates& tick, double dt_s);
  // `longer`: of a ratio, how much longer the candidate's answers are; its values are so much farther from the middle.
  void add(const TickMeans& tick, double dt_s, double longer = 1);
  // The split changes.
  void end_block();

  // Over all blocks, the open one included. Nothing before both arms have been seen within a block.
  std::optional<Difference> difference() const;

  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  void pass(double dt_s);

  bool of_rates_;
  State state_;
};

}  // namespace weir::analysis
