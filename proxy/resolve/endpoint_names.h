// Pure functions. Which endpoints of a plan have names that have to be looked up.
#pragma once

#include <set>
#include <string>

#include "config/config.h"

namespace weir::proxy {

// Its host is a name, and not one whose addresses everybody knows.
bool needs_lookup(const config::Endpoint& endpoint);

// Of all services.
std::set<std::string> endpoint_names(const config::Config& config);

}  // namespace weir::proxy
