// Thread-safe; of the world it knows only the working directory. What a running weir cannot take over from a new plan.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace weir::config {

// The keys that differ and need a restart, as they stand in the file: "workers", "state.path", "state.records",
// "admin.address". Empty:
// everything that differs can be reloaded. Other words for the same state file are no difference; links are not
// followed.
std::vector<std::string> needs_restart(const Config& running, const Config& next);

}  // namespace weir::config
