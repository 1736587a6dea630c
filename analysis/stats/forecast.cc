#include "analysis/stats/forecast.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace weir::analysis {
namespace {

constexpr double kZ95 = 1.6448536;
constexpr double kFewestRequests = 3;
// By when so many of a Poisson process have come in 95 of 100 cases, in its mean gaps: Gamma(3).
constexpr double kMostForFewest = 6.2957936;
// Of ten alternatives about three are near enough to the truth to carry the evidence, of the six of an advance about
// five.
constexpr double kTenAlternatives = 10.0 / 3;
constexpr double kSixAlternatives = 1.25;
constexpr int kBisections = 60;

// One alternative's evidence, an observation of the candidate with the baseline's that come with it.
struct Walk {
  double drift;
  double variance;
};

// Takes the alternative into the forecast, if it is faster than those before. `past`: what its evidence is already, and
// how much that varies.
void consider(Forecast& forecast, const Walk& walk, double evidence, const Walk& past = {0, 0}) {
  const double left = evidence - past.drift;
  if (left <= 0) forecast.n50 = 0;
  if (left + kZ95 * std::sqrt(past.variance) <= 0) forecast.n95 = 0;
  if (!(walk.drift > 0)) return;
  const double n50 = std::max(0.0, left) / walk.drift;
  if (n50 <= forecast.n50) {
    forecast.n50 = n50;
    forecast.drift = walk.drift;
    forecast.variance = walk.variance;
  }
  // The n at which what is expected is so many standard deviations above the evidence: a root of a square.
  const double half = walk.drift * left + kZ95 * kZ95 * walk.variance / 2;
  const double rest = left * left - kZ95 * kZ95 * past.variance;
  const double n95 = (half + std::sqrt(half * half - walk.drift * walk.drift * rest)) / (walk.drift * walk.drift);
  if (forecast.n95 > 0) forecast.n95 = std::min(forecast.n95, n95);
}

// An alternative's evidence of all that came before.
template <typename Outlook, typename WalkAt>
Walk past_of(const Outlook& outlook, std::span<const Earlier> earlier, const WalkAt& walk_at) {
  Walk past{0, 0};
  for (const auto& [n, weight] : earlier) {
    Outlook then = outlook;
    then.weight = weight;
    const Walk walk = walk_at(then);
    past.drift += n * walk.drift;
    past.variance += n * walk.variance;
  }
  return past;
}

Walk rate_walk(const RateOutlook& outlook, const Coefficients& c) {
  const auto& [pb, pc] = outlook.truth;
  const double baselines = (1 - outlook.weight) / outlook.weight;
  const double candidate_step = c.candidate_bad - c.candidate_good;
  const double baseline_step = c.baseline_bad - c.baseline_good;
  const double drift = pc * c.candidate_bad + (1 - pc) * c.candidate_good +
                       baselines * (pb * c.baseline_bad + (1 - pb) * c.baseline_good);
  const double variance =
      pc * (1 - pc) * candidate_step * candidate_step + baselines * pb * (1 - pb) * baseline_step * baseline_step;
  return {drift / outlook.divisor, variance / outlook.divisor};
}

// The least value between `edge` and 1 of which `found` holds, where it holds of all above, too.
template <typename Found>
std::optional<double> least(double edge, const Found& found) {
  if (edge >= 1 || !found(1)) return {};
  double low = edge;
  double high = 1;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = low + (high - low) / 2;
    (found(middle) ? high : low) = middle;
  }
  return high;
}

double edge_of(double baseline, const Margin& margin) { return margin.factor * baseline + margin.absolute; }

}  // namespace

double rollback_evidence(double alpha, double weight, double gamma) {
  return -std::log(alpha) - std::log(weight) - std::log(gamma) + std::log(kTenAlternatives);
}

double advance_evidence_of_rate(double beta) { return -std::log(beta) + std::log(kSixAlternatives); }
double advance_evidence_of_mean(double beta) { return -std::log(beta) + std::log(kTenAlternatives); }

