// Pure functions over what is thread-safe. How a version's endpoints stand, for people and their tools.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/metrics/endpoint_metrics.h"
#include "base/clock.h"
#include "proxy/exchange/topology.h"

namespace weir::app {

struct EndpointStanding {
  std::string service;
  std::string version;
  std::string endpoint;
  bool ejected = false;  // for what its requests showed
  bool ill = false;      // its health checks fail

  bool out() const { return ejected || ill; }
  std::string_view reason() const { return ill ? "its health checks fail" : ejected ? "its requests fail" : ""; }
};

// Of every endpoint, by service, version and its place in the plan.
std::vector<EndpointStanding> endpoint_standings(const proxy::Topology& topology, SteadyTime now);

// What is counted of each, in the same order.
std::vector<EndpointSample> endpoint_samples(const proxy::Topology& topology, SteadyTime now);

// A line a version that is not whole.
std::vector<std::string> endpoint_problems(const std::vector<EndpointStanding>& standings);

}  // namespace weir::app
