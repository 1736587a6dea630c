#include "app/explain_command.h"

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "app/cli/admin_client.h"
#include "app/cli/explain_view.h"
#include "app/explain/document.h"
#include "app/explain/reckoning.h"
#include "app/plan_file.h"
#include "base/json.h"

namespace weir::app {
namespace {

constexpr json::ParseLimits kReplyLimits{.bytes = 64 * 1024 * 1024, .depth = 32};
constexpr const char* kNoTraffic =
    "Give it with --rps N, or as `traffic: { requestsPerSecond: N }` of the service in the plan, or name the weir that "
    "serves it with --admin URL.";

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// What a running weir has measured; asked once, when it is first needed.
class Measurements {
 public:
  Measurements(const Invocation& invocation, const PlanReader& read_plan)
      : invocation_(invocation), read_plan_(read_plan) {}

  MeasuredTraffic of(const std::string& service, const std::string& baseline) {
    if (!asked_) ask();
    asked_ = true;
    if (problem_.empty()) return measured_traffic(document_, service, baseline);
    MeasuredTraffic none;
    none.lacks = problem_;
    return none;
  }
  const std::string& where() const { return where_; }

 private:
  // The plan says where its weir is, when nobody else does.
  void ask() {
    const Environment environment = Environment::of_process();
    TargetArguments arguments = invocation_.target;
    if (arguments.admin.empty() && arguments.config.empty() && environment.admin.empty())
      arguments.config = invocation_.file;
    Target target = resolve_target(arguments, environment, read_plan_);
    if (!target.error.empty()) {
      problem_ = target.error;
      return;
    }
    const AdminClient client(std::move(target.options));
    where_ = client.url();
    const AdminReply reply = client.get("/api/v1/traffic");
    if (reply.status == 0) {
      problem_ = "no weir answers at " + where_ + ": " + reply.error;
      return;
    }
    json::ParseResult body = json::parse(reply.body, kReplyLimits);
    document_ = std::move(body.value);
    if (!reply.ok()) {
      const std::string message = printable(document_["error"]["message"].string());
      problem_ = "the weir at " + where_ + " answered " + std::to_string(reply.status) +
                 (message.empty() ? std::string() : ": " + message);
    }
  }

  const Invocation& invocation_;
  const PlanReader& read_plan_;
  bool asked_ = false;
  std::string where_;
  std::string problem_;
  json::Value document_;
};

class Explain {
 public:
  Explain(const Invocation& invocation, const Terminal& terminal, const PlanReader& read_plan)
      : invocation_(invocation), terminal_(terminal), measurements_(invocation, read_plan) {}

  int execute() {
    const PlanFile plan = read_plan_file(invocation_.file);
    if (!plan.ok()) return refuse(plan);
    const auto& rollouts = plan.loaded.config->rollouts;
    const bool all = invocation_.service.empty();
    if (rollouts.empty() || (!all && !rollouts.contains(invocation_.service))) {
      print_error(terminal_,
                  plan.name + " has no rollout" + (all ? "" : " of \"" + printable(invocation_.service) + "\""),
                  all ? "" : "`weir explain FILE` without --service explains all of them.");
      return kExitUsage;
    }
    json::Array documents;
    for (const auto& [service, rollout] : rollouts) {
      if (!all && service != invocation_.service) continue;
      const std::optional<Reckoning> reckoning = traffic_of(service, *plan.loaded.config);
      if (!reckoning) return kExitUsage;
      documents.emplace_back(explain_document(service, rollout, *reckoning));
    }
    show(std::move(documents));
    return kExitOk;
  }

 private:
  int refuse(const PlanFile& plan) const {
    for (const std::string& line : plan.messages()) std::fprintf(stderr, "%s\n", line.c_str());
    return kExitUsage;
  }

  // Nothing, and the reason on standard error, where nobody knows how much there is.
  std::optional<Reckoning> traffic_of(const std::string& service, const config::Config& config) {
    const auto at = config.services.find(service);
    const bool planned = at != config.services.end() && at->second.traffic.has_value();
    KnownTraffic known{.given = invocation_.traffic, .planned = planned ? &*at->second.traffic : nullptr};
    const bool named = !invocation_.target.admin.empty() || !invocation_.target.config.empty();
    if (invocation_.traffic.rps || (planned && !named)) return reckon(known);
    const MeasuredTraffic measured = measurements_.of(service, config.rollouts.at(service).baseline);
    if (!measured.lacks.empty()) {
      print_error(terminal_, "nobody says how many requests \"" + printable(service) + "\" gets: " + measured.lacks,
                  kNoTraffic);
      return {};
    }
    known.measured = &measured;
    known.measured_at = measurements_.where();
    return reckon(known);
  }

  void show(json::Array documents) const {
    if (invocation_.format == "json") {
      print(json::write_pretty(json::Object{{"plan", invocation_.file}, {"rollouts", std::move(documents)}}));
      return;
    }
    const ExplainOptions options{.colour = terminal_.out_colour, .columns = terminal_.columns};
    bool first = true;
    for (const json::Value& document : documents) {
      print((first ? "" : "\n") + render_explanation(document, options));
      first = false;
    }
  }

  const Invocation& invocation_;
  const Terminal& terminal_;
  Measurements measurements_;
};

}  // namespace

int explain_plan(const Invocation& invocation, const Terminal& terminal, const PlanReader& read_plan) {
  return Explain(invocation, terminal, read_plan).execute();
}

}  // namespace weir::app
