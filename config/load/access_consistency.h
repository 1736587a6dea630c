// Pure functions. Rules about who may come that cannot do what they seem to.
#pragma once

#include "config/config.h"
#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

// `allow` and `deny` of all listeners and routes, and the headers of their API keys.
void check_access(const Config& config, const Node& root, Report& report);

// Why a plan may not name this field, in lower case, as one of its own; empty when it may.
std::string_view why_kept(std::string_view name);

}  // namespace weir::config
