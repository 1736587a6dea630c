// Pure functions. Whether the parts of a plan agree: names that exist, weights that sum, routes that can be reached, an
// admin address that is safe.
#pragma once

#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

// `root` is the document that `config` was read from, without repeated keys: for positions.
void check_consistency(const Config& config, const Node& root, Report& report);

}  // namespace weir::config
