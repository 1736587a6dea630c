#include "analysis/window/baseline_memory.h"

#include <algorithm>
#include <cmath>

namespace weir::analysis {
namespace {

// STATISTICS.md 4.2: half-life the longer of this time and of this many observations.
constexpr double kRateHalfLife_s = 300;
constexpr double kRateHalfLifeObservations = 5'000;
// STATISTICS.md 4.4.
constexpr double kHistogramHalfLife_s = 600;
constexpr double kHistogramHalfLifeObservations = 10'000;

struct HalfLife {
  double seconds;
  double observations;
};

// Both fade alike when traffic is as fast as the half-lives say; the slower of the two is used, so that a quiet version
// is not forgotten and a busy one not in an instant.
double fading(Seconds dt, double observations, const HalfLife& half_life) {
  return std::exp2(-std::min(dt.count() / half_life.seconds, observations / half_life.observations));
}

void fold_arm(BaselineMemory& memory, std::span<const MetricCount> metrics, const HistogramDelta& latency, Seconds dt) {
  for (std::size_t i = 0; i < memory.rates.size(); ++i) memory.rates[i].add(metrics[i], dt);
  memory.latency.fade(dt, latency.total(), kHistogramHalfLifeObservations);
  memory.latency.add(latency);
}

}  // namespace

void DecayedRate::add(const MetricCount& tick, Seconds dt) {
  const double keep = fading(dt, static_cast<double>(tick.n), {kRateHalfLife_s, kRateHalfLifeObservations});
  x = x * keep + static_cast<double>(tick.x);
  n = n * keep + static_cast<double>(tick.n);
}

void DecayedHistogram::fade(Seconds dt, std::uint64_t observations, double half_life_observations) {
  if (observations == 0) return;  // by observations nothing has faded, and the longer half-life holds
  const double keep = fading(dt, static_cast<double>(observations), {kHistogramHalfLife_s, half_life_observations});
  for (double& count : counts) count *= keep;
  total *= keep;
}

void DecayedHistogram::add(const HistogramDelta& delta) {
  for (const std::uint16_t bucket : delta.touched()) counts[bucket] += static_cast<double>(delta.count(bucket));
  total += static_cast<double>(delta.total());
}

void BaselineMemories::update(const Tick& tick, Seconds dt) {
  for (const ServiceCounts& service : tick.services()) {
    for (const OutsideCounts* outside : service.outside) {
      fold_arm(memories_[{service.service, outside->version}], outside->metrics, outside->latency, dt);
    }
    for (const StepCounts* step : service.steps) {
      for (const ArmCounts& arm : step->arms) {
        if (arm.version == kNoId) continue;
        const std::span<const MetricCount> binary(arm.metrics.data(), kBinaryMetricCount);
        fold_arm(memories_[{service.service, arm.version}], binary, arm.latency, dt);
      }
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
