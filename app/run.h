// Confined to one thread. `weir run`: from the command line to the end of the process.
#pragma once

#include "app/cli/invocation.h"
#include "app/cli/terminal.h"

namespace weir::app {

// The exit code.
int run(const RunArguments& arguments, const Terminal& terminal);

}  // namespace weir::app
