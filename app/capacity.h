// Pure functions. How many connections the process's file descriptors are enough for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"

namespace weir::app {

// Lowers the listeners' limits, the largest first, to what `descriptors` allow: each client holds one, and a second one
// to an endpoint while its request is under way, as long as the versions' limits let it. A line for each listener that
// was lowered.
std::vector<std::string> fit_connections(config::Config& config, std::uint64_t descriptors);

}  // namespace weir::app
