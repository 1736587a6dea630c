#include "analysis/rollout/honest_margin.h"

namespace weir::analysis {
namespace {

using config::Family;

constexpr int kBisections = 40;
constexpr double kMostSlowdown = 9;    // ten times as long
constexpr double kFewestRequests = 3;  // by less nothing is decided

// The least value of [0, most] that is `enough`, where all above are, too.
template <class Enough>
std::optional<double> least(double most, const Enough& enough) {
  if (enough(0)) return 0;
  if (!enough(most)) return {};
  double low = 0;
  double high = most;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

Margin margin_of(Family family, double degree) {
  return family == Family::kAmount ? Margin{1 + degree, 0} : Margin{1, degree};
}

// With more everything is allowed for.
double most_of(Family family, double mean) { return family == Family::kAmount ? (1 - mean) / mean : 1 - mean; }

}  // namespace

std::optional<double> margin_to_advance(const RateOutlook& equal, double beta, double n) {
  if (n < kFewestRequests) return {};
  const double evidence = advance_evidence_of_rate(beta);
  return least(1 - equal.truth.baseline, [&](double margin) {
    RateOutlook with = equal;
    with.margin = {1, margin};
    return forecast(with, TestSide::kAdvance, evidence).n95 <= n;
  });
}

std::optional<double> margin_to_advance(const MeanOutlook& equal, Family family, double beta, double n) {
  if (n < kFewestRequests) return {};
  const double evidence = advance_evidence_of_mean(beta);
  return least(most_of(family, equal.baseline.mean), [&](double margin) {
    MeanOutlook with = equal;
    with.margin = margin_of(family, margin);
    return forecast(with, TestSide::kAdvance, evidence).n95 <= n;
  });
}

std::optional<double> slowdown_to_advance(const LatencyOutlook& times, const RateOutlook& equal, double beta,
                                          double n) {
  if (n < kFewestRequests) return {};
  const double evidence = advance_evidence_of_rate(beta);
  return least(kMostSlowdown, [&](double slowdown) {
    LatencyOutlook rule = times;
    rule.factor = 1 + slowdown;
    rule.absolute_us = 0;
    RateOutlook with = equal;
    with.truth = exceedance_rates(rule, 1);
    return forecast(with, TestSide::kAdvance, evidence).n95 <= n;
  });
}

double margin_to_stay(const RateOutlook& seen, double evidence, double n) {
  const double most = 1 - seen.truth.baseline;
  const auto stays = [&](double margin) {
    RateOutlook with = seen;
    with.margin = {1, margin};
    return forecast(with, TestSide::kRollback, evidence).n50 > n;
  };
  return least(most, stays).value_or(most);
}

double margin_to_stay(const MeanOutlook& seen, Family family, double evidence, double n) {
  const double most = most_of(family, seen.baseline.mean);
  const auto stays = [&](double margin) {
    MeanOutlook with = seen;
    with.margin = margin_of(family, margin);
    return forecast(with, TestSide::kRollback, evidence).n50 > n;
  };
  return least(most, stays).value_or(most);
}

}  // namespace weir::analysis
