// Pure functions. Which traffic a forecast reckons with, and where each of its figures comes from.
#pragma once

#include <string>

#include "analysis/forecast/traffic.h"
#include "app/cli/invocation.h"
#include "app/explain/measured.h"
#include "config/service.h"

namespace weir::app {

struct Reckoning {
  analysis::BaselineTraffic traffic;
  double errors = 0;        // as it was said, of the baseline's requests: 0 as well
  config::Duration p50{0};  // of the latencies that are made up
  double before_s = 0;      // that the baseline is assumed to have been alone; 0: what is known was measured
  // "--rps", "the plan", "http://127.0.0.1:9901", "assumed".
  std::string rps_from, errors_from, latency_from;
};

// Of what is known: the command line before what was measured, that before the plan, that before assumptions.
// `measured` or `planned` or `given.rps` is there.
struct KnownTraffic {
  const TrafficArguments& given;
  const config::ExpectedTraffic* planned = nullptr;
  const MeasuredTraffic* measured = nullptr;
  std::string measured_at = {};  // the URL
};
Reckoning reckon(const KnownTraffic& known);

}  // namespace weir::app
