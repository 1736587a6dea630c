// Pure functions. What one attempt shows of the endpoint that it was made at, which is left out of rotation for a
// gateway's failures (HTTP.md section 0, outlier).
#pragma once

#include <optional>

#include "base/error.h"
#include "proxy/observe/counters.h"

namespace weir::proxy {

// Neither: it shows nothing.
struct EndpointReport {
  bool works = false;
  std::optional<EndpointCount> failure = {};
};

// A 503 with Retry-After is no failure: an endpoint that says when it has room again is busy, not broken, and leaving
// it out would only move its load.
EndpointReport report_of_answer(int status, bool retry_after);

// A connection that had aged, and whatever the client did, show nothing.
EndpointReport report_of_failure(const Error& error, bool response_started);

}  // namespace weir::proxy
