// Confined to one thread. What a version was like over the last thirty minutes, by whole minutes: the reference of a
// candidate that nobody is left to compare with (STATISTICS.md 4.10).
#pragma once

#include <array>
#include <cstddef>

#include "analysis/window/baseline_memory.h"
#include "analysis/window/tick_counts.h"

namespace weir::analysis {

class HalfHour {
 public:
  static constexpr std::size_t kMinutes = 30;

  void add(const RateCounts& tick, Seconds dt);
  // Forgets one metric, whose slot gets another meaning.
  void forget(std::size_t metric);
  MetricCount of(std::size_t metric) const;

  // For saving and restoring.
  struct State {
    std::array<RateCounts, kMinutes> minutes{};
    std::size_t current = 0;
    Seconds into_minute{0};
  };
  State& state() { return state_; }

 private:
  State state_;
};

}  // namespace weir::analysis
