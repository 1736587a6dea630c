// Pure functions. Whether a plan can be judged by what was recorded under another one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/rollout.h"

namespace weir::analysis {

// A key of the other plan that nothing recorded can speak for.
struct Incomparable {
  std::vector<std::string> key;     // below the rollout: {"analysis", "holdback"}
  std::optional<std::size_t> step;  // of setWeight: which one
  std::string what;                 // "setWeight 20% … the one that ran had 10%"
  std::string why;                  // what is not known for that
};

// Empty: it differs at most in false alarms allowed, margins, ceilings, actions, budgets, holds and pauses.
std::vector<Incomparable> incomparable(const config::Rollout& ran, const config::Rollout& other);

}  // namespace weir::analysis
