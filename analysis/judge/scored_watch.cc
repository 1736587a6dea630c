#include "analysis/judge/scored_watch.h"

#include <algorithm>
#include <cmath>

#include "analysis/stats/rate_test.h"

namespace weir::analysis {
namespace {

constexpr double kApart = 0.1;
// Toward which side, of what margin.
struct Question {
  TestSide side;
  Margin margin;
};
constexpr Question kLess{TestSide::kAdvance, {.factor = 1 - kApart, .absolute = 0}};
constexpr Question kMore{TestSide::kRollback, {.factor = 1 + kApart, .absolute = 0}};
const double kLogProof = std::log(1'000.0);

// Of these odds; scores that come after their requests make more scored than ended in a tick, and that is as it should
// be: what the request took away when it ended its score gives back.
void add_odds(Mixture& into, const Question& question, const ScoredWatch::Counts& tick, const Predicted& predicted) {
  const auto& [side, margin] = question;
  const double edge = margin.factor * predicted.baseline_rate + margin.absolute;
  if (edge <= 0 || edge >= 1) return;
  const auto sum = [](const MetricCount& count, double scored, double not_scored) {
    const auto x = static_cast<double>(count.x);
    return x * scored + (static_cast<double>(count.n) - x) * not_scored;
  };
  const std::span<const double> odds = odds_grid(side);
  for (std::size_t j = 0; j < odds.size(); ++j) {
    const Coefficients c =
        coefficients({predicted.baseline_rate, alternative_rate(edge, odds[j])}, predicted.allocation, margin);
    into.add(j, (sum(tick[1], c.candidate_bad, c.candidate_good) + sum(tick[0], c.baseline_bad, c.baseline_good)) /
                    predicted.divisor);
  }
}

}  // namespace

ScoredWatch::ScoredWatch()
    : less_(odds_grid(TestSide::kAdvance).size(), 0), more_(odds_grid(TestSide::kRollback).size(), 0) {}

void ScoredWatch::count(Arm arm, std::uint8_t cluster, std::uint64_t requests, std::uint64_t scored) {
  std::vector<ClusterCount>& clusters = state_.clusters[static_cast<std::size_t>(arm)];
  if (clusters.empty()) clusters.resize(kClusterCount);
  ClusterCount& into = clusters[cluster];
  into.n += requests;
  into.x += scored;
}

double ScoredWatch::divisor() const {
  const DesignEffect effect = design_effect(spread(state_.clusters[0]), spread(state_.clusters[1]), 1, kClusterCount);
  return effect.advance_divisor;
}

void ScoredWatch::add(const Counts& tick, double allocation) {
  if (tick[0].n + tick[0].x + tick[1].n + tick[1].x == 0) return;
  // Before the first score nothing is known of how many there will be, and nothing is missing.
  if (total(Arm::kBaseline).x + total(Arm::kCandidate).x == 0) return;
  const Predicted predicted{
      .baseline_rate = baseline_rate(state_.usual.x, state_.usual.n), .allocation = allocation, .divisor = divisor()};
  add_odds(less_, kLess, tick, predicted);
  add_odds(more_, kMore, tick, predicted);
  state_.most = std::max({state_.most, less_.log_evidence(), more_.log_evidence()});
}

MetricCount ScoredWatch::total(Arm arm) const {
  MetricCount sum;
  for (const ClusterCount& cluster : state_.clusters[static_cast<std::size_t>(arm)]) {
    sum.n += cluster.n;
    sum.x += cluster.x;
  }
  return sum;
}

double ScoredWatch::share(Arm arm) const {
  const MetricCount sum = total(arm);
  return sum.n == 0 ? 0 : static_cast<double>(sum.x) / static_cast<double>(sum.n);
}

bool ScoredWatch::missing() const {
  const double baseline = share(Arm::kBaseline);
  return state_.most >= kLogProof && std::abs(share(Arm::kCandidate) - baseline) > kApart * baseline;
}

ScoredWatch::State ScoredWatch::state() const {
  State state = state_;
  state.less.assign(less_.state().begin(), less_.state().end());
  state.more.assign(more_.state().begin(), more_.state().end());
  return state;
}

void ScoredWatch::restore(const State& state) {
  state_ = state;
  if (state.less.size() == less_.size()) less_.set_state(state.less);
  if (state.more.size() == more_.size()) more_.set_state(state.more);
}

}  // namespace weir::analysis
