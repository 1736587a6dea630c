// Confined to one thread. The evidence of one metric toward one side, whichever its family: a share of requests, or a
// mean of values.
#pragma once

#include <span>
#include <variant>

#include "analysis/stats/display_interval.h"
#include "analysis/stats/mean_test.h"
#include "analysis/stats/rate_test.h"
#include "analysis/stats/value_sums.h"

namespace weir::analysis {

// One tick of one metric, both arms over the same time. Of a rate: the observations, and as s1 and s2 the bad ones.
struct TickPair {
  ValueSums baseline;
  ValueSums candidate;

  TickRates rates() const { return {baseline.n, baseline.s1, candidate.n, candidate.s1}; }
  TickMeans means() const { return {baseline, candidate}; }
};

class Evidence {
 public:
  // `refresh` is of a rate's coefficients.
  Evidence(TestSide side, bool of_mean, Refresh refresh) : test_(made(side, of_mean, refresh)) {}

  void inject(double log_gamma) {
    std::visit([&](auto& test) { test.inject(log_gamma); }, test_);
  }
  void restart() {
    std::visit([](auto& test) { test.restart(); }, test_);
  }
  // `predicted.baseline_rate` is the baseline's mean, of a mean.
  void add(const TickPair& tick, const Margin& margin, const Predicted& predicted) {
    if (auto* rates = std::get_if<RateTest>(&test_)) {
      rates->add(tick.rates(), margin, predicted);
    } else {
      std::get<MeanTest>(test_).add(tick.means(), margin,
                                    {predicted.baseline_rate, predicted.allocation, predicted.divisor});
    }
  }
  double log_evidence() const {
    return std::visit([](const auto& test) { return test.log_evidence(); }, test_);
  }

  // For saving and restoring.
  std::span<const double> state() const {
    return std::visit([](const auto& test) { return test.state(); }, test_);
  }
  void set_state(std::span<const double> state) {
    std::visit([&](auto& test) { test.set_state(state); }, test_);
  }
  // Null: of a mean, which has none.
  CoefficientCache* cache() {
    auto* const rates = std::get_if<RateTest>(&test_);
    return rates == nullptr ? nullptr : &rates->cache();
  }
  const CoefficientCache* cache() const { return const_cast<Evidence*>(this)->cache(); }

 private:
  using Test = std::variant<RateTest, MeanTest>;
  static Test made(TestSide side, bool of_mean, Refresh refresh) {
    if (of_mean) return MeanTest(side);
    return RateTest(side, refresh);
  }

  Test test_;
};

}  // namespace weir::analysis
