// Pure functions, but for what says otherwise. How many connections the process's file descriptors are enough for, and
// how much memory their buffers may take.
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

// Sets limits.memory to half of `available` bytes where the plan says nothing.
void fit_memory(config::Config& config, std::uint64_t available);

// What the process may use: of its cgroup or of the machine, whichever is less. Reads /proc and /sys.
std::uint64_t available_memory();

}  // namespace weir::app
