#include "config/load/consistency.h"

#include <algorithm>

#include "base/ids.h"
#include "config/units.h"

namespace weir::config {
namespace {

// The place of a value deep in the document; the nearest that is there.
Position place(const Node& root, std::initializer_list<std::string_view> path) {
  const Node* at = &root;
  for (const std::string_view key : path) {
    const Node* const next = at->find(key);
    if (next == nullptr) break;
    at = next;
  }
  return at->position;
}

// The value itself, or null.
const Node* find(const Node& root, std::initializer_list<std::string_view> path) {
  const Node* at = &root;
  for (const std::string_view key : path) {
    if (at != nullptr) at = at->find(key);
  }
  return at;
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address.starts_with("[::1]:") || address.starts_with("localhost:");
}

bool has_port(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  return colon != std::string::npos && colon + 1 < address.size() &&
         address.find_first_not_of("0123456789", colon + 1) == std::string::npos && address.size() - colon <= 6;
}

template <class Map>
std::string names_of(const Map& map) {
  std::string names;
  for (const auto& [name, value] : map) names += (names.empty() ? "" : ", ") + name;
  return names;
}

class Checker {
 public:
  Checker(const Config& config, const Node& root, Report& report) : config_(config), root_(root), report_(report) {}

  void check() {
    check_addresses();
    for (const auto& [name, service] : config_.services) check_service(name, service);
    check_routes();
    for (const auto& [name, rollout] : config_.rollouts) check_rollout(name, rollout);
  }

 private:
  void check_addresses() {
    const Node* const listeners = root_.find("listeners");
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const std::string& address = config_.listeners[i].address;
      const Position position = listeners->list[i].position;
      const std::string path = "listeners[" + std::to_string(i) + "].address";
      if (!address.empty() && !has_port(address)) report_.error(position, path + ": \"" + address + "\"", "host:port");
      const auto same = [&](const Listener& other) { return other.address == address; };
      const auto first = config_.listeners.begin();
      if (std::any_of(first, first + static_cast<std::ptrdiff_t>(i), same))
        report_.error(position, path + " is taken by another listener", "an address of its own");
    }
    const Position admin = place(root_, {"admin", "address"});
    if (!has_port(config_.admin.address))
      report_.error(admin, "admin.address: \"" + config_.admin.address + "\"", "host:port");
    if (!is_loopback(config_.admin.address) && !config_.admin.token) {
      report_.error(admin, "admin.address is not loopback, and there is no admin.token",
                    "token: { env: NAME } or { file: PATH }");
    }
  }

  void check_service(const std::string& name, const Service& service) {
    const bool rolled_out = config_.rollouts.contains(name);
    const Position position = place(root_, {"services", name});
    if (service.versions.size() > 1 && service.weights_ppm.empty() && !rolled_out) {
      report_.error(position, "services." + name + " has several versions, and nothing says how to split",
                    "weights or a rollout");
    }
    if (service.weights_ppm.empty()) return;
    const Position weights = place(root_, {"services", name, "weights"});
    if (rolled_out) report_.error(weights, "services." + name + " has both weights and a rollout", "one of them");
    std::uint64_t sum = 0;
    for (const auto& [version, weight_ppm] : service.weights_ppm) {
      sum += weight_ppm;
      check_version(name, version, place(root_, {"services", name, "weights", version}),
                    "services." + name + ".weights");
    }
    if (sum != kMillion) report_.error(weights, "services." + name + ".weights sum to " + percent(sum), "100%");
  }

  static std::string percent(std::uint64_t ppm) { return format_percent(static_cast<std::uint32_t>(ppm)); }

  void check_version(const std::string& service, const std::string& version, const Position& position,
                     const std::string& path) {
    const auto at = config_.services.find(service);
    if (version.empty() || at == config_.services.end() || at->second.versions.contains(version)) return;
    report_.error(position, path + ": " + service + " has no version \"" + version + "\"",
                  "one of " + names_of(at->second.versions));
  }

  void check_routes() {
    const Node* const routes = root_.find("routes");
    for (std::size_t i = 0; i < config_.routes.size(); ++i) {
      const Route& route = config_.routes[i];
      const std::string path = "routes[" + std::to_string(i) + "]";
      const Node& node = routes->list[i];
      if (!route.service.empty() && !config_.services.contains(route.service)) {
        report_.error(place(node, {"service"}), path + ".service: there is no service \"" + route.service + "\"",
                      "one of " + names_of(config_.services));
      }
      check_path(route.match, place(node, {"match"}), path);
      for (std::size_t j = 0; j < i; ++j) {
        if (config_.routes[j].name == route.name)
          report_.error(node.position, path + ": the name " + route.name + " is taken", "a name of its own");
        if (!covers(config_.routes[j].match, route.match)) continue;
        report_.error(node.position,
                      path + " can never be reached: routes[" + std::to_string(j) + "] takes all that it matches",
                      "the more special route first");
        break;
      }
    }
  }

