// Confined to the control thread where it writes; pure functions where it reads. The document of /api/v1/traffic: what
// each version of each service has been like lately, as the judge remembers it. `weir explain` reckons with it.
//
//   {"services": [{"name", "rate", "versions": [{"name", "rate",
//      "rates": {"errorRate": {"n", "x"}, …}, "latency": {"n", "buckets": [[from, count], …]}}]}]}
//
// `rate` is requests a second; n and x are observations and bad ones, fading; `from` is where a bucket of the histogram
// begins, in microseconds.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "analysis/forecast/traffic.h"
#include "analysis/window/baseline_memory.h"
#include "app/metrics/recent_traffic.h"
#include "base/json.h"
#include "base/names.h"
#include "config/config.h"

namespace weir::app {

struct TrafficFacts {
  const config::Config& config;
  const Names& names;
  const RecentTraffic& recent;
  const analysis::BaselineMemories& memories;
};
json::Value traffic_document(const TrafficFacts& facts);

// What of a service's traffic has been measured well enough to reckon with.
struct MeasuredTraffic {
  double rps = 0;
  analysis::BaselineTraffic traffic;  // without what was not measured
  bool errors = false;                // the rates were
  bool latency = false;
  std::string lacks;  // why there is nothing: "there is no service …"; else empty
};
MeasuredTraffic measured_traffic(const json::Value& document, std::string_view service, std::string_view baseline);

}  // namespace weir::app
