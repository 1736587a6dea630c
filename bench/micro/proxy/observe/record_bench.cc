// What it costs a worker to leave one outcome, and the control thread to take it.
#include <benchmark/benchmark.h>

#include "proxy/observe/counters.h"
#include "proxy/observe/outcome_ring.h"

namespace weir::proxy {
namespace {

void BM_RecordOutcome(benchmark::State& state) {
  OutcomeRing ring(1 << 14);
  Outcome outcome;
  std::uint64_t taken = 0;
  for (auto _ : state) {
    ring.push(outcome);
    if (++outcome.latency_us % (1 << 13) == 0) {
      state.PauseTiming();
      taken += ring.drain([](const Outcome&) {});
      state.ResumeTiming();
    }
  }
  if (ring.dropped() != 0) state.SkipWithError("records were dropped");
  benchmark::DoNotOptimize(taken);
}
BENCHMARK(BM_RecordOutcome);

void BM_RecordAndDrain(benchmark::State& state) {
  OutcomeRing ring(1 << 14);
  const Outcome outcome;
  std::uint64_t sum = 0;
  for (auto _ : state) {
    for (int i = 0; i < (1 << 13); ++i) ring.push(outcome);
    ring.drain([&](const Outcome& taken) { sum += taken.latency_us + taken.bytes_out; });
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations() * (1 << 13));
}
BENCHMARK(BM_RecordAndDrain);

void BM_Count(benchmark::State& state) {
  Counters counters;
  for (auto _ : state) {
    counters.add(Count::kRequests);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_Count);

}  // namespace
}  // namespace weir::proxy
