// What a tick of the control thread costs to judge, for one rollout with the default guards; there are ten a second.
#include <benchmark/benchmark.h>

#include <vector>

#include "analysis/judge/judge.h"
#include "base/random.h"
#include "tests/unit/analysis/judge/counts.h"

namespace weir::analysis {
namespace {

constexpr double kTick_s = 0.1;
constexpr double kWeight = 0.25;

Judge begun_judge() {
  BaselineMemory memory;
  for (DecayedRate& rate : memory.rates) rate = {10, 10'000};
  Judge judge({.guards = testing::default_guards(),
               .max_false_rollback = 0.01,
               .max_false_advance = 0.05,
               .steps = 4,
               .has_keys = true},
              memory);
  judge.begin_step(
      {.step = 1, .weight = kWeight, .next_weight = 0.5, .at_full = false, .seed = StepContext::Seed::kRolloutStart});
  return judge;
}

// The same few ticks over and over, made beforehand: of so many requests each, one in a hundred of which fails.
std::vector<StepCounts> ticks_of(std::int64_t requests) {
  Random random(1);
  std::vector<StepCounts> ticks(16);
  for (StepCounts& step : ticks) {
    step.step = 1;
    for (std::int64_t i = 0; i < requests; ++i) {
      const Arm arm = random.uniform() < kWeight ? Arm::kCandidate : Arm::kBaseline;
      const OutcomeClass outcome = random.below(100) == 0 ? OutcomeClass::kHttp5xx : OutcomeClass::kOk;
      testing::add(step, {arm, 1, outcome, static_cast<std::uint8_t>(random.below(256))});
    }
  }
  return ticks;
}

// Argument: requests a tick.
void BM_JudgeTick(benchmark::State& state) {
  const std::vector<StepCounts> ticks = ticks_of(state.range(0));
  Judge judge = begun_judge();
  std::size_t next = 0;
  for (auto _ : state) testing::tick(judge, ticks[next++ % ticks.size()], kTick_s);
}
BENCHMARK(BM_JudgeTick)->Arg(0)->Arg(10)->Arg(100)->Arg(1'000);

void BM_JudgeTickAndVerdict(benchmark::State& state) {
  const std::vector<StepCounts> ticks = ticks_of(state.range(0));
  Judge judge = begun_judge();
  std::size_t next = 0;
  for (auto _ : state) {
    testing::tick(judge, ticks[next++ % ticks.size()], kTick_s);
    benchmark::DoNotOptimize(judge.verdict());
  }
}
BENCHMARK(BM_JudgeTickAndVerdict)->Arg(100);

void BM_JudgeSave(benchmark::State& state) {
  Judge judge = begun_judge();
  for (const StepCounts& step : ticks_of(100)) testing::tick(judge, step, kTick_s);
  for (auto _ : state) benchmark::DoNotOptimize(judge.save());
}
BENCHMARK(BM_JudgeSave);

}  // namespace
}  // namespace weir::analysis
