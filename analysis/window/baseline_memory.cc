#include "analysis/window/baseline_memory.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace weir::analysis {
namespace {

// STATISTICS.md 4.2: half-life the longer of this time and of this many observations.
constexpr double kRateHalfLife_s = 300;
constexpr double kRateHalfLifeObservations = 5'000;
// STATISTICS.md 4.4.
constexpr double kHistogramHalfLife_s = 600;
constexpr double kHistogramHalfLifeObservations = 10'000;
constexpr double kSmallestUnit = 1e-100;

struct HalfLife {
  double seconds;
  double observations;
};

// Both fade alike when traffic is as fast as the half-lives say; the slower of the two is used, so that a quiet version
// is not forgotten and a busy one not in an instant.
double fading(Seconds dt, double observations, const HalfLife& half_life) {
  return std::exp2(-std::min(dt.count() / half_life.seconds, observations / half_life.observations));
}

}  // namespace

void DecayedRate::add(double tick_n, double tick_x, Seconds dt) {
  if (tick_n <= 0) return;  // by observations nothing has faded
  const double keep = fading(dt, tick_n, {kRateHalfLife_s, kRateHalfLifeObservations});
  x = x * keep + tick_x;
  n = n * keep + tick_n;
}

void DecayedHistogram::fade(Seconds dt, std::uint64_t observations, double half_life_observations) {
  if (observations == 0) return;  // by observations nothing has faded, and the longer half-life holds
  const double keep = fading(dt, static_cast<double>(observations), {kHistogramHalfLife_s, half_life_observations});
  total *= keep;
  unit *= keep;
  if (unit > kSmallestUnit) return;
  for (double& count : counts) count *= unit;
  unit = 1;
}

void DecayedHistogram::add(const HistogramDelta& delta) {
  for (const std::uint16_t bucket : delta.touched()) counts[bucket] += static_cast<double>(delta.count(bucket)) / unit;
  total += static_cast<double>(delta.total());
}

const DecayedHistogram& BaselineMemory::time(TimeMetric which) const {
  static const DecayedHistogram kNone;
  const auto at = times.find(which);
  return at == times.end() ? kNone : at->second;
}

namespace {

// What a version has had in one tick, under whatever step.
struct VersionTick {
  VersionId version = kNoId;
  std::array<MetricCount, kBinaryMetricCount> metrics{};
  AnswerMetrics answers{};
  AmountTotals totals{};
  std::vector<const TimeDeltas*> times;

  void add(std::span<const MetricCount> counts, const AnswerMetrics& of_answers, const AmountTotals& amounts) {
    const auto sum = [](MetricCount& into, const MetricCount& count) {
      into.n += count.n;
      into.x += count.x;
    };
    for (std::size_t i = 0; i < metrics.size(); ++i) sum(metrics[i], counts[i]);
    for (std::size_t i = 0; i < answers.size(); ++i) sum(answers[i], of_answers[i]);
    for (std::size_t i = 0; i < totals.size(); ++i) {
      totals[i].n += amounts[i].n;
      totals[i].sum += amounts[i].sum;
    }
  }
};

std::vector<VersionTick> by_version(const ServiceCounts& service) {
  std::vector<VersionTick> versions;
  const auto of = [&](VersionId id) -> VersionTick& {
    const auto at =
        std::find_if(versions.begin(), versions.end(), [&](const auto& tick) { return tick.version == id; });
    if (at != versions.end()) return *at;
    versions.push_back({.version = id, .metrics = {}, .answers = {}, .totals = {}, .times = {}});
    return versions.back();
  };
  for (const OutsideCounts* outside : service.outside) {
    VersionTick& tick = of(outside->version);
    tick.add(outside->metrics, outside->answers, outside->totals);
    tick.times.push_back(&outside->times);
  }
  for (const StepCounts* step : service.steps) {
    for (const ArmCounts& arm : step->arms) {
      if (arm.version == kNoId) continue;
      VersionTick& tick = of(arm.version);
      tick.add(arm.metrics, arm.answers.metrics, arm.answers.totals);
      tick.times.push_back(&arm.times);
    }
  }
  return versions;
}

void learn_times(const VersionTick& tick, Seconds dt, BaselineMemory& memory) {
  for (int i = 0; i < kTimeMetricCount; ++i) {
    const auto which = static_cast<TimeMetric>(i);
    std::uint64_t observations = 0;
    for (const TimeDeltas* deltas : tick.times) observations += (*deltas)[which].total();
    if (observations == 0) continue;
    DecayedHistogram& time = memory.times[which];
    time.fade(dt, observations, kHistogramHalfLifeObservations);
    for (const TimeDeltas* deltas : tick.times) time.add((*deltas)[which]);
  }
}

}  // namespace

// Once with the sums over all steps (4.2): to fade for each would fade a tick twice.
void BaselineMemories::update(const Tick& tick, Seconds dt) {
  for (const ServiceCounts& service : tick.services()) {
    for (const VersionTick& version : by_version(service)) {
      BaselineMemory& memory = memories_[{service.service, version.version}];
      for (std::size_t i = 0; i < memory.rates.size(); ++i) memory.rates[i].add(version.metrics[i], dt);
      for (std::size_t i = 0; i < memory.answers.size(); ++i) memory.answers[i].add(version.answers[i], dt);
      for (std::size_t i = 0; i < memory.amounts.size(); ++i) {
        const AmountTotal& total = version.totals[i];
        memory.amounts[i].add(static_cast<double>(total.n), static_cast<double>(total.sum), dt);
      }
      learn_times(version, dt, memory);
    }
  }
}

BaselineMemory BaselineMemories::of(ServiceId service, VersionId version) const {
  const auto at = memories_.find({service, version});
  return at == memories_.end() ? BaselineMemory{} : at->second;
}

void BaselineMemories::forget(ServiceId service) {
  std::erase_if(memories_, [&](const auto& entry) { return entry.first.first == service; });
}

}  // namespace weir::analysis
