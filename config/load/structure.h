// Pure functions. Whether a document has the shape that the declaration says: keys, kinds, units, words.
#pragma once

#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

void check_structure(const Node& root, Report& report);

}  // namespace weir::config
