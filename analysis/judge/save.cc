// Judge::save() and Judge::restore(): STATISTICS.md 4.13 says what has to outlive the process.
#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "analysis/judge/bytes.h"
#include "analysis/judge/guard_rule.h"
#include "analysis/judge/save_users.h"
#include "analysis/judge/state.h"

namespace weir::analysis {
namespace {

constexpr std::uint64_t kVersion = 10;
constexpr std::uint64_t kMostGuards = 64;
constexpr std::uint64_t kMostSteps = 1'024;
constexpr std::uint64_t kMostText = 1 << 16;

void write(ByteWriter& out, const MetricCount& count) {
  out.integer(count.n);
  out.integer(count.x);
}
void read(ByteReader& in, MetricCount& count) {
  count.n = in.integer();
  count.x = in.integer();
}

void write(ByteWriter& out, const ValueSums& sums) {
  out.integer(sums.n);
  out.integer(sums.s1);
  out.integer(sums.s2);
}
void read(ByteReader& in, ValueSums& sums) {
  sums.n = in.integer();
  sums.s1 = in.integer();
  sums.s2 = in.integer();
}

void write(ByteWriter& out, const DecayedRate& rate) {
  out.number(rate.x);
  out.number(rate.n);
}
void read(ByteReader& in, DecayedRate& rate) {
  rate.x = in.number();
  rate.n = in.number();
}

void write(ByteWriter& out, const DecayedHistogram& histogram) {
  const auto used = [](double count) { return count > 0; };
  out.number(histogram.total);
  out.number(histogram.unit);
  out.integer(static_cast<std::uint64_t>(std::count_if(histogram.counts.begin(), histogram.counts.end(), used)));
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    if (!used(histogram.counts[i])) continue;
    out.integer(i);
    out.number(histogram.counts[i]);
  }
}
void read(ByteReader& in, DecayedHistogram& histogram) {
  histogram = {};
  histogram.total = in.number();
  histogram.unit = in.number();
  const std::uint64_t used = in.integer_up_to(kHistogramBuckets);
  for (std::uint64_t i = 0; i < used && in.ok(); ++i) {
    const std::uint64_t index = in.integer_up_to(kHistogramBuckets - 1);
    histogram.counts[index] = in.number();
  }
}

void write(ByteWriter& out, const BaselineMemory& memory) {
  for (const DecayedRate& rate : memory.rates) write(out, rate);
  for (const DecayedRate& rate : memory.answers) write(out, rate);
  for (const DecayedRate& rate : memory.amounts) write(out, rate);
  out.integer(memory.times.size());
  for (const auto& [which, time] : memory.times) {
    out.integer(static_cast<std::uint64_t>(which));
    write(out, time);
  }
}
void read(ByteReader& in, BaselineMemory& memory) {
  for (DecayedRate& rate : memory.rates) read(in, rate);
  for (DecayedRate& rate : memory.answers) read(in, rate);
  for (DecayedRate& rate : memory.amounts) read(in, rate);
  for (std::uint64_t left = in.integer_up_to(kTimeMetricCount); left > 0 && in.ok(); --left) {
    const auto which = static_cast<TimeMetric>(in.integer_up_to(kTimeMetricCount - 1));
    read(in, memory.times[which]);
  }
}

template <class Test>
void write_test(ByteWriter& out, const Test& test) {
  out.integer(test.state().size());
  for (const double log_r : test.state()) out.number(log_r);
}
template <class Test>
void read_test(ByteReader& in, Test& test) {
  std::vector<double> state(in.integer_up_to(kMostGuards));
  for (double& log_r : state) log_r = in.number();
  // Another grid is another test: what was gathered says nothing about this one.
  if (state.size() == test.state().size()) test.set_state(state);
}

void write(ByteWriter& out, const config::Scoring& scoring) {
  out.text(scoring.name);
  out.text(scoring.source);
  out.integer(scoring.binary ? 1 : 0);
  out.integer(scoring.lower_is_better ? 1 : 0);
  out.number(scoring.from);
  out.number(scoring.to);
}
void read(ByteReader& in, config::Scoring& scoring) {
  scoring.name = in.text(kMostText);
  scoring.source = in.text(kMostText);
  scoring.binary = in.integer_up_to(1) == 1;
  scoring.lower_is_better = in.integer_up_to(1) == 1;
  scoring.from = in.number();
  scoring.to = in.number();
}

void write(ByteWriter& out, const config::Guard& guard) {
  out.integer(static_cast<std::uint64_t>(guard.metric));
  out.number(guard.quantile);
  out.number(guard.relative);
  out.number(guard.absolute);
  out.integer(static_cast<std::uint64_t>(guard.absolute_duration.count()));
  out.integer(static_cast<std::uint64_t>(guard.action));
  out.integer(guard.gate ? 1 : 0);
  out.integer(static_cast<std::uint64_t>(guard.finish));
  out.number(guard.cap);
  write(out, guard.scoring);
  out.number(guard.max_share.value_or(0));
  out.integer(static_cast<std::uint64_t>(guard.max_duration.value_or(config::Duration(0)).count()));
}
void read(ByteReader& in, config::Guard& guard) {
  guard.metric =
      static_cast<config::GuardMetric>(in.integer_up_to(static_cast<std::uint64_t>(config::kLastGuardMetric)));
  guard.quantile = in.number();
  guard.relative = in.number();
  guard.absolute = in.number();
  guard.absolute_duration = config::Duration(static_cast<config::Duration::rep>(in.integer()));
  guard.action = static_cast<config::GuardAction>(in.integer_up_to(kPoolCount - 1));
  guard.gate = in.integer_up_to(1) == 1;
  guard.finish = static_cast<FinishReason>(in.integer_up_to(kFinishReasonCount - 1));
  guard.cap = in.number();
  read(in, guard.scoring);
  if (const double share = in.number(); share > 0) guard.max_share = share;
  const config::Duration max(static_cast<config::Duration::rep>(in.integer()));
  if (max.count() > 0) guard.max_duration = max;
}

// Each member in the order of its declaration.
template <class State, class Each>
void each_number(State& state, const Each& each) {
  for (auto* arm : {&state.baseline, &state.candidate}) {
    for (auto* number : {&arm->n, &arm->sum, &arm->squares}) each(*number);
  }
  for (auto* number : {&state.block_s, &state.weights, &state.differences, &state.variances, &state.candidate_n}) {
    each(*number);
  }
}
void write(ByteWriter& out, const DisplayInterval::State& state) {
  each_number(state, [&](double number) { out.number(number); });
}
void read(ByteReader& in, DisplayInterval::State& state) {
  each_number(state, [&](double& number) { number = in.number(); });
}

void write(ByteWriter& out, const HalfHour::State& past) {
  for (const RateCounts& minute : past.minutes) {
    for (const MetricCount& count : minute) write(out, count);
  }
  out.integer(past.current);
  out.number(past.into_minute.count());
}
void read(ByteReader& in, HalfHour::State& past) {
  for (RateCounts& minute : past.minutes) {
    for (MetricCount& count : minute) read(in, count);
  }
  past.current = in.integer_up_to(HalfHour::kMinutes - 1);
  past.into_minute = Seconds(in.number());
}

// The coefficients are computed from where they came from: the same bits again.
void write(ByteWriter& out, const Evidence& evidence) {
  write_test(out, evidence);
  if (evidence.cache() == nullptr) return;
  for (const CoefficientCache::Origin& origin : evidence.cache()->origins()) {
    out.number(origin.margin.factor);
    out.number(origin.margin.absolute);
    out.number(origin.baseline_rate);
    out.number(origin.allocation);
  }
}
void read(ByteReader& in, Evidence& evidence) {
  read_test(in, evidence);
  if (evidence.cache() == nullptr) return;
  std::array<CoefficientCache::Origin, CoefficientCache::kKept> origins;
  for (CoefficientCache::Origin& origin : origins) {
    origin.margin.factor = in.number();
    origin.margin.absolute = in.number();
    origin.baseline_rate = in.number();
    origin.allocation = in.number();
  }
  evidence.cache()->restore(origins);
}

void write(ByteWriter& out, const LateGates& late) {
  out.integer(late.all().size());
  for (const LateGate& gate : late.all()) {
    out.number(gate.next_weight);
    write(out, gate.advance);
  }
}
void read(ByteReader& in, LateGates& late, bool of_mean, Refresh refresh) {
  for (std::uint64_t left = in.integer_up_to(kMostGuards); left > 0 && in.ok(); --left) {
    const double next_weight = in.number();
    read(in, late.of(next_weight, of_mean, refresh).advance);
  }
}

void write(ByteWriter& out, const ScoredWatch::State& scored) {
  for (const std::vector<ClusterCount>& arm : scored.clusters) {
    out.integer(arm.empty() ? 0 : 1);
    for (const ClusterCount& cluster : arm) {
      out.integer(cluster.n);
      out.integer(cluster.x);
    }
  }
  write(out, scored.usual);
  for (const std::vector<double>* wealth : {&scored.less, &scored.more}) {
    out.integer(wealth->size());
    for (const double log_r : *wealth) out.number(log_r);
  }
  out.number(scored.most);
}
void read(ByteReader& in, ScoredWatch::State& scored) {
  for (std::vector<ClusterCount>& arm : scored.clusters) {
    arm.resize(in.integer_up_to(1) * kClusterCount);
    for (ClusterCount& cluster : arm) {
      cluster.n = in.integer();
      cluster.x = in.integer();
    }
  }
  read(in, scored.usual);
  for (std::vector<double>* wealth : {&scored.less, &scored.more}) {
    wealth->resize(in.integer_up_to(kMostGuards));
    for (double& log_r : *wealth) log_r = in.number();
  }
  scored.most = in.number();
}

void write(ByteWriter& out, const FrozenScale::State& scale) {
  out.number(scale.sum);
  out.integer(scale.n);
  out.number(scale.scale);
}
void read(ByteReader& in, FrozenScale::State& scale) {
  scale.sum = in.number();
  scale.n = in.integer();
  scale.scale = in.number();
}

template <class State, class Each>
void each_part(State& state, const Each& each) {
  for (auto* sums : {&state.parts_in_step, &state.parts_since_start}) {
    for (auto& [n, numerator, denominator] : *sums) {
      for (auto* number : {&n, &numerator, &denominator}) each(*number);
    }
  }
}

void write(ByteWriter& out, const GuardState& state) {
  write(out, state.guard);
  out.integer(state.is_limit ? 1 : 0);
  out.number(state.weight);
  out.integer(state.metric);
  write(out, state.rollback);
  write(out, state.advance);
  write(out, state.late);
  write(out, state.scored.state());
  write_test(out, state.limit);
  write(out, state.difference.state());
  write_test(out, state.drift);
  out.number(state.drift_limit);
  out.number(state.phi_div);
  out.number(state.phi_div_advance);
  write(out, state.history);
  write(out, state.usual);
  write(out, state.cap.state());
  out.number(state.ratio);
  out.number(state.mean_numerator);
  each_part(state, [&](std::uint64_t number) { out.integer(number); });
  out.integer(state.threshold.baseline_us);
  out.integer(state.threshold.candidate_us);
}
GuardState read_guard_state(ByteReader& in, Refresh refresh) {
  config::Guard guard;
  read(in, guard);
  const bool is_limit = in.integer_up_to(1) == 1;
  GuardState state(std::move(guard), is_limit, refresh);
  state.weight = in.number();
  state.metric = in.integer_up_to(kMetricCount - 1);
  read(in, state.rollback);
  read(in, state.advance);
  read(in, state.late, is_mean(state.guard), refresh);
  ScoredWatch::State scored;
  read(in, scored);
  state.scored.restore(scored);
  read_test(in, state.limit);
  DisplayInterval::State difference;
  read(in, difference);
  state.difference.restore(difference);
  read_test(in, state.drift);
  state.drift_limit = in.number();
  state.phi_div = in.number();
  state.phi_div_advance = in.number();
  read(in, state.history);
  read(in, state.usual);
  FrozenScale::State cap;
  read(in, cap);
  state.cap.restore(cap);
  state.ratio = in.number();
  state.mean_numerator = in.number();
  each_part(state, [&](std::uint64_t& number) { number = in.integer(); });
  state.threshold.baseline_us = in.integer();
  state.threshold.candidate_us = in.integer();
  return state;
}

void write(ByteWriter& out, const ErrorWindow::State& window) {
  for (const MetricCount& second : window.seconds) write(out, second);
  out.integer(window.current);
  out.number(window.into_second.count());
  out.integer(window.usual ? 1 : 0);
  out.number(window.usual.value_or(0));
}
void read(ByteReader& in, ErrorWindow::State& window) {
  for (MetricCount& second : window.seconds) read(in, second);
  window.current = in.integer_up_to(ErrorWindow::kSeconds - 1);
  window.into_second = Seconds(in.number());
  const bool known = in.integer_up_to(1) == 1;
  const double usual = in.number();
  if (known) window.usual = usual;
}

void write(ByteWriter& out, const StepState& step) {
  out.integer(step.id);
  out.number(step.weight);
  const auto write_seen = [&](const StepState::Seen& seen) {
    out.integer(seen.candidate);
    out.integer(seen.both);
  };
  for (const StepState::Seen& seen : step.seen) write_seen(seen);
  write_seen(step.requests);
}
void read(ByteReader& in, StepState& step) {
  step.id = static_cast<StepId>(in.integer());
  step.weight = in.number();
  const auto read_seen = [&](StepState::Seen& seen) {
    seen.candidate = in.integer();
    seen.both = in.integer();
  };
  for (StepState::Seen& seen : step.seen) read_seen(seen);
  read_seen(step.requests);
}

void write(ByteWriter& out, const ClusterTable& table) {
  for (std::size_t m = 0; m < kMetricCount; ++m) {
    const ValueSums total = table.total(m);
    out.integer(total.n > 0 ? 1 : 0);
    if (total.n == 0) continue;
    out.integer(total.s2);
    for (std::size_t g = 0; g < kClusterCount; ++g) {
      const ClusterCount cluster = table.of(m, g);
      out.integer(cluster.n);
      out.integer(cluster.x);
    }
  }
  for (std::size_t g = 0; g < kClusterCount; ++g) out.integer(table.was_seen(g) ? 1 : 0);
}
void read(ByteReader& in, ClusterTable& table) {
  for (std::size_t m = 0; m < kMetricCount; ++m) {
    if (in.integer_up_to(1) == 0) continue;
    table.squares(m) = in.integer();
    for (std::size_t g = 0; g < kClusterCount; ++g) {
      ClusterCount cluster;
      cluster.n = in.integer();
      cluster.x = in.integer();
      table.count(m, g, cluster);
    }
  }
  for (std::size_t g = 0; g < kClusterCount; ++g) {
    if (in.integer_up_to(1) == 1) table.see(g);
  }
}

void write_context(ByteWriter& out, const StepContext& step) {
  out.integer(step.step);
  out.number(step.weight);
  out.number(step.next_weight);
  out.integer(step.at_full ? 1 : 0);
}
void read_context(ByteReader& in, StepContext& step) {
  step.step = static_cast<StepId>(in.integer());
  step.weight = in.number();
  step.next_weight = in.number();
  step.at_full = in.integer_up_to(1) == 1;
}

}  // namespace

