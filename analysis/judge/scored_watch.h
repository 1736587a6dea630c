// Confined to one thread. Whether the answers of both arms are scored alike: bad answers that go unscored must not look
// good (STATISTICS.md 4.8).
//
// A request is an observation when it ends, and one that was scored when its score comes: later, but as much later in
// either arm. The tests are those of rates (4.3), with `scored` for the bad event, that the candidate's share is at
// least 0.9 and at most 1.1 times the baseline's.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "analysis/stats/design_effect.h"
#include "analysis/stats/mixture.h"
#include "analysis/window/baseline_memory.h"
#include "analysis/window/cluster_deltas.h"
#include "base/ids.h"

namespace weir::analysis {

class ScoredWatch {
 public:
  ScoredWatch();

  // Requests that ended in a tick, in one cluster, and scores that came.
  void count(Arm arm, std::uint8_t cluster, std::uint64_t requests, std::uint64_t scored);
  // A step's sums of the same tick, after all of its clusters: [baseline, candidate]. `allocation` is w*.
  using Counts = std::array<MetricCount, kArmCount>;
  void add(const Counts& tick, double allocation);
  // Behind all steps of a tick.
  void remember(const MetricCount& baseline, Seconds dt) { state_.usual.add(baseline, dt); }

  // The arms' shares are more than 10 % apart, which is proved for one side or the other.
  bool missing() const;
  // The share of an arm's answers that have been scored since the rollout began.
  double share(Arm arm) const;

  struct State {
    std::array<std::vector<ClusterCount>, kArmCount> clusters;  // empty, or of all of them
    DecayedRate usual;
    std::vector<double> less;  // log wealth
    std::vector<double> more;
    double most = 0;  // the largest evidence so far, of either
  };
  State state() const;
  void restore(const State& state);

 private:
  double divisor() const;
  MetricCount total(Arm arm) const;

  State state_;
  Mixture less_;
  Mixture more_;
};

}  // namespace weir::analysis
