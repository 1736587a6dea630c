// Confined to one thread. A rollout whose weights go by the clock, whatever its gates say: how soon the analyzer rolls
// it back, if ever. What STATISTICS.md section 6 repeats thousands of times.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analysis/sim/world.h"

namespace weir::analysis::sim {

struct Trial {
  Traffic traffic;
  Regression regression;
  std::vector<config::Guard> guards;
  std::vector<double> weights{0.05};  // of equal length
  Seconds length{3 * 3600};
  Milliseconds tick{1'000};
  double max_false_rollback = 0.01;
  Seconds before{600};
  std::uint64_t seed = 1;
};

struct Tried {
  std::optional<Seconds> rolled_back;  // when, of the rollout's time
  std::string because;
  std::string alarm;           // why it was paused first, if it was
  std::uint64_t requests = 0;  // until then, or of all
  std::uint64_t candidate_requests = 0;
};

class TrialRun {
 public:
  explicit TrialRun(const Trial& trial);

  // One tick more; false when the trial was over before it.
  bool tick();
  Tried result() const;
  const World& world() const { return world_; }
  World& world() { return world_; }

 private:
  void climb();

  Trial trial_;
  World world_;
  std::size_t step_ = 0;
  std::optional<Seconds> rolled_back_;
  std::string alarm_;
};

Tried run(const Trial& trial);

// The guards of the simulations of section 6: errors, and latency at p50, p90 and p99.
std::vector<config::Guard> section_six_guards();
// With those of what answers are, for Traffic::quality: hallucination, relevance and tokens, of which a request counts
// 4,096 at most.
std::vector<config::Guard> section_six_guards_of_quality();
// The same with nothing allowed: where the truth is on the boundary of what is allowed when the versions are equal.
std::vector<config::Guard> without_margins(std::vector<config::Guard> guards);

}  // namespace weir::analysis::sim
