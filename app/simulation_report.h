// Pure functions. What became of simulated rollouts, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "analysis/sim/rehearsal.h"
#include "app/cli/invocation.h"
#include "app/explain/reckoning.h"

namespace weir::app {

struct Simulation {
  std::string service;
  const config::Rollout& policy;
  const SimulateArguments& arguments;
  const Reckoning& reckoning;
  analysis::Seconds regressed_after{0};
  std::vector<std::string_view> unseen;  // what nothing of the rollout looks at (regressions.h)
  std::vector<analysis::sim::Played> runs;  // by seed, from arguments.seed on
  analysis::Seconds wall{0};                // that it took
};

std::string report_text(const Simulation& simulation, bool colour);
std::string report_json(const Simulation& simulation);

}  // namespace weir::app
