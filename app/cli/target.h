// Pure functions, but for the file that a token is read from. Which weir a command is for, and who asks.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "app/cli/admin_client.h"
#include "app/cli/invocation.h"

namespace weir::app {

// What a plan file says about its admin API, as host:port; `error` says why that could not be read.
struct PlanAdmin {
  std::string address;
  std::string token;
  std::string error;
};
using PlanReader = std::function<PlanAdmin(const std::string& path)>;

// The variables that matter here; empty when unset.
struct Environment {
  std::string admin;  // WEIR_ADMIN
  std::string token;  // WEIR_TOKEN
  static Environment of_process();
};

struct Target {
  AdminClient::Options options;
  std::string error;  // what is wrong with what was given
};

// --admin before --config before WEIR_ADMIN before the default address: what is typed outranks what is exported.
// --token-file before WEIR_TOKEN before the plan's token.
Target resolve_target(const TargetArguments& arguments, const Environment& environment, const PlanReader& read_plan);

// "name@host" of this process, for the history.
std::string actor_of_process();

}  // namespace weir::app
