// Confined to one thread. Groups of requests of one arm, for tests of judges that all kinds of guards have.
#pragma once

#include <functional>
#include <string>

#include "config/guards.h"
#include "tests/unit/analysis/judge/fleet.h"

namespace weir::analysis::testing {

inline config::Guard guard_of(config::GuardMetric metric, double quantile = 0) {
  return *config::default_guard(config::to_string(metric), quantile);
}

inline StepContext step_of(StepId id, double weight, double next) {
  const auto seed = id == 1 ? StepContext::Seed::kRolloutStart : StepContext::Seed::kStep;
  return {.step = id, .weight = weight, .next_weight = next, .at_full = false, .seed = seed};
}

// So many requests of an arm, of users that have all kinds of requests.
struct Group {
  Arm arm;
  int n;
};
inline void add(Judge& judge, const Group& group, const std::function<void(Went&, int)>& set, Tick& into) {
  const Published published(judge);
  for (int i = 0; i < group.n; ++i) {
    Went went;
    set(went, i);
    const auto cluster = static_cast<std::uint8_t>(i * 37 + static_cast<int>(group.arm));
    fold(records_of(went, request_of(group.arm, cluster), published), into);
  }
}

inline bool lacks(const Judge& judge, const std::string& start) {
  for (const std::string& lack : judge.verdict().lacks) {
    if (lack.starts_with(start)) return true;
  }
  return false;
}

}  // namespace weir::analysis::testing
