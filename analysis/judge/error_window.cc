#include "analysis/judge/error_window.h"

#include <algorithm>

namespace weir::analysis {
namespace {

constexpr double kLeastUnhealthy = 0.05;
constexpr double kTimesUsual = 3;
constexpr double kObservationsToKnow = 1'000;

}  // namespace

void ErrorWindow::add(const MetricCount& tick, Seconds dt) {
  state_.into_second += dt;
  const std::size_t steps = std::min(kSeconds, static_cast<std::size_t>(state_.into_second.count()));
  for (std::size_t i = 0; i < steps; ++i) {
    state_.current = (state_.current + 1) % kSeconds;
    state_.seconds[state_.current] = {};
  }
  state_.into_second -= Seconds(static_cast<double>(static_cast<std::uint64_t>(state_.into_second.count())));
  state_.seconds[state_.current].n += tick.n;
  state_.seconds[state_.current].x += tick.x;
}

void ErrorWindow::learn(const DecayedRate& memory) {
  if (!state_.usual && memory.n >= kObservationsToKnow) state_.usual = memory.x / memory.n;
}

double ErrorWindow::rate() const {
  MetricCount sum;
  for (const MetricCount& second : state_.seconds) {
    sum.n += second.n;
    sum.x += second.x;
  }
  return sum.n == 0 ? 0 : static_cast<double>(sum.x) / static_cast<double>(sum.n);
}

bool ErrorWindow::unhealthy() const {
  return rate() > std::max(kLeastUnhealthy, kTimesUsual * state_.usual.value_or(0));
}

}  // namespace weir::analysis
