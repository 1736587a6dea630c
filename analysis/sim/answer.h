// Pure functions. How a version answers a simulated request.
#pragma once

#include <cstdint>

#include "analysis/sim/population.h"
#include "analysis/sim/traffic.h"
#include "base/outcome.h"

namespace weir::analysis::sim {

// A share of requests: `factor` times the baseline's, or `extra` of what the baseline would have answered well, spread
// evenly over users.
struct Worse {
  double factor = 1;
  double extra = 0;
};

// What is wrong with the candidate: nothing, unless it says so.
struct Regression {
  Seconds after{0};  // from when on, of the rollout's time
  Worse errors;
  Worse capacity;
  Worse client_errors;
  Worse client_aborts;
  double latency_factor = 1;
  // Stretches the slowest 5 %, by a factor that grows from 1 at p95 to this at p99.
  double tail_factor = 1;
  // So many of the inputs take so much longer.
  double slow_share = 0;
  double slow_factor = 10;
  // Of its answers.
  double tokens_factor = 1;
  double cost_factor = 1;  // of each token
  double relevance_less = 0;
  Worse hallucinations;
};

struct Reply {
  OutcomeClass outcome = OutcomeClass::kOk;
  double latency_s = 0;
  // With Traffic::quality.
  std::uint32_t tokens = 0;
  std::uint64_t cost_micros = 0;
  double relevance = 0;
  bool hallucinated = false;
};

struct Asked {
  const Request& request;
  const User& user;
  const Climate& climate;
};

// `wrong`: null for the baseline, and for a candidate that is no worse (yet).
Reply answer(const Asked& asked, const Traffic& traffic, const Regression* wrong);

}  // namespace weir::analysis::sim
