#include "app/plan_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "app/explain/caution_words.h"
#include "app/tls_files.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

config::Environment environment(FileKind kind) {
  return {.variable = [](const std::string& name) -> std::optional<std::string> {
            const char* const value = std::getenv(name.c_str());
            return value == nullptr ? std::nullopt : std::optional<std::string>(value);
          },
          .file = [kind](const std::string& path) -> std::optional<std::string> {
            FileText read = read_file(path, kind);
            return read.problem.empty() ? std::optional<std::string>(std::move(read.text)) : std::nullopt;
          },
          .listener_tls = listener_faults,
          .origin_tls = origin_faults,
          .listener_tls_doubts = listener_doubts,
          .origin_tls_doubts = origin_doubts};
}

// Nothing is made and nothing opened: who checks a plan may be another than who runs it.
std::string log_folder_fault(const std::string& path) {
  std::error_code failed;
  if (path == "-") return {};
  if (fs::is_directory(path, failed)) return "it is a directory";
  const fs::path folder = fs::absolute(path, failed).parent_path();
  return fs::is_directory(folder, failed) ? std::string() : "there is no folder " + folder.string();
}

// Through links, whether they are there already or not.
bool same_file(const std::string& one, const std::string& other) {
  std::error_code failed;
  if (fs::equivalent(one, other, failed)) return true;
  const auto place = [&failed](const std::string& path) {
    return fs::weakly_canonical(fs::absolute(path, failed), failed);
  };
  const fs::path first = place(one);
  return !first.empty() && first == place(other);
}

// What is only seen once the plan is reckoned through.
void add_forecast(config::LoadResult& loaded) {
  bool refused = false;
  for (config::Problem& problem : forecast_problems(loaded)) {
    refused = refused || problem.severity == config::Problem::Severity::kError;
    loaded.problems.push_back(std::move(problem));
  }
  if (refused) loaded.config.reset();
  const auto before = [](const config::Problem& a, const config::Problem& b) {
    return std::tie(a.position.line, a.position.column) < std::tie(b.position.line, b.position.column);
  };
  std::stable_sort(loaded.problems.begin(), loaded.problems.end(), before);
}

// Notes whether a file that the plan names was no help.
config::Environment watched(const config::Environment& environment, bool& failed) {
  config::Environment noting = environment;
  noting.file = [&failed, read = environment.file](const std::string& path) {
    std::optional<std::string> text = read(path);
    failed = failed || !text || text->empty();
    return text;
  };
  const auto noted = [&failed](const auto& faults_of) {
    return [&failed, faults_of](const auto& settings) {
      std::vector<config::TlsFault> faults = faults_of(settings);
      failed = failed || !faults.empty();
      return faults;
    };
  };
  noting.listener_tls = noted(environment.listener_tls);
  noting.origin_tls = noted(environment.origin_tls);
  return noting;
}

PlanFile read_with(const config::Environment& environment, const std::string& path, FileKind kind) {
  PlanFile plan{.name = path, .unreadable = {}, .loaded = {}, .files_failed = false};
  const FileText read = read_file(path, kind);
  plan.unreadable = read.problem;
  plan.files_failed = !read.problem.empty();
  if (plan.files_failed) return plan;
  plan.loaded = config::load(read.text, watched(environment, plan.files_failed));
  add_forecast(plan.loaded);
  return plan;
}

}  // namespace

std::vector<std::string> PlanFile::messages() const {
  if (!unreadable.empty()) return {"cannot read " + name + ": " + unreadable};
  std::vector<std::string> lines;
  for (const config::Problem& problem : loaded.problems) lines.push_back(config::format(problem, name));
  return lines;
}

PlanFile read_plan_file(const std::string& path, FileKind kind) { return read_with(environment(kind), path, kind); }

PlanFile check_plan_file(const std::string& path) {
  config::Environment with_log = environment(FileKind::kAny);
  with_log.log_file = [&path](const std::string& log, const std::string& state) {
    std::string fault = log_place_fault(log, state, path);
    return fault.empty() ? log_folder_fault(log) : fault;
  };
  return read_with(with_log, path, FileKind::kAny);
}

std::string log_place_fault(const std::string& log, const std::string& state, const std::string& plan) {
  if (log == "-") return {};
  if (!plan.empty() && same_file(log, plan)) return "it is the plan's file, " + plan;
  if (same_file(log, state)) return "it is the state file, " + state;
  for (const char* companion : {"-wal", "-shm", ".lock", ".mark", ".joins", ".records"}) {
    if (same_file(log, state + companion)) return "it is " + state + companion + ", which belongs to the state file";
  }
  return {};
}

config::AdminResult read_plan_admin(const std::string& path) {
  const FileText read = read_file(path, FileKind::kAny);
  if (!read.problem.empty()) return {.admin = {}, .error = "cannot read " + path + ": " + read.problem};
  config::AdminResult result = config::load_admin(read.text, environment(FileKind::kAny));
  if (!result.error.empty()) result.error = path + ": " + result.error;
  return result;
}

PlanFile read_default_plan(const config::DefaultPlanOptions& options) {
  return {.name = "the default plan",
          .unreadable = {},
          .loaded = config::load(config::default_plan_yaml(options), environment(FileKind::kAny)),
          .files_failed = false};
}

}  // namespace weir::app