  void check_path(const RouteMatch& match, const Position& position, const std::string& path) {
    if (match.path_prefix && match.path_exact)
      report_.error(position, path + ".match has both pathPrefix and pathExact", "one of them");
    const std::string& given = match.path_exact ? *match.path_exact : match.path_prefix ? *match.path_prefix : "/";
    if (!given.starts_with('/'))
      report_.error(position, path + ".match: the path \"" + given + "\" does not begin with /", "/" + given);
  }

  // Whether `general` takes every request that `special` can match.
  static bool covers(const RouteMatch& general, const RouteMatch& special) {
    if (!general.headers.empty()) return false;
    if (!general.host.empty() && general.host != special.host) return false;
    const auto allows = [&](const std::string& method) {
      return std::find(general.methods.begin(), general.methods.end(), method) != general.methods.end();
    };
    if (!general.methods.empty() &&
        (special.methods.empty() || !std::all_of(special.methods.begin(), special.methods.end(), allows)))
      return false;
    if (general.path_exact) return special.path_exact == general.path_exact;
    if (!general.path_prefix) return true;
    const std::string path = special.path_exact.value_or(special.path_prefix.value_or("/"));
    return path.starts_with(*general.path_prefix);
  }

  void check_rollout(const std::string& name, const Rollout& rollout) {
    const std::string path = "rollouts." + name;
    if (!config_.services.contains(name)) {
      report_.error(place(root_, {"rollouts", name}), path + ": there is no service \"" + name + "\"",
                    "one of " + names_of(config_.services));
    }
    check_version(name, rollout.baseline, place(root_, {"rollouts", name, "baseline"}), path + ".baseline");
    check_version(name, rollout.candidate, place(root_, {"rollouts", name, "candidate"}), path + ".candidate");
    if (!rollout.baseline.empty() && rollout.baseline == rollout.candidate) {
      report_.error(place(root_, {"rollouts", name, "candidate"}),
                    path + ": baseline and candidate are the same version", "two versions");
    }
    check_overrides(name, rollout);
    check_levels(name, rollout);
    check_steps(name, rollout);
  }

  void check_overrides(const std::string& name, const Rollout& rollout) {
    const std::string path = "rollouts." + name + ".overrides";
    const Node* const rules = find(root_, {"rollouts", name, "overrides"});
    for (std::size_t i = 0; i < rollout.overrides.size(); ++i) {
      const Override& rule = rollout.overrides[i];
      const Node& node = rules->list[i];
      check_version(name, rule.version, place(node, {"version"}), path);
      if (node.find("from") == nullptr && config_.preset == Preset::kEdge) {
        report_.warn(node.position, path + ": any client may choose version " + rule.version, "from: [addresses]");
      }
    }
  }

  void check_steps(const std::string& name, const Rollout& rollout) {
    const std::uint32_t bake = kMillion - rollout.analysis.holdback_ppm;
    const auto check_step = [&](std::uint32_t weight_ppm, const Position& position) {
      if (weight_ppm <= bake || weight_ppm == kMillion) return;
      report_.error(position,
                    "rollouts." + name + ".steps: setWeight " + format_percent(weight_ppm) +
                        " leaves less than the holdback of " + format_percent(rollout.analysis.holdback_ppm) +
                        " on the baseline",
                    "at most " + format_percent(bake) + ", or 100");
    };
    const Node* const steps = find(root_, {"rollouts", name, "steps"});
    if (steps == nullptr) {
      const Position holdback = place(root_, {"rollouts", name, "analysis", "holdback"});
      for (const Step& step : rollout.steps) check_step(step.weight_ppm, holdback);
      return;
    }
    for (const Node& entry : steps->list) {
      const Node* const weight = entry.find("setWeight");
      if (weight != nullptr) check_step(parse_percent_ppm(weight->scalar).value_or(0), weight->position);
    }
  }

  void check_levels(const std::string& name, const Rollout& rollout) {
    const auto valid = [](double level) { return level > 0 && level < 0.5; };
    const std::string path = "rollouts." + name + ".analysis";
    if (!valid(rollout.analysis.max_false_rollback)) {
      report_.error(place(root_, {"rollouts", name, "analysis", "maxFalseRollback"}), path + ".maxFalseRollback",
                    "above 0% and below 50%");
    }
    if (!valid(rollout.analysis.max_false_advance)) {
      report_.error(place(root_, {"rollouts", name, "analysis", "maxFalseAdvance"}), path + ".maxFalseAdvance",
                    "above 0% and below 50%");
    }
    const auto latencies = std::count_if(rollout.analysis.guards.begin(), rollout.analysis.guards.end(),
                                         [](const Guard& guard) { return guard.metric == GuardMetric::kLatency; });
    if (latencies > kMaxLatencyGuards) {
      report_.error(place(root_, {"rollouts", name, "analysis", "guards"}), path + ".guards: too many latency guards",
                    "at most " + std::to_string(kMaxLatencyGuards));
    }
  }

  static constexpr std::ptrdiff_t kMaxLatencyGuards = 8;

  const Config& config_;
  const Node& root_;
  Report& report_;
};

}  // namespace

void check_consistency(const Config& config, const Node& root, Report& report) {
  Checker(config, root, report).check();
}

}  // namespace weir::config
