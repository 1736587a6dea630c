#include "analysis/judge/error_window.h"

#include <algorithm>

namespace weir::analysis {
namespace {

constexpr double kLeastUnhealthy = 0.05;
constexpr double kTimesUsual = 3;
constexpr double kObservationsToKnow = 1'000;

}  // namespace

void ErrorWindow::add(const MetricCount& tick, Seconds dt) {
  into_second_ += dt;
  const std::size_t steps = std::min(kSeconds, static_cast<std::size_t>(into_second_.count()));
  for (std::size_t i = 0; i < steps; ++i) {
    current_ = (current_ + 1) % kSeconds;
    seconds_[current_] = {};
  }
  into_second_ -= Seconds(static_cast<double>(static_cast<std::uint64_t>(into_second_.count())));
  seconds_[current_].n += tick.n;
  seconds_[current_].x += tick.x;
}

void ErrorWindow::learn(const DecayedRate& memory) {
  if (!usual_ && memory.n >= kObservationsToKnow) usual_ = memory.x / memory.n;
}

double ErrorWindow::rate() const {
  MetricCount sum;
  for (const MetricCount& second : seconds_) {
    sum.n += second.n;
    sum.x += second.x;
  }
  return sum.n == 0 ? 0 : static_cast<double>(sum.x) / static_cast<double>(sum.n);
}

bool ErrorWindow::unhealthy() const { return rate() > std::max(kLeastUnhealthy, kTimesUsual * usual_.value_or(0)); }

}  // namespace weir::analysis
