// What one guard, and the test of the split, cost in a tick; there are ten a second for each rollout.
#include <benchmark/benchmark.h>

#include <vector>

#include "analysis/stats/design_effect.h"
#include "analysis/stats/limit_test.h"
#include "analysis/stats/mean_test.h"
#include "analysis/stats/rate_test.h"
#include "analysis/stats/srm_test.h"
#include "base/random.h"

namespace weir::analysis {
namespace {

constexpr double kWeight = 0.05;
constexpr double kSeed = -0.7;
constexpr std::size_t kClusters = 256;

// Both sides, and what is asked of them.
void BM_RateTest(benchmark::State& state) {
  RateTest rollback(TestSide::kRollback);
  RateTest advance(TestSide::kAdvance);
  rollback.inject(kSeed);
  Predicted predicted{0.001, kWeight, 1.2};
  for (auto _ : state) {
    predicted.baseline_rate += 1e-12;
    rollback.add({95, 1, 5, 0}, {1.1, 0.001}, predicted);
    advance.add({95, 1, 5, 0}, {1.1, 0.02}, predicted);
    benchmark::DoNotOptimize(rollback.log_evidence() + advance.log_evidence());
  }
}
BENCHMARK(BM_RateTest);

void BM_MeanTest(benchmark::State& state) {
  MeanTest rollback(TestSide::kRollback);
  MeanTest advance(TestSide::kAdvance);
  rollback.inject(kSeed);
  TickMeans tick;
  for (std::uint64_t i = 0; i < 95; ++i) tick.baseline.add(2'000 + i);
  for (std::uint64_t i = 0; i < 5; ++i) tick.candidate.add(2'100);
  for (auto _ : state) {
    rollback.add(tick, {1, 0.02}, {0.2, kWeight, 1.2});
    advance.add(tick, {1, 0.02}, {0.2, kWeight, 1.2});
    benchmark::DoNotOptimize(rollback.log_evidence() + advance.log_evidence());
  }
}
BENCHMARK(BM_MeanTest);

void BM_LimitTest(benchmark::State& state) {
  LimitTest test;
  test.inject(kSeed);
  for (auto _ : state) {
    test.add(5, 0, 0.01, 1.2);
    benchmark::DoNotOptimize(test.log_evidence());
  }
}
BENCHMARK(BM_LimitTest);

std::vector<ClusterCount> some_clusters(Random& random) {
  std::vector<ClusterCount> clusters(kClusters);
  for (ClusterCount& cluster : clusters) cluster = {.n = 50, .x = random.below(50)};
  return clusters;
}

void BM_DesignEffectOfARate(benchmark::State& state) {
  Random random(1);
  const std::vector<ClusterCount> baseline = some_clusters(random);
  const std::vector<ClusterCount> candidate = some_clusters(random);
  for (auto _ : state)
    benchmark::DoNotOptimize(design_effect(spread(baseline), spread(candidate), 1.1, kClusters).divisor);
}
BENCHMARK(BM_DesignEffectOfARate);

void BM_DesignEffectOfAMean(benchmark::State& state) {
  Random random(1);
  const std::vector<ClusterCount> baseline = some_clusters(random);
  const std::vector<ClusterCount> candidate = some_clusters(random);
  for (auto _ : state)
    benchmark::DoNotOptimize(
        design_effect(mean_spread(baseline, 900), mean_spread(candidate, 900), 1, kClusters).divisor);
}
BENCHMARK(BM_DesignEffectOfAMean);

// Argument: users a tick.
void BM_SrmTest(benchmark::State& state) {
  Random random(1);
  SrmTest test(1);
  test.begin_step(kWeight);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      const auto user = static_cast<std::uint32_t>(random.below(20'000) * 40'503U);
      test.add(random.uniform() < kWeight ? Arm::kCandidate : Arm::kBaseline, user);
    }
    test.end_tick();
  }
}
BENCHMARK(BM_SrmTest)->Arg(0)->Arg(100);

void BM_UserBitmapMerge(benchmark::State& state) {
  UserBitmap all;
  UserBitmap of_tick;
  for (std::uint32_t i = 0; i < 100; ++i) of_tick.add(i * 40'503U);
  for (auto _ : state) all.merge(of_tick);
}
BENCHMARK(BM_UserBitmapMerge);

}  // namespace
}  // namespace weir::analysis
