// Pure functions. Whether what a plan wants to know of answers can be known: by who looks into them, and by copies.
#pragma once

#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

// `root` is the document that `config` was read from, without repeated keys: for positions.
void check_answers(const Config& config, const Node& root, Report& report);

}  // namespace weir::config
