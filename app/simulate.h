// Confined to one thread. `weir simulate`: a plan's rollout against made-up traffic, hours in a second.
#pragma once

#include "app/cli/invocation.h"
#include "app/cli/terminal.h"

namespace weir::app {

// Returns its exit code.
int simulate(const Invocation& invocation, const Terminal& terminal);

}  // namespace weir::app
