// Pure functions. What a plan's routes mean to each other and to the rest of it.
#pragma once

#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

// As check_consistency(), for the routes alone.
void check_routes(const Config& config, const Node& root, Report& report);

}  // namespace weir::config
