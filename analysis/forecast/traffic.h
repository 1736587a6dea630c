// Immutable values and pure functions. What a rollout will meet, as far as it is known before: how many requests, and
// what the baseline is like.
#pragma once

#include <array>

#include "analysis/stats/forecast.h"
#include "analysis/stats/quantile.h"
#include "base/outcome.h"
#include "config/rollout.h"

namespace weir::analysis {

struct BaselineTraffic {
  double rps = 0;                                      // of both versions together, above 0
  std::array<double, kBinaryMetricCount> rates{};      // by BinaryMetric, each above 0
  std::array<bool, kBinaryMetricCount> rates_known{};  // measured or named; the others are assumed
  WeightedHistogram latency{};                         // its shape alone counts
  double latency_total = 0;                            // observations in it, above 0
  bool latency_known = false;                          // likewise
  double latency_history = 0;                          // observations that the judge has when the rollout begins
  double scored_share = 1;                             // of the answers: to how many somebody gives each score
  double scored_after_s = 0;                           // and how long after their end
  double design_effect = 1;                            // how many observations count as one, 1 or more
};

// What is taken for a rate and for the spread of latencies that nobody has measured (STATISTICS.md 6.0).
inline constexpr double kAssumedRate = 0.001;
inline constexpr double kAssumedBadRate = 0.02;  // of answers, by what is told of them
inline constexpr double kAssumedSigma = 0.6;
// Likewise of how many answers there is a score, and how long after their end; and how long the baseline has been alone
// before the rollout begins.
inline constexpr double kAssumedScoredShare = 0.2;
inline constexpr double kAssumedScoredAfter_s = 120;
inline constexpr double kAssumedBefore_s = 600;

// `latency` and `latency_total`: a lognormal with kAssumedSigma.
void assume_latency(BaselineTraffic& traffic, double median_us);
// The baseline's, as far as it is known.
double rate_of(const config::Guard& guard, const BaselineTraffic& traffic);
// What part of a latency the guard's time is, where the latency alone is known: the times of the simulated users'
// answers. All of them are spread alike.
double part_of_latency(const config::Guard& guard);
// Of a mean, y in [0, 1], 1 the worst: as it is among the users of STATISTICS.md 6.0, for nobody has measured it.
// Amounts are lognormal with sigma 0.8, up to eight times their mean; scores have 0.8 of their scale on average. Of a
// ratio, tokens are as amounts, and the time that they take has nothing to do with them.
Moments assumed_mean(const config::Guard& guard);
// What a guard of amounts is reckoned to cap at, in its unit: infinity where the baseline will say. Of a ratio, of how
// much of its numerator's mean a value is a share.
double reckoned_cap(const config::Guard& guard);
// A rate that can be reckoned with: never quite 0, never quite 1.
double usable_rate(double rate);

}  // namespace weir::analysis
