// Confined to the control thread. How each version has done in the last seconds, for people to look at: rates and
// quantiles, never evidence.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/outcome.h"

namespace weir::app {

struct TrafficFigures {
  std::uint64_t requests = 0;  // ever
  double per_second = 0;
  double error_share = 0;  // failures of errorRate among what counts in it
  // Microseconds; nothing without a request in the window.
  std::optional<double> p50_us, p90_us, p99_us;
};

class RecentTraffic {
 public:
  explicit RecentTraffic(const Clock& clock) : clock_(clock), begun_(clock.now()) {}

  void record(const Outcome& outcome);
  // Over the last one to two windows.
  TrafficFigures of(VersionId version) const;
  // Once a tick: begins a new window when the current one is full.
  void turn();

  static constexpr std::chrono::seconds kWindow{5};

 private:
  struct Window {
    std::uint64_t requests = 0;
    std::uint64_t counted = 0;
    std::uint64_t failures = 0;
    Histogram latency{};
  };
  struct Version {
    std::uint64_t requests = 0;
    // Only while it has traffic: a version is 16 KB then.
    std::unique_ptr<Window> current, previous;
  };

  const Clock& clock_;
  SteadyTime begun_;  // of the current windows
  bool has_previous_ = false;
  std::unordered_map<VersionId, Version> versions_;
};

}  // namespace weir::app
