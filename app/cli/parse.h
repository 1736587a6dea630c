// Pure functions. The command line's grammar and its help.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/cli/invocation.h"

namespace weir::app {

// Either an invocation, or a text to print and the code to exit with: help asked for, or usage wrong.
struct ParsedCommandLine {
  std::optional<Invocation> invocation;
  int exit_code = kExitOk;
  std::string text;
};

// `arguments` without the program's name.
ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments);

}  // namespace weir::app
