#include "app/run.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "app/plan_file.h"
#include "app/signals.h"
#include "app/start_watch.h"
#include "app/weir.h"
#include "base/log.h"

namespace weir::app {
namespace {

constexpr std::size_t kRecordsRead = analysis::Controller::kHistoryKept;

PlanFile read_plan(const RunArguments& arguments) {
  if (!arguments.file.empty()) return read_plan_file(arguments.file);
  config::DefaultPlanOptions options{.baseline = arguments.baseline, .candidate = arguments.candidate};
  if (!arguments.listen.empty()) options.listen = arguments.listen;
  return read_default_plan(options);
}

// What the next weir on the same state file is told.
std::string owner(const std::string& plan) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return "weir with process id " + std::to_string(::getpid()) + ", running " + plan + " since " +
         log::iso_time(unix_ms);
}

void set_up_log(const RunArguments& arguments) {
  log::Options options;
  log::parse_level(arguments.log_level, options.level);
  log::parse_format(arguments.log_format, options.format);
  log::setup(options);
}

}  // namespace

int run(const RunArguments& arguments, const Terminal& terminal) {
  Signals signals;  // before any thread
  set_up_log(arguments);
  StartWatch watch;
  if (!arguments.file.empty()) watch.about_to(arguments.file + ", or a file that it names");
  PlanFile plan = read_plan(arguments);
  for (const std::string& line : plan.messages()) std::fprintf(stderr, "%s\n", line.c_str());
  if (!plan.ok()) {
    print_error(terminal, plan.name + " cannot be run", "What is wrong with it stands above.");
    return kExitFailed;
  }
  Weir::Setup setup{.config = std::move(*plan.loaded.config),
                    .origin = {.file = arguments.file,
                               .name = plan.name,
                               .descriptors = raise_descriptor_limit(),
                               .access_log = arguments.access_log},
                    .state = {}};
  const std::string path = setup.config.state.path;
  watch.about_to("the state file " + path);
  setup.state = analysis::Journal::open(path, owner(plan.name), kRecordsRead);
  if (!setup.state.holder.empty()) {
    print_error(terminal, "the state file " + path + " belongs to a " + setup.state.holder,
                "Stop that one, or give this one another `state.path`.");
    return kExitFailed;
  }
  watch.about_to(plan.name);
  auto weir = std::make_unique<Weir>(signals, std::move(setup));
  const std::vector<std::string> errors = weir->start(watch);
  for (const std::string& error : errors) print_error(terminal, error);
  const int code = errors.empty() ? weir->run() : kExitFailed;
  if (!weir->can_end()) {
    // Somebody hangs on a disk: to wait for it could be to wait for ever.
    std::fflush(nullptr);
    std::_Exit(code);
  }
  return code;
}

}  // namespace weir::app