std::string Judge::save() const {
  State& s = *state_;
  // About as much as the last time: a buffer that grows is written twice.
  ByteWriter out(s.saved_bytes + s.saved_bytes / 8);
  out.integer(kVersion);
  out.integer(static_cast<std::uint64_t>(s.spec.steps));
  out.integer(static_cast<std::uint64_t>(s.step_seeds_left));
  for (const std::size_t slot : s.next_slot) out.integer(slot);
  for (const double sum : s.table_sums) out.number(sum);
  out.integer(s.guards.size());
  for (const GuardState& guard : s.guards) write(out, guard);
  out.integer(s.steps.size());
  for (const StepState& step : s.steps) write(out, step);
  write_context(out, s.current);
  for (std::size_t arm = 0; arm < kArmCount; ++arm) {
    for (const ValueSums& sums : s.in_step[arm]) write(out, sums);
    out.integer(s.requests_in_step[arm]);
    write(out, s.clusters[arm]);
  }
  out.integer(s.alone ? 1 : 0);
  if (s.alone) write(out, *s.alone);
  write(out, s.memory);
  write(out, s.baseline_errors.state());
  write(out, s.baseline_past.state());
  out.integer(s.drifted ? 1 : 0);
  save_split(out, s.split.saved());
  out.integer(s.threshold_version);
  out.integer(s.malformed);
  out.integer(s.pause_pool_fired ? 1 : 0);
  out.number(s.p_anytime);
  std::string bytes = out.take();
  s.saved_bytes = bytes.size();
  return bytes;
}

