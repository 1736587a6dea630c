// Pure functions. Endpoints that stand where none should: twice, in both versions of a rollout, at the weir itself.
#pragma once

#include "config/config.h"
#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

void check_endpoints(const Config& config, const Node& root, Report& report);

}  // namespace weir::config
