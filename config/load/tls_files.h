// Pure functions, but for what the environment looks at. Whether the files that TLS is set up from can be used.
#pragma once

#include "config/load/document.h"
#include "config/load/load.h"
#include "config/load/report.h"

namespace weir::config {

// Of a plan whose shape is right: what is missing was reported.
void check_tls_files(const Config& config, const Node& root, const Environment& environment, Report& report);

}  // namespace weir::config
