// Pure functions. What a guard will see, before a rollout begins: after how many candidate requests a regression is
// found or a healthy candidate goes on, and how small a regression is ever found.
//
// Under a fixed truth the logarithm of a test's evidence is a random walk. From its drift I and its variance V an
// observation follows when it passes the evidence B that a decision takes: about half the time within B / I, 95 % of
// the time within the n at which n I less 1.645 standard deviations is B (growth rates: Grünwald, de Heide, Koolen,
// "Safe testing", arXiv 1906.07801). A mixture is about as fast as its best alternative. The prior and the learning of
// the first hundred observations are left out, so that very fast decisions are forecast a little too fast.
#pragma once

#include <limits>
#include <optional>
#include <span>

#include "analysis/stats/mean_test.h"
#include "analysis/stats/quantile.h"
#include "analysis/stats/rate_test.h"

namespace weir::analysis {

// B: the logarithm of the evidence that a rollback takes of one guard, whose share of the error is `weight`, when the
// change begins as `gamma` is injected: 0.5 at a rollout's start, 0.25/K at one of K steps', 0.25/1440 at a minute's.
double rollback_evidence(double alpha, double weight, double gamma);
// B of a gate.
double advance_evidence_of_rate(double beta);
double advance_evidence_of_mean(double beta);

// Candidate observations. Infinity: never.
struct Forecast {
  double drift = 0;     // I of the fastest alternative, in units of log evidence an observation; 0: none rises
  double variance = 0;  // V of the same
  double n50 = std::numeric_limits<double>::infinity();
  double n95 = std::numeric_limits<double>::infinity();

  // Of no alternative the evidence is expected to rise.
  bool never() const { return drift <= 0; }
};

// Candidate observations that are evidence already, of a time when the candidate had another share `weight`.
struct Earlier {
  double n = 0;
  double weight = 0;
};

// The truth about one guard of rates, and what it is judged by. Latency: rates of exceeding the threshold.
struct RateOutlook {
  Rates truth;
  double weight = 0;  // w, between 0 and 1, both excluded
  Margin margin;
  double divisor = 1;  // phi: how many observations count as one
};
// A gate whose margin allows for everything has passed before the first observation. What is forecast is counted from
// behind those of `earlier`.
Forecast forecast(const RateOutlook& outlook, TestSide side, double evidence, std::span<const Earlier> earlier = {});

struct Moments {
  double mean = 0;
  double variance = 0;
};
struct MeanOutlook {
  Moments baseline;
  Moments candidate;
  double weight = 0;
  Margin margin;
  double divisor = 1;
};
Forecast forecast(const MeanOutlook& outlook, TestSide side, double evidence, std::span<const Earlier> earlier = {});

// The truth about a rate that is held against a ceiling, whatever the baseline does. A limit outside (0, 1) limits
// nothing.
struct LimitOutlook {
  double rate = 0;
  double limit = 0;
  double divisor = 1;
};
Forecast forecast(const LimitOutlook& outlook, double evidence);

// How long so many candidate observations take, of `rps` a second in both arms together. Nothing is decided by less
// than three.
double seconds_for(double n, double weight, double rps);
// Likewise of `n95`, in 95 of 100 cases: three requests that come by chance may let wait twice as long as on average.
double seconds_for_most(double n95, double weight, double rps);

// The smallest candidate's rate or mean above the margin's edge that is rolled back within `n` candidate observations,
// 95 times in 100. The outlook's own truth about the candidate is not looked at, but for the variance of a mean.
// Nothing: none is.
std::optional<double> smallest_found(const RateOutlook& outlook, double evidence, double n);
std::optional<double> smallest_found(const MeanOutlook& outlook, double evidence, double n);
std::optional<double> smallest_found(const LimitOutlook& outlook, double evidence, double n);

// A latency guard: what the baseline does, and the guard's rule about it.
struct LatencyOutlook {
  const WeightedHistogram* baseline = nullptr;  // not null
  double total = 0;                             // observations in it, above 0
  double tau = 0;                               // share above the quantile: 0.01 for p99
  double factor = 1;                            // 1 + m
  double absolute_us = 0;                       // s

  double candidate_threshold_us() const;
};
// The rates of exceeding their thresholds, when every request of the candidate takes `slowdown` times as long.
Rates exceedance_rates(const LatencyOutlook& outlook, double slowdown);
// The other way round: what slowdown makes so many exceed the candidate's threshold. Infinity where even the fastest
// request would have to.
double slowdown_for(const LatencyOutlook& outlook, double candidate_rate);

}  // namespace weir::analysis
