// Confined to one thread. The baseline's own error rate over the last 60 s, against what it was when the step began:
// in an outage that both arms share they look alike, and a comparison proves nothing (STATISTICS.md 4.8).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "analysis/window/baseline_memory.h"
#include "analysis/window/tick_counts.h"

namespace weir::analysis {

class ErrorWindow {
 public:
  void add(const MetricCount& tick, Seconds dt);
  // At a step's start, then at every tick: the first memory that holds enough is what "usual" means for this step.
  void begin_step() { state_.usual.reset(); }
  void learn(const DecayedRate& memory);

  // The share of errors in the window; 0 when nothing came.
  double rate() const;
  // Above max(5 %, 3 x the usual rate).
  bool unhealthy() const;

  // For saving and restoring: an outage does not end because a process does.
  static constexpr std::size_t kSeconds = 60;
  struct State {
    std::array<MetricCount, kSeconds> seconds{};
    std::size_t current = 0;
    Seconds into_second{0};
    std::optional<double> usual;
  };
  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  State state_;
};

}  // namespace weir::analysis
