// Pure functions, and one accumulator that is confined to one thread. Is the rate of bad events above a fixed limit q?
// For a ceiling that the plan sets beside the comparison, and for a version that has no baseline beside it any more.
//
// The likelihood ratio of a rate above the limit against the limit itself, mixed over such rates: while the true rate
// is at most q, the expectation of each factor is at most 1, so that it may be watched. With wealth injected each
// minute it finds a change that begins at any time (Shiryaev-Roberts with spending: Shin, Ramdas, Rinaldo, arXiv
// 2203.03532). Exact, and blind to why: what breaks everybody breaks the limit, too.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "analysis/stats/mixture.h"
#include "analysis/stats/rate_test.h"

namespace weir::analysis {

// q_ref of a version judged by its own past: what the plan's margin allows on top of the past rate, three times over in
// its absolute part, because nothing tells drift from a regression here.
constexpr double drift_limit(double past_rate, const Margin& margin) {
  return margin.factor * past_rate + 3 * margin.absolute;
}

class LimitTest {
 public:
  LimitTest();

  // As RateTest's rollback side: nothing counts before the first injection.
  void inject(double log_gamma) { mixture_.inject(log_gamma); }
  void restart() { mixture_.restart(); }
  // `x` bad events among `n`, x <= n; the limit may change from tick to tick, and outside (0, 1) it limits nothing.
  // `divisor` is the design effect of this arm alone (own_divisor).
  void add(std::uint64_t n, std::uint64_t x, double limit, double divisor);

  double log_evidence() const { return mixture_.log_evidence(); }

  std::span<const double> state() const { return mixture_.state(); }
  void set_state(std::span<const double> state) { mixture_.set_state(state); }

 private:
  // What each kind of observation adds to an alternative's logarithm, by the last limit.
  struct Weights {
    double bad = 0;
    double good = 0;
  };
  void weigh(double limit);

  Mixture mixture_;
  double limit_ = 0;
  std::array<Weights, 10> weights_{};
};

}  // namespace weir::analysis
