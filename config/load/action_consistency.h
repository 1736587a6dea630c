// Pure functions. Whether what a route does makes sense.
#pragma once

#include <string>

#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

// `node` is the route's, `path` what it is called.
void check_action(const Route& route, const Node& node, const std::string& path, Report& report);

}  // namespace weir::config
