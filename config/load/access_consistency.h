// Pure functions. Rules about who may come that cannot do what they seem to.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "config/load/document.h"
#include "config/load/report.h"

namespace weir::config {

// `allow` and `deny` of all listeners and routes, and the headers of their API keys.
void check_access(const Config& config, const Node& root, Report& report);

// Why a plan may not name this field, in lower case, as one of its own; empty when it may. "_" is "-", as it is to servers
// of the CGI kind (RFC 3875 4.1.18).
std::string_view why_kept(std::string_view name);
// The name that such a server takes `name` for.
std::string with_dashes(std::string_view name);

}  // namespace weir::config
