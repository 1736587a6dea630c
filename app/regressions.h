// Pure functions. What is to be wrong with a simulated candidate, as the command line says it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/sim/answer.h"
#include "config/rollout.h"

namespace weir::app {

// "errors=1%", "errors=x4", "capacity=…", "clientErrors=…", "clientAborts=…", "latency=+10%", "latency=x1.5", "p99=x2",
// "slowInputs=5%", "tokens=+15%", "cost=+20%", "relevance=5%", "hallucinations=x2". Changes `into`; returns what is
// wrong with the text and what was expected, or nothing.
std::string add_regression(std::string_view text, const analysis::sim::Traffic& traffic,
                           analysis::sim::Regression& into);

// What is wrong with all of them together: shares of requests that come to more than all. Nothing: they can be.
std::string impossible_sum(const analysis::sim::Traffic& traffic, const analysis::sim::Regression& regression);

// Of what is wrong, what neither a guard nor a budget of the rollout looks at: "tokens", "hallucinations".
std::vector<std::string_view> unseen(const analysis::sim::Regression& regression, const config::Rollout& policy);

}  // namespace weir::app
