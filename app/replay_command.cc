#include "app/replay_command.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "analysis/records/replay.h"
#include "analysis/records/segment.h"
#include "app/moment.h"
#include "app/plan_file.h"
#include "app/replay_report.h"

namespace weir::app {
namespace {

constexpr const char* kHelp = "Run `weir replay --help` for what it takes.";

// Why it cannot be done, and how that ends.
struct Refused {
  std::string what;
  std::string advice = kHelp;
  int exit_code = kExitUsage;
};

// What the plan is called is a service; what lies on the disk is none.
bool names_a_file(const std::string& word) {
  std::error_code failed;
  return word.find('/') != std::string::npos || std::filesystem::exists(word, failed);
}

class Replaying {
 public:
  Replaying(const Invocation& invocation, const Terminal& terminal)
      : invocation_(invocation), arguments_(invocation.replay), terminal_(terminal) {}

  int execute() {
    std::optional<Refused> refused = read_words();
    if (!refused) refused = read_times();
    if (!refused) refused = find_segments();
    if (refused) return refuse(*refused);
    if (spec_.service.empty()) spec_.service = only_service();
    if (!arguments_.plan.empty() && !spec_.service.empty()) refused = read_other();
    if (refused) return refuse(*refused);
    const analysis::Replayed replayed = analysis::replay(spec_, segments_);
    if (!replayed.found) return refuse(nothing_of(replayed));
    if (!replayed.incomparable.empty()) return refuse(cannot_tell(replayed.incomparable));
    if (!replayed.reached) return refuse(nothing_of(replayed));
    const ReplayReport report{.service = spec_.service, .plan = arguments_.plan, .replayed = replayed};
    const std::string text =
        invocation_.format == "json" ? report_json(report) : report_text(report, terminal_.out_colour);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return diverged(replayed) || replayed.damaged ? kExitFailed : kExitOk;
  }

 private:
  int refuse(const Refused& refused) const {
    print_error(terminal_, refused.what, refused.advice);
    return refused.exit_code;
  }

  std::optional<Refused> read_words() {
    for (const std::string& word : arguments_.words) {
      if (names_a_file(word)) {
        files_.push_back(word);
      } else if (spec_.service.empty()) {
        spec_.service = word;
      } else {
        return Refused{"\"" + printable(word) + "\" is no file, and \"" + printable(spec_.service) +
                       "\" is the service already"};
      }
    }
    return {};
  }

  std::optional<Refused> find_segments() {
    if (files_.empty()) {
      std::string state = arguments_.state;
      if (state.empty() && !arguments_.config.empty()) {
        const PlanFile plan = read_plan_file(arguments_.config);
        if (!plan.ok()) {
          for (const std::string& line : plan.messages()) std::fprintf(stderr, "%s\n", line.c_str());
          return Refused{plan.name + " cannot be read",
                         "What is wrong with it stands above; --state names the state file."};
        }
        state = plan.loaded.config->state.path;
      }
      if (state.empty()) state = config::State().path;
      files_.push_back(analysis::records_folder(state));
    }
    for (const std::string& file : files_) {
      std::error_code failed;
      if (!std::filesystem::is_directory(file, failed)) {
        segments_.push_back(file);
        continue;
      }
      for (std::string& segment : analysis::segments_in(file)) segments_.push_back(std::move(segment));
    }
    if (segments_.size() == 1 && segments_.front() == files_.front()) {
      std::error_code failed;
      if (!std::filesystem::exists(segments_.front(), failed)) segments_.clear();
    }
    if (!segments_.empty()) return {};
    return Refused{
        "there are no decision records in " + printable(files_.front()),
        "A weir keeps them beside its state file, unless `state.records` is 0B: --state FILE, --config FILE, "
        "or the folder itself says where.",
        kExitFailed};
  }

  std::optional<Refused> read_times() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    for (const auto& [option, text, into] :
         {std::tuple("--from", &arguments_.from, &spec_.from_ms), std::tuple("--to", &arguments_.to, &spec_.to_ms)}) {
      if (text->empty()) continue;
      const std::optional<std::int64_t> moment = parse_moment(*text, now_ms);
      if (!moment) {
        return Refused{std::string(option) + ": \"" + printable(*text) +
                       "\" is no time, as 2026-11-28T18:00:00Z, 18:00, or 2h for two hours ago"};
      }
      *into = *moment;
    }
    if (spec_.from_ms > spec_.to_ms) return Refused{"--from is later than --to"};
    return {};
  }

  std::optional<Refused> read_other() {
    other_ = read_plan_file(arguments_.plan);
    if (!other_.ok()) {
      for (const std::string& line : other_.messages()) std::fprintf(stderr, "%s\n", line.c_str());
      return Refused{other_.name + " cannot be judged by", "What is wrong with it stands above."};
    }
    const auto at = other_.loaded.config->rollouts.find(spec_.service);
    if (at == other_.loaded.config->rollouts.end()) {
      return Refused{other_.name + " has no rollout of \"" + printable(spec_.service) + "\""};
    }
    spec_.other = &at->second;
    return {};
  }

  // Each by its place in the plan.
  Refused cannot_tell(const std::vector<analysis::Incomparable>& reasons) const {
    for (const analysis::Incomparable& reason : reasons) {
      std::vector<std::string> path{"rollouts", spec_.service};
      path.insert(path.end(), reason.key.begin(), reason.key.end());
      config::Problem problem{.position = other_.loaded.place(path),
                              .what = reason.what + ": " + reason.why,
                              .expected = {},
                              .nearest = {}};
      const auto steps = other_.loaded.steps.find(spec_.service);
      if (reason.step && steps != other_.loaded.steps.end()) problem.position = steps->second.at(*reason.step);
      std::fprintf(stderr, "%s\n", config::format(problem, other_.name).c_str());
    }
    return {"the records cannot tell what " + other_.name + " would have decided",
            "It may differ in maxFalseRollback, maxFalseAdvance, margins, ceilings, budgets, actions, holds, pauses.",
            kExitFailed};
  }

  // Of those in the records, when there is just one.
  std::string only_service() const {
    const std::vector<std::string> services = analysis::services_in(segments_);
    return services.size() == 1 ? services.front() : std::string();
  }

  Refused nothing_of(const analysis::Replayed& replayed) const {
    for (const std::string& problem : replayed.problems) std::fprintf(stderr, "%s\n", problem.c_str());
    std::string known;
    for (const std::string& service : analysis::services_in(segments_)) known += (known.empty() ? "" : ", ") + service;
    if (known.empty()) return {"the records say nothing of any rollout", {}, kExitFailed};
    if (spec_.service.empty()) return {"say which rollout: the records know " + printable(known)};
    return {"the records say nothing of a rollout of \"" + printable(spec_.service) + "\" in that time; they know " +
                printable(known),
            {},
            kExitFailed};
  }

  static bool diverged(const analysis::Replayed& replayed) {
    for (const analysis::ReplayEvent& event : replayed.events) {
      if (event.kind == analysis::ReplayEvent::Kind::kDiverged) return true;
    }
    return false;
  }

  const Invocation& invocation_;
  const ReplayArguments& arguments_;
  const Terminal& terminal_;
  analysis::ReplaySpec spec_;
  std::vector<std::string> files_;
  std::vector<std::string> segments_;
  PlanFile other_;
};

}  // namespace

int replay(const Invocation& invocation, const Terminal& terminal) { return Replaying(invocation, terminal).execute(); }

}  // namespace weir::app
