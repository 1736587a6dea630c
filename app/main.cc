// The program: what the command line asks for, done.
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "app/build/build_info.h"
#include "app/cli/client_commands.h"
#include "app/cli/parse.h"
#include "app/cli/target.h"
#include "app/explain_command.h"
#include "app/plan_commands.h"
#include "app/plan_file.h"
#include "app/replay_command.h"
#include "app/run.h"
#include "app/simulate.h"
#include "config/address.h"

namespace weir::app {
namespace {

PlanAdmin admin_of_plan(const std::string& path) {
  const config::AdminResult plan = read_plan_admin(path);
  const std::optional<config::HostPort> address = config::parse_listen_address(plan.admin.address);
  if (!address) return {.address = {}, .token = {}, .error = plan.error};
  return {.address = to_string(*address),
          .token = plan.admin.token ? plan.admin.token->value : std::string(),
          .error = plan.error};
}

int ask_running_weir(const Invocation& invocation, const Terminal& terminal) {
  Target target = resolve_target(invocation.target, Environment::of_process(), admin_of_plan);
  if (!target.error.empty()) {
    print_error(terminal, target.error);
    return invocation.verb == Verb::kHealth ? kExitFailed : kExitUsage;
  }
  target.options.actor = actor_of_process();
  const AdminClient client(std::move(target.options));
  return ClientCommands(client, terminal).execute(invocation);
}

int execute(const Invocation& invocation, const Terminal& terminal) {
  switch (invocation.verb) {
    case Verb::kRun:
      return run(invocation.run, terminal);
    case Verb::kInit:
      return print_default_plan();
    case Verb::kCheck:
      return check_plan(invocation, terminal);
    case Verb::kSchema:
      return print_schema(invocation);
    case Verb::kSimulate:
      return simulate(invocation, terminal);
    case Verb::kExplain:
      return explain_plan(invocation, terminal, admin_of_plan);
    case Verb::kReplay:
      return replay(invocation, terminal);
    case Verb::kVersion:
      std::printf("weir %s (%s)\n", std::string(version()).c_str(), std::string(compiler()).c_str());
      return kExitOk;
    default:
      return ask_running_weir(invocation, terminal);
  }
}

int main_with(const std::vector<std::string>& arguments) {
  const Terminal terminal = Terminal::of_process();
  const ParsedCommandLine parsed = parse_command_line(arguments);
  if (!parsed.invocation) {
    std::fputs(parsed.text.c_str(), parsed.exit_code == kExitOk ? stdout : stderr);
    return parsed.exit_code;
  }
  return execute(*parsed.invocation, terminal);
}

}  // namespace
}  // namespace weir::app

int main(int argc, char** argv) {
  try {
    const int exit_code = weir::app::main_with({argv + 1, argv + argc});
    // A full disk shows itself here at the latest: what was asked for has not been written.
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
    std::fprintf(stderr, "weir: standard output cannot be written to\n");
    return exit_code == weir::app::kExitOk ? weir::app::kExitFailed : exit_code;
  } catch (const std::exception& failure) {
    // Out of memory, or a mistake of ours: nothing throws on purpose.
    std::fprintf(stderr, "weir: %s\n", failure.what());
    return weir::app::kExitFailed;
  }
}
