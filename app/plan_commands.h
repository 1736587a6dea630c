// Confined to one thread. The subcommands that are about a plan and need no running weir.
#pragma once

#include "app/cli/invocation.h"
#include "app/cli/terminal.h"

namespace weir::app {

// Each returns its exit code.
int check_plan(const Invocation& invocation, const Terminal& terminal);
int print_default_plan();
int print_schema(const Invocation& invocation);

}  // namespace weir::app
