#include "app/plan_commands.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "app/plan_file.h"
#include "base/json.h"
#include "config/default_plan.h"
#include "config/schema.h"

namespace weir::app {
namespace {

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

bool is_error(const config::Problem& problem) { return problem.severity == config::Problem::Severity::kError; }

int exit_code(const PlanFile& plan) {
  if (!plan.ok()) return kExitUsage;
  return plan.has_warnings() ? kExitFailed : kExitOk;
}

json::Value problem_json(const config::Problem& problem, const std::string& file) {
  return json::Object{{"severity", is_error(problem) ? "error" : "warning"},
                      {"file", file},
                      {"line", problem.position.line},
                      {"column", problem.position.column},
                      {"message", problem.what},
                      {"expected", problem.expected},
                      {"nearest", problem.nearest}};
}

json::Value report_json(const PlanFile& plan) {
  json::Array problems;
  if (!plan.unreadable.empty()) {
    problems.push_back(json::Object{{"severity", "error"}, {"file", plan.name}, {"message", plan.messages().front()}});
  }
  for (const config::Problem& problem : plan.loaded.problems) problems.push_back(problem_json(problem, plan.name));
  return json::Object{{"ok", plan.ok()}, {"problems", std::move(problems)}};
}

}  // namespace

int check_plan(const Invocation& invocation, const Terminal& terminal) {
  const PlanFile plan = check_plan_file(invocation.file);
  if (invocation.format == "json") {
    print(json::write_pretty(report_json(plan)));
    return exit_code(plan);
  }
  if (!plan.unreadable.empty()) {
    print_error(terminal, plan.messages().front());
    return exit_code(plan);
  }
  for (const std::string& line : plan.messages()) std::fprintf(stderr, "%s\n", line.c_str());
  const auto errors = std::count_if(plan.loaded.problems.begin(), plan.loaded.problems.end(), is_error);
  const auto warnings = static_cast<std::ptrdiff_t>(plan.loaded.problems.size()) - errors;
  if (errors + warnings == 0) {
    print(plan.name + ": nothing is wrong\n");
  } else {
    std::fprintf(stderr, "%s: %td error(s), %td warning(s)\n", plan.name.c_str(), errors, warnings);
  }
  return exit_code(plan);
}

int print_default_plan() {
  print(config::default_plan_yaml({}));
  return kExitOk;
}

int print_schema(const Invocation& invocation) {
  print(invocation.reference ? config::reference_markdown() : config::json_schema());
  return kExitOk;
}

}  // namespace weir::app
