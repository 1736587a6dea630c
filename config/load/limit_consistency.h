// Pure functions. Limits, timeouts and retries that can never be reached, or not be kept.
#pragma once

#include "config/config.h"
#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

// Those of the file, its listeners, routes and versions, each with what is said around it.
void check_limits(const Config& config, const Node& root, Report& report);

}  // namespace weir::config
