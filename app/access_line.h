// Pure functions. One line of the access log: what became of one request. Written from outcome records by the control
// thread, so that the request path knows nothing of it.
#pragma once

#include <cstdint>
#include <string>

#include "base/names.h"
#include "base/outcome.h"

namespace weir::app {

// A JSON object without its line feed. `unix_ms` is when the record was collected, at most a tick after the request
// ended.
std::string access_line(const Outcome& outcome, const Names& names, std::int64_t unix_ms);

}  // namespace weir::app
