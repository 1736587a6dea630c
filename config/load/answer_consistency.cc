#include "config/load/answer_consistency.h"

#include <algorithm>
#include <string>

#include "base/ids.h"
#include "config/guards.h"
#include "config/load/places.h"
#include "config/load/values.h"
#include "config/retry.h"

namespace weir::config {
namespace {

class Checker {
 public:
  Checker(const Config& config, const Node& root, Report& report) : config_(config), root_(root), report_(report) {}

  void check() {
    const Node* const routes = root_.find("routes");
    for (std::size_t i = 0; i < config_.routes.size(); ++i) {
      const std::string path = "routes[" + std::to_string(i) + "]";
      check_first_events(config_.routes[i], element(routes, i), path);
      check_usage(config_.routes[i], element(routes, i), path);
    }
    for (const auto& [name, service] : config_.services) check_created_ids(name, service);
    for (const auto& [name, rollout] : config_.rollouts) check_mirror(name, rollout);
  }

 private:
  // What a stream begins with is told by 502, or 503 where it says that there is no room.
  void check_first_events(const Route& route, const Node& node, const std::string& path) {
    const bool posts = route.match.methods.empty() || std::find(route.match.methods.begin(), route.match.methods.end(),
                                                                "POST") != route.match.methods.end();
    if (route.stream_head != StreamHead::kFirstEvent || route.inspect == Inspect::kOff || !posts) return;
    const auto lost = [](const SendAgain& when) { return when.on_status.has(502) && !when.non_idempotent; };
    const auto retries_at = [&](const Listener& listener) {
      Retries retries;
      apply(retries, config_.retries);
      apply(retries, listener.retries);
      apply(retries, route.retries);
      return retries;
    };
    const bool retried = std::any_of(config_.listeners.begin(), config_.listeners.end(), [&](const Listener& listener) {
      const Retries retries = retries_at(listener);
      return retries.attempts > 0 && lost(retries.when);
    });
    const Position position = place(node, {"streamHead"});
    if (retried) {
      report_.warn(
          position,
          path +
              ".streamHead: a POST whose stream begins with an error is not retried, although 502 is in onStatus, for "
              "it may have been done",
          "nonIdempotent: true in the retries, or no 502 in onStatus");
    }
    const auto rollout = config_.rollouts.find(route.service);
    if (rollout == config_.rollouts.end()) return;
    const Rescue& rescue = rollout->second.analysis.rescue;
    if (!rescue.enabled || !lost(rescue.when)) return;
    report_.warn(
        position,
        path +
            ".streamHead: a POST whose stream begins with an error is not rescued, although 502 is in onStatus, "
            "for it may have been done",
        "nonIdempotent: true in rollouts." + route.service + ".analysis.rescue, or no 502 in its onStatus");
  }

  // What has a use for the tokens of a service's answers; empty: nothing.
  std::string counts_tokens(const std::string& service) const {
    const auto rollout = config_.rollouts.find(service);
    if (rollout != config_.rollouts.end()) {
      for (const Guard& guard : rollout->second.analysis.guards) {
        if (is_about_tokens(guard)) return "the guard " + std::string(to_string(guard.metric));
      }
      if (rollout->second.max_exposure.extra_cost) return "maxExposure.extraCost";
    }
    const auto known = config_.services.find(service);
    if (known == config_.services.end()) return {};
    for (const auto& [name, version] : known->second.versions) {
      if (version.prices) return "the prices of " + name;
    }
    return {};
  }

  void check_usage(const Route& route, const Node& node, const std::string& path) {
    if (node.find("includeUsage") == nullptr) return;
    const Position position = place(node, {"includeUsage"});
    if (route.inspect == Inspect::kOff) {
      report_.warn(position, path + ".includeUsage: nobody looks into the route's requests and answers",
                   "inspect: openai on the route, or the key left out");
      return;
    }
    const bool of_openai = route.inspect == Inspect::kOpenAi || route.inspect == Inspect::kAuto;
    if (route.include_usage == IncludeUsage::kAlways && !of_openai) {
      report_.warn(position, path + ".includeUsage: streams of the OpenAI kind alone are asked for their tokens",
                   "the key left out: the others say them anyway");
    }
    if (route.include_usage != IncludeUsage::kLeave || !of_openai) return;
    const std::string wanted = counts_tokens(route.service);
    if (wanted.empty()) return;
    report_.warn(position,
                 path +
                     ".includeUsage: never, so the tokens of streams are not known unless clients ask for them, and " +
                     wanted + " counts those alone",
                 "auto, or the key left out");
  }

  void check_created_ids(const std::string& name, const Service& service) {
    const Node* const given = find(root_, {"services", name, "createdIds"});
    if (given == nullptr || !service.created_ids) return;
    const std::string path = "services." + name + ".createdIds";
    if (service.versions.size() < 2) {
      report_.warn(given->position, path + ": one version has made all that there is",
                   "another version, or the key left out");
      return;
    }
    const auto reads = [&](const Route& route) { return route.service == name && route.inspect != Inspect::kOff; };
    if (std::any_of(config_.routes.begin(), config_.routes.end(), reads)) return;
    report_.warn(given->position, path + ": no route of " + name + " looks into answers, and ids are read from them",
                 "inspect: auto on its route");
  }

  void check_mirror(const std::string& name, const Rollout& rollout) {
    const Node* const mirror = find(root_, {"rollouts", name, "mirror"});
    const std::string path = "rollouts." + name;
    if (mirror != nullptr && rollout.strategy == Strategy::kCanary && !rollout.mirrors()) {
      report_.warn(mirror->position, path + ".mirror: no request is copied",
                   "mirror: {} in a step, or the key left out");
    }
    const Node* const steps = find(root_, {"rollouts", name, "steps"});
    std::optional<std::uint32_t> weight_ppm;
    for (std::size_t i = 0; steps != nullptr && i < steps->list.size(); ++i) {
      const Node& entry = steps->list[i];
      if (entry.find("setWeight") != nullptr) weight_ppm = percent_of(entry, "setWeight");
      if (entry.find("mirror") == nullptr || weight_ppm != kMillion) continue;
      const std::uint32_t holdback_ppm = rollout.analysis.holdback_ppm;
      const std::string what =
          holdback_ppm == 0 ? "copies nothing, for the baseline has no requests left"
                            : "copies the requests of the holdback alone, " + format_percent(holdback_ppm) + " of all";
      report_.warn(place(entry, {"mirror"}),
                   path + ".steps[" + std::to_string(i) + "]: a mirror at setWeight 100 " + what,
                   "mirror in a step before it");
    }
  }

  const Config& config_;
  const Node& root_;
  Report& report_;
};

}  // namespace

void check_answers(const Config& config, const Node& root, Report& report) { Checker(config, root, report).check(); }

}  // namespace weir::config
