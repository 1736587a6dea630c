// Confined to one thread. `weir replay`: recorded decisions made again.
#pragma once

#include "app/cli/invocation.h"
#include "app/cli/terminal.h"

namespace weir::app {

// The exit code.
int replay(const Invocation& invocation, const Terminal& terminal);

}  // namespace weir::app
