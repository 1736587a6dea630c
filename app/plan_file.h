// Confined to one thread. A plan from where the user has it: a file, with the environment and the files that its
// secrets name; or no file at all.
#pragma once

#include <string>
#include <vector>

#include "base/file_text.h"
#include "config/default_plan.h"
#include "config/load/load.h"

namespace weir::app {

struct PlanFile {
  std::string name;        // as messages call it
  std::string unreadable;  // why there is no text to load; else empty
  config::LoadResult loaded;
  bool files_failed = false;  // it or a file that it names could not be read or used, which may pass

  bool ok() const { return loaded.ok(); }
  // Everything that is wrong with it, a line each.
  std::vector<std::string> messages() const;
  bool has_warnings() const { return !loaded.problems.empty(); }
};

PlanFile read_plan_file(const std::string& path, FileKind kind = FileKind::kAny);
// For who only asks: also whether there could be an access log where the plan wants it. A start looks at that, and opens
// it, or another one that its command line names.
PlanFile check_plan_file(const std::string& path);
// Why an access log cannot be written to this path: it is another file of the weir's, by whatever name. Empty: it can.
std::string log_place_fault(const std::string& log, const std::string& state, const std::string& plan);
// What a file says about its admin API, whatever else is wrong with it.
config::AdminResult read_plan_admin(const std::string& path);
PlanFile read_default_plan(const config::DefaultPlanOptions& options);

}  // namespace weir::app
