// Pure functions. Redirects that lead to each other.
#pragma once

#include "config/config.h"
#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

// Each circle once, at its first route.
void check_redirects(const Config& config, const Node& root, Report& report);

}  // namespace weir::config
