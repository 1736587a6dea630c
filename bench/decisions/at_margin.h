// Pure functions. Candidates that are exactly as bad as a step no longer allows.
#pragma once

#include "analysis/judge/verdict.h"
#include "analysis/sim/answer.h"
#include "analysis/sim/traffic.h"

namespace weir::bench {

// The truth of `guard`'s metric lies on the boundary of its gate (STATISTICS.md 4.5); users are all alike, but for the
// errors of sticky ones.
analysis::sim::Regression at_margin(const analysis::GuardStatus& guard, const analysis::sim::Traffic& traffic);

}  // namespace weir::bench
