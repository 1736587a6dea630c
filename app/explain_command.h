// Confined to one thread. `weir explain`: what a plan's rollouts will take and see, at a traffic that is given, planned
// or measured by a running weir.
#pragma once

#include "app/cli/invocation.h"
#include "app/cli/target.h"
#include "app/cli/terminal.h"

namespace weir::app {

// The exit code.
int explain_plan(const Invocation& invocation, const Terminal& terminal, const PlanReader& read_plan);

}  // namespace weir::app