Forecast forecast(const RateOutlook& outlook, TestSide side, double evidence, std::span<const Earlier> earlier) {
  Forecast fastest;
  const double edge = edge_of(outlook.truth.baseline, outlook.margin);
  if (edge >= 1 && side == TestSide::kAdvance) {
    constexpr double kAtOnce = std::numeric_limits<double>::infinity();
    return {.drift = kAtOnce, .variance = 0, .n50 = 0, .n95 = 0};
  }
  if (edge <= 0 || edge >= 1) return fastest;
  for (std::size_t j = 0; j < alternative_count(side); ++j) {
    const Rates alternative_rates{outlook.truth.baseline, alternative(side, j, outlook.truth.baseline, outlook.margin)};
    const auto walk = [&](const RateOutlook& at) {
      return rate_walk(at, coefficients(alternative_rates, at.weight, at.margin));
    };
    consider(fastest, walk(outlook), evidence, past_of(outlook, earlier, walk));
  }
  return fastest;
}

namespace {

Walk mean_walk(const MeanOutlook& outlook, TestSide side, double stake) {
  const PredictedMean predicted{outlook.baseline.mean, outlook.weight, 1};
  const MeanScale scale = mean_scale(outlook.margin, predicted, side);
  const double baselines = (1 - outlook.weight) / outlook.weight;
  const double above = outlook.candidate.mean - scale.edge;
  const double unit = scale.scale * scale.scale;
  const double variance = (outlook.candidate.variance +
                           baselines * scale.baseline_scale * scale.baseline_scale * outlook.baseline.variance) /
                          unit;
  const MeanContrast expected{(side == TestSide::kRollback ? above : -above) / scale.scale,
                              variance + above * above / unit};
  return {expected.log_factor(stake) / outlook.divisor, stake * stake * variance / outlook.divisor};
}

}  // namespace

Forecast forecast(const MeanOutlook& outlook, TestSide side, double evidence, std::span<const Earlier> earlier) {
  Forecast fastest;
  for (const double stake : stake_grid()) {
    const auto walk = [&](const MeanOutlook& at) { return mean_walk(at, side, stake); };
    consider(fastest, walk(outlook), evidence, past_of(outlook, earlier, walk));
  }
  return fastest;
}

Forecast forecast(const LimitOutlook& outlook, double evidence) {
  Forecast fastest;
  const double limit = outlook.limit;
  if (limit <= 0 || limit >= 1) return fastest;
  for (const double odds : odds_grid(TestSide::kRollback)) {
    const double rate = alternative_rate(limit, odds);
    const double good = std::log1p(-rate) - std::log1p(-limit);
    const double step = std::log(rate / limit) - good;
    const Walk walk{.drift = outlook.rate * step + good, .variance = outlook.rate * (1 - outlook.rate) * step * step};
    consider(fastest, {walk.drift / outlook.divisor, walk.variance / outlook.divisor}, evidence);
  }
  return fastest;
}

double seconds_for(double n, double weight, double rps) { return std::max(n, kFewestRequests) / (weight * rps); }

// Of more requests what chance adds to when they come is little beside what it adds to how many are needed.
double seconds_for_most(double n95, double weight, double rps) {
  return std::max(n95, kMostForFewest) / (weight * rps);
}

std::optional<double> smallest_found(const RateOutlook& outlook, double evidence, double n) {
  return least(edge_of(outlook.truth.baseline, outlook.margin), [&](double rate) {
    RateOutlook worse = outlook;
    worse.truth.candidate = rate;
    return forecast(worse, TestSide::kRollback, evidence).n95 <= n;
  });
}

std::optional<double> smallest_found(const MeanOutlook& outlook, double evidence, double n) {
  return least(edge_of(outlook.baseline.mean, outlook.margin), [&](double mean) {
    MeanOutlook worse = outlook;
    worse.candidate.mean = mean;
    return forecast(worse, TestSide::kRollback, evidence).n95 <= n;
  });
}

std::optional<double> smallest_found(const LimitOutlook& outlook, double evidence, double n) {
  return least(outlook.limit, [&](double rate) {
    LimitOutlook worse = outlook;
    worse.rate = rate;
    return forecast(worse, evidence).n95 <= n;
  });
}

double LatencyOutlook::candidate_threshold_us() const {
  return factor * upper_quantile_us(*baseline, total, tau) + absolute_us;
}

Rates exceedance_rates(const LatencyOutlook& outlook, double slowdown) {
  return {outlook.tau, share_above(*outlook.baseline, outlook.total, outlook.candidate_threshold_us() / slowdown)};
}

double slowdown_for(const LatencyOutlook& outlook, double candidate_rate) {
  const double quantile_us = upper_quantile_us(*outlook.baseline, outlook.total, candidate_rate);
  return quantile_us > 0 ? outlook.candidate_threshold_us() / quantile_us : std::numeric_limits<double>::infinity();
}

}  // namespace weir::analysis
