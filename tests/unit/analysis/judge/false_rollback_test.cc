// Seeded A/A rollouts over sticky users, watched at every tick: how often a candidate that is no worse is taken back.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "base/random.h"
#include "tests/unit/analysis/judge/counts.h"

namespace weir::analysis {
namespace {

constexpr std::uint64_t kSeed = 20'261'124;
constexpr int kTicks = 400;
constexpr int kUsers = 1'000;
constexpr int kRequestsPerTick = 100;

// Users differ much in their own error rate and latency, as users do: most of the errors are those of a few.
struct User {
  std::uint8_t cluster;
  bool candidate;
  double error_rate;
  double latency_us;  // their median
};

// Box and Muller.
double standard_normal(Random& random) {
  return std::sqrt(-2 * std::log(1 - random.uniform())) * std::cos(2 * std::numbers::pi * random.uniform());
}

std::vector<User> population(Random& random, double weight) {
  std::vector<User> users;
  for (int i = 0; i < kUsers; ++i) {
    const double rate = random.uniform() < 0.03 ? 0.9 : 0.0005;
    const double latency_us = 50'000 * std::exp(0.4 * standard_normal(random));
    users.push_back({static_cast<std::uint8_t>(random.below(256)), random.uniform() < weight, rate, latency_us});
  }
  return users;
}

// One request's latency, told as the data plane does: to the histogram, and over or under its arm's threshold.
void add_latency(StepCounts& step, const User& user, const LatencyThreshold& threshold, double latency_us) {
  ArmCounts& arm = step.of(user.candidate ? Arm::kCandidate : Arm::kBaseline);
  const auto us = static_cast<std::uint64_t>(latency_us);
  arm.times[TimeMetric::kLatency].add(histogram_index(us));
  const std::uint64_t limit = user.candidate ? threshold.candidate_us : threshold.baseline_us;
  if (limit == 0) return;
  for (MetricCounts* counts : {&arm.metrics, &arm.clusters.of(user.cluster).metrics}) {
    MetricCount& count = (*counts)[latency_metric_index(0)];
    ++count.n;
    count.x += us > limit ? 1 : 0;
  }
}

bool rolled_back(Random& random, const JudgeSpec& spec, double weight) {
  Judge judge(spec);
  judge.begin_step(
      {.step = 1, .weight = weight, .next_weight = 1, .at_full = false, .seed = StepContext::Seed::kRolloutStart});
  const std::vector<User> users = population(random, weight);
  for (int t = 0; t < kTicks; ++t) {
    StepCounts step;
    step.step = 1;
    for (int i = 0; i < kRequestsPerTick; ++i) {
      const User& user = users[random.below(kUsers)];
      const OutcomeClass outcome = random.uniform() < user.error_rate ? OutcomeClass::kHttp5xx : OutcomeClass::kOk;
      testing::add(step, {user.candidate ? Arm::kCandidate : Arm::kBaseline, 1, outcome, user.cluster});
      const double latency_us = user.latency_us * std::exp(0.5 * standard_normal(random));
      if (outcome == OutcomeClass::kOk) add_latency(step, user, judge.thresholds().by_slot[0], latency_us);
    }
    if (t % 60 == 59) judge.begin_minute();
    testing::tick(judge, step);
    if (judge.verdict().kind == Verdict::Kind::kFail) return true;
  }
  return false;
}

// At the boundary of the null, where a false rollback is most likely: no margin, and one guard that has all of alpha.
void stays_under_alpha(const config::Guard& guard, std::uint64_t seed) {
  constexpr int kRuns = 60;
  constexpr double kAlpha = 0.1;
  const JudgeSpec spec{
      .guards = {guard}, .max_false_rollback = kAlpha, .max_false_advance = 0.05, .steps = 1, .has_keys = true};
  Random random(seed);
  int rolled = 0;
  for (int run = 0; run < kRuns; ++run) rolled += rolled_back(random, spec, 0.2) ? 1 : 0;
  std::printf("seed %llu: %d of %d rolled back\n", static_cast<unsigned long long>(seed), rolled, kRuns);
  EXPECT_LE(rolled, kAlpha * kRuns);
}

TEST(FalseRollback, StaysUnderAlphaAtTheBoundary) {
  config::Guard guard;
  guard.metric = config::GuardMetric::kErrorRate;
  stays_under_alpha(guard, kSeed);
}

TEST(FalseRollback, StaysUnderAlphaAtTheBoundaryOfAQuantile) {
  config::Guard guard;
  guard.metric = config::GuardMetric::kLatency;
  guard.quantile = 0.9;
  stays_under_alpha(guard, kSeed + 2);
}

TEST(FalseRollback, IsRareWithTheDefaultMargins) {
  const JudgeSpec spec{.guards = testing::default_guards(),
                       .max_false_rollback = 0.01,
                       .max_false_advance = 0.05,
                       .steps = 1,
                       .has_keys = true};
  Random random(kSeed + 1);
  for (int run = 0; run < 15; ++run) EXPECT_FALSE(rolled_back(random, spec, 0.05)) << "run " << run;
}

}  // namespace
}  // namespace weir::analysis
