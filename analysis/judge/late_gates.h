// Confined to one thread. A gate of what is known late: what people think of answers (STATISTICS.md 4.8).
//
// The problem: scores come minutes after their requests and are few, so that a gate that begins anew with each step
// would wait for them in each. Quality does not depend on the load, though, and so what was seen under a small weight
// tells about a large one. There is one accumulator for each margin that a step may ask for, all fed since the rollout
// began; a step asks the one of its own.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/judge/evidence.h"

namespace weir::analysis {

struct LateGate {
  double next_weight = 1;  // the step's, by which its margin is
  Evidence advance;
};

class LateGates {
 public:
  // The gate of a step with this next weight; made, from nothing, when no step had it before.
  LateGate& of(double next_weight, bool of_mean, Refresh refresh) {
    if (LateGate* known = find(next_weight)) return *known;
    gates_.push_back({next_weight, Evidence(TestSide::kAdvance, of_mean, refresh)});
    if (gates_.size() > kMost) gates_.erase(gates_.begin());
    return gates_.back();
  }
  const LateGate* find(double next_weight) const { return const_cast<LateGates*>(this)->find(next_weight); }

  std::vector<LateGate>& all() { return gates_; }
  const std::vector<LateGate>& all() const { return gates_; }

 private:
  // Weights that an operator sets are many; the oldest are forgotten.
  static constexpr std::size_t kMost = 32;
  static constexpr double kSameWeight = 1e-9;

  LateGate* find(double next_weight) {
    const auto same = [&](const LateGate& gate) { return std::abs(gate.next_weight - next_weight) < kSameWeight; };
    const auto at = std::find_if(gates_.begin(), gates_.end(), same);
    return at == gates_.end() ? nullptr : &*at;
  }

  std::vector<LateGate> gates_;
};

}  // namespace weir::analysis
