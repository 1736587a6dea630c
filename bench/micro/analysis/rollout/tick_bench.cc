// What the control thread pays in a tick for a hundred rollouts with six guards each: to judge and decide, and apart
// from it to collect. There are ten ticks a second.
#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/rollout/rollout.h"
#include "base/random.h"
#include "config/guards.h"

namespace weir::analysis {
namespace {

constexpr std::int64_t kRollouts = 100;
// Of each rollout before it is measured: until then what is expected moves so much that coefficients are computed
// often.
constexpr std::int64_t kRequestsBefore = 20'000;
constexpr std::int64_t kTicksBefore = 50;
constexpr Milliseconds kTick{100};
constexpr VersionId kBaseline = 0;
constexpr VersionId kCandidate = 1;
constexpr std::uint32_t kUsers = 20'000;

class NoDisk final : public StateStore {
 public:
  Ticket append(StateWrite write) override {
    benchmark::DoNotOptimize(write.evidence.data());
    return ++last_;
  }
  bool discard(Ticket) override { return false; }
  Ticket durable_through() const override { return last_; }
  StoreHealth health() const override { return {}; }

 private:
  Ticket last_ = 0;
};

// One step that never ends, so that every iteration measures the same.
config::Rollout policy() {
  config::Rollout policy;
  policy.baseline = "v1";
  policy.candidate = "v2";
  policy.stickiness.by.push_back({.header = "x-user-id", .cookie = {}});
  for (const char* metric : {"errorRate", "capacityRate", "clientErrorRate", "clientAbortRate"}) {
    policy.analysis.guards.push_back(*config::default_guard(metric, 0));
  }
  for (const double quantile : {0.5, 0.99})
    policy.analysis.guards.push_back(*config::default_guard("latency", quantile));
  config::Hold hold;
  hold.at_least = hold.at_most = std::chrono::hours(24 * 365);
  policy.steps = {{.weight_ppm = kMillion / 4, .stages = {hold}}, {.weight_ppm = kMillion, .stages = {hold}}};
  return policy;
}

BaselineMemory memory() {
  BaselineMemory memory;
  for (DecayedRate& rate : memory.rates) rate = {10, 10'000};
  HistogramDelta latencies;
  for (std::uint64_t ms = 10; ms < 1'010; ++ms) latencies.add(histogram_index(1'000 * ms), 10);
  memory.times[TimeMetric::kLatency].add(latencies);
  return memory;
}

class Rollouts {
 public:
  explicit Rollouts(std::int64_t number) {
    for (ServiceId service = 0; service < number; ++service) {
      const std::string name = "service-" + std::to_string(service);
      RolloutPlan plan{.key = {.service = name, .baseline = "v1", .candidate = "v2", .revision = {}},
                       .policy = policy(),
                       .service = service,
                       .baseline = kBaseline,
                       .identity = service};
      RolloutWorld world{.clock = clock_,
                         .store = store_,
                         .memory = memory,
                         .history = [](json::Value) {},
                         .next_epoch = [this] { return ++epoch_; }};
      rollouts_.push_back(std::make_unique<Rollout>(std::move(plan), std::move(world), nullptr, true));
    }
    const Tick nothing;
    for (int i = 0; i < 3; ++i) judge_and_decide(nothing);
  }

  void judge_and_decide(const Tick& tick) {
    clock_.advance(kTick);
    for (const auto& rollout : rollouts_) {
      rollout->tick({.counts = tick.of(rollout->plan().service), .malformed = 0, .dt = kTick}, true);
    }
  }

  // As the data plane would write them, one in a hundred failed and one in fifty slow.
  std::vector<Outcome> records(std::int64_t requests_each, Random& random) const {
    std::vector<Outcome> records;
    for (const auto& rollout : rollouts_) {
      const RolloutTraffic traffic = rollout->traffic();
      for (std::int64_t i = 0; i < requests_each; ++i) records.push_back(record(*rollout, traffic, random));
    }
    return records;
  }

 private:
  static Outcome record(const Rollout& rollout, const RolloutTraffic& traffic, Random& random) {
    Outcome record;
    record.service = rollout.plan().service;
    record.keyed = true;
    record.reason = AssignmentReason::kHash;
    const std::uint32_t number = random.below(kUsers);
    const std::uint32_t user = number * 2'654'435'761U;
    record.user_hash = user >> 12;
    record.cluster = static_cast<std::uint8_t>(user >> 4);
    const bool candidate = number % 4 == 0;  // of a user's every request, or the test of the split would raise its alarm
    record.arm = candidate ? Arm::kCandidate : Arm::kBaseline;
    record.version = candidate ? kCandidate : kBaseline;
    record.step = traffic.step;
    record.epoch = traffic.epoch;
    record.judged = traffic.judged;
    record.outcome = random.below(100) == 0 ? OutcomeClass::kHttp5xx : OutcomeClass::kOk;
    record.latency_us = 10'000 + random.below(1'000'000);
    for (std::size_t slot = 0; slot < traffic.latency_metrics; ++slot) {
      const std::uint64_t limit = traffic.thresholds[slot].baseline_us;
      const auto bit = static_cast<std::uint8_t>(1U << slot);
      (record.latency_us > limit ? record.over : record.under) |= bit;
    }
    return record;
  }

  ManualClock clock_;
  NoDisk store_;
  Epoch epoch_ = 0;
  std::vector<std::unique_ptr<Rollout>> rollouts_;
};

void fold(Tick& tick, const std::vector<Outcome>& records) {
  tick.clear();
  for (const Outcome& record : records) tick.fold(record);
}

// Arguments: rollouts, and requests of each in a tick, which are never the same. Saves of the evidence are part of it,
// one in ten seconds for each rollout.
void BM_JudgeAndDecide(benchmark::State& state) {
  Rollouts rollouts(state.range(0));
  Random random(1);
  Tick tick;
  for (std::int64_t i = 0; i < kTicksBefore; ++i) {
    fold(tick, rollouts.records(kRequestsBefore / kTicksBefore, random));
    rollouts.judge_and_decide(tick);
  }
  for (auto _ : state) {
    state.PauseTiming();
    fold(tick, rollouts.records(state.range(1), random));
    state.ResumeTiming();
    rollouts.judge_and_decide(tick);
  }
}
BENCHMARK(BM_JudgeAndDecide)
    ->ArgNames({"rollouts", "requests"})
    ->ArgsProduct({{1, kRollouts}, {0, 1, 10, 100}})
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(300);

void BM_Collect(benchmark::State& state) {
  const Rollouts rollouts(kRollouts);
  Random random(1);
  const std::vector<Outcome> records = rollouts.records(state.range(0), random);
  Tick tick;
  BaselineMemories memories;
  for (auto _ : state) {
    fold(tick, records);
    memories.update(tick, kTick);
  }
}
BENCHMARK(BM_Collect)->Arg(0)->Arg(1)->Arg(10)->Arg(100)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir::analysis