std::optional<Judge> Judge::restore(const JudgeSpec& spec, std::string_view bytes) {
  ByteReader in(bytes);
  if (in.integer() != kVersion) return {};
  JudgeSpec saved = spec;
  saved.guards.clear();
  auto state = std::make_unique<State>(std::move(saved), BaselineMemory{});
  State& s = *state;
  s.spec.steps = static_cast<int>(in.integer_up_to(kMostSteps));
  s.step_seeds_left = static_cast<int>(in.integer_up_to(kMostSteps));
  constexpr std::array kSlots = {std::size_t{kMaxLatencyMetrics}, kValueSlots, kScoreSlots};
  for (std::size_t i = 0; i < kSlots.size(); ++i) s.next_slot[i] = in.integer_up_to(kSlots[i] - 1);
  for (double& sum : s.table_sums) sum = in.number();
  for (std::uint64_t left = in.integer_up_to(kMostGuards); left > 0 && in.ok(); --left) {
    s.guards.push_back(read_guard_state(in, spec.refresh));
  }
  s.steps.resize(in.integer_up_to(kMostSteps));
  for (StepState& step : s.steps) read(in, step);
  read_context(in, s.current);
  for (std::size_t arm = 0; arm < kArmCount; ++arm) {
    for (ValueSums& sums : s.in_step[arm]) read(in, sums);
    s.requests_in_step[arm] = in.integer();
    read(in, s.clusters[arm]);
  }
  if (in.integer_up_to(1) == 1) read(in, s.alone.emplace());
  read(in, s.memory);
  ErrorWindow::State errors;
  read(in, errors);
  s.baseline_errors.restore(errors);
  read(in, s.baseline_past.state());
  s.drifted = in.integer_up_to(1) == 1;
  s.split = SplitWatch(static_cast<std::uint32_t>(std::max(1, s.spec.steps)));
  restore_split(in, s.split.saved());
  s.threshold_version = static_cast<std::uint32_t>(in.integer());
  s.malformed = in.integer();
  s.pause_pool_fired = in.integer_up_to(1) == 1;
  s.p_anytime = in.number();
  if (!in.ok() || !in.at_end() || s.spec.steps < 1) return {};
  Judge judge(std::move(state));
  judge.change_guards(spec);
  return judge;
}

}  // namespace weir::analysis
