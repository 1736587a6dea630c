#include "bench/decisions/at_margin.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/tools/roots.hpp>
#include <cmath>
#include <cstdint>

namespace weir::bench {
namespace {

using analysis::GuardStatus;
using analysis::sim::Climate;
using analysis::sim::kHallucinationRate;
using analysis::sim::kLatencySpread;
using analysis::sim::kScore;
using analysis::sim::kScoreSpread;
using analysis::sim::kTokens;
using analysis::sim::kTokensCap;
using analysis::sim::kTokensSpread;
using analysis::sim::Regression;
using analysis::sim::Reply;
using analysis::sim::Request;
using analysis::sim::Traffic;
using analysis::sim::User;
using analysis::sim::Worse;
using config::GuardMetric;

Worse share_at_margin(const GuardStatus& guard, double rate) {
  return {.factor = guard.advance_factor, .extra = guard.advance_margin / (1 - guard.advance_factor * rate)};
}

// By how much all latencies have to grow for a quantile to be just as bad.
double latency_factor_at_margin(const GuardStatus& guard) {
  const double tau = 1 - guard.guard.quantile;
  const boost::math::normal standard;
  const double normal = boost::math::quantile(standard, 1 - tau);
  const double moved = boost::math::quantile(standard, 1 - tau - guard.advance_margin);
  return (1 + guard.guard.relative) * std::exp(kLatencySpread * (normal - moved));
}

// Over all answers of a candidate that is wrong in this way.
template <class Value>
double mean_of(const Regression& wrong, const Traffic& traffic, Value value) {
  constexpr int kPoints = 2'000;
  const boost::math::normal standard;
  const User user{};
  const Climate climate{};
  Request request{};
  double sum = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double phi = boost::math::quantile(standard, (i + 0.5) / kPoints);
    request.tokens = std::min(kTokensCap, kTokens * std::exp(kTokensSpread * phi));
    request.score = std::clamp(kScore + kScoreSpread * phi, 0.0, 1.0);
    sum += value(answer({.request = request, .user = user, .climate = climate}, traffic, &wrong));
  }
  return sum / kPoints;
}

// What makes a mean worse: from none of it to more than enough.
struct Effect {
  double Regression::*size;
  double more_than_enough;
};

template <class Value>
Regression mean_at_margin(const GuardStatus& guard, const Traffic& traffic, Effect effect, Value value) {
  Regression wrong;
  const double allowed = guard.advance_factor * mean_of(wrong, traffic, value) + guard.advance_margin;
  const auto too_bad = [&](double size) {
    wrong.*effect.size = size;
    return mean_of(wrong, traffic, value) - allowed;
  };
  std::uintmax_t most = 100;
  const auto [below, above] = boost::math::tools::bisect(too_bad, wrong.*effect.size, effect.more_than_enough,
                                                         boost::math::tools::eps_tolerance<double>(20), most);
  wrong.*effect.size = (below + above) / 2;
  return wrong;
}

}  // namespace

Regression at_margin(const GuardStatus& guard, const Traffic& traffic) {
  Regression wrong;
  if (guard.guard.metric == GuardMetric::kErrorRate) {
    wrong.errors = share_at_margin(guard, traffic.error_rate);
  } else if (guard.guard.metric == GuardMetric::kLatency) {
    wrong.latency_factor = latency_factor_at_margin(guard);
  } else if (guard.guard.metric == GuardMetric::kTokensPerRequest) {
    const auto tokens = [](const Reply& reply) { return std::min(1.0, reply.tokens / kTokensCap); };
    return mean_at_margin(guard, traffic, {&Regression::tokens_factor, 10}, tokens);
  } else if (guard.guard.scoring.binary) {
    wrong.hallucinations = share_at_margin(guard, kHallucinationRate);
  } else {
    const auto score = [](const Reply& reply) { return 1 - reply.relevance; };
    return mean_at_margin(guard, traffic, {&Regression::relevance_less, kScore}, score);
  }
  return wrong;
}

}  // namespace weir::bench
