#include "config/load/consistency.h"

#include <algorithm>
#include <set>

#include "base/ids.h"
#include "base/score.h"
#include "config/address.h"
#include "config/guards.h"
#include "config/load/access_consistency.h"
#include "config/load/answer_consistency.h"
#include "config/load/endpoint_consistency.h"
#include "config/load/limit_consistency.h"
#include "config/load/places.h"
#include "config/load/route_consistency.h"
#include "config/load/values.h"
#include "config/units.h"

namespace weir::config {
namespace {

// Whether only the bytes of answers tell it.
bool reads_answers(const Guard& guard) {
  switch (guard.metric) {
    case GuardMetric::kTimeToFirstOutput:
    case GuardMetric::kChunkGap:
    case GuardMetric::kTokensPerRequest:
    case GuardMetric::kCostPerRequest:
    case GuardMetric::kTokensPerSecond:
    case GuardMetric::kCostPer1kTokens:
    case GuardMetric::kFinishReason:
    case GuardMetric::kEmptyOutput:
    case GuardMetric::kInvalidOutput:
      return true;
    default:
      return false;
  }
}

class Checker {
 public:
  Checker(const Config& config, const Node& root, Report& report) : config_(config), root_(root), report_(report) {}

  void check() {
    check_addresses();
    check_trusted_hops(config_.trusted_hops, place(root_, {"trustedHops"}), "trustedHops");
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      check_proxy_protocol(config_.listeners[i], element(root_.find("listeners"), i),
                           "listeners[" + std::to_string(i) + "].proxyProtocol");
      check_trusted_hops(config_.listeners[i].trusted_hops, place(element(root_.find("listeners"), i), {"trustedHops"}),
                         "listeners[" + std::to_string(i) + "].trustedHops");
    }
    for (const auto& [name, service] : config_.services) check_service(name, service);
    check_endpoints(config_, root_, report_);
    check_access(config_, root_, report_);
    check_routes(config_, root_, report_);
    for (const auto& [name, rollout] : config_.rollouts) check_rollout(name, rollout);
    check_answers(config_, root_, report_);
    // Of values that could not be read nothing can be said.
    if (!report_.has_errors()) check_limits(config_, root_, report_);
  }

 private:
  // What is no address was reported by its shape.
  void check_addresses() {
    const Node* const listeners = root_.find("listeners");
    const std::optional<HostPort> admin = parse_listen_address(config_.admin.address);
    const std::optional<HostPort> feedback = parse_listen_address(config_.feedback.address);
    std::vector<HostPort> taken;
    std::set<std::string> unix_sockets;
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const std::string& text = config_.listeners[i].address;
      const Position position = place(element(listeners, i), {"address"});
      const std::string path = "listeners[" + std::to_string(i) + "].address";
      if (parse_unix_path(text) && !unix_sockets.insert(text).second)
        report_.error(position, path + " is taken by another listener", "an address of its own");
      const std::optional<HostPort> address = parse_listen_address(text);
      if (!address) continue;
      const auto theirs = [&](const HostPort& other) { return other == *address || collide(other, *address); };
      if (std::any_of(taken.begin(), taken.end(), theirs))
        report_.error(position, path + " is taken by another listener", "an address of its own");
      if (admin && collide(*address, *admin))
        report_.error(position, path + " is the admin API's, " + to_string(*admin), "an address of its own");
      if (feedback && collide(*address, *feedback))
        report_.error(position, path + " is feedback.address, " + to_string(*feedback), "an address of its own");
      taken.push_back(*address);
    }
    if (admin && feedback && collide(*admin, *feedback)) {
      report_.error(place(root_, {"feedback", "address"}),
                    "feedback.address is the admin API's, " + to_string(*admin) + ", where scores are taken anyway",
                    "an address of its own, or none");
    }
    check_token("admin", admin, config_.admin.token);
    check_token("feedback", feedback, config_.feedback.token);
  }

  // Who serves there does what it is told to.
  void check_token(const std::string& section, const std::optional<HostPort>& address,
                   const std::optional<Secret>& token) {
    if (address && !is_loopback_host(address->host) && !token) {
      report_.error(place(root_, {section, "address"}),
                    section + ".address is not loopback, and there is no " + section + ".token",
                    "token: { env: NAME } or { file: PATH }");
    }
    // One that could not be read is empty, and was reported.
    const std::size_t bytes = token ? token->value.size() : 0;
    if (bytes > 0 && bytes < Admin::kLeastToken) {
      report_.error(
          place(root_, {section, "token"}), section + ".token is so short that it can be tried out",
          "at least " + std::to_string(Admin::kLeastToken) + " bytes at random, such as from `openssl rand -hex 32`");
    }
  }

  void check_proxy_protocol(const Listener& listener, const Node& node, const std::string& path) {
    if (!listener.proxy_protocol) return;
    const Position position = place(node, {"proxyProtocol"});
    const std::optional<TrustedHops>& hops = listener.trusted_hops ? listener.trusted_hops : config_.trusted_hops;
    if (!hops) {
      report_.warn(position, path + ": whoever can connect says himself who he is",
                   "trustedHops with the proxies that may");
    } else if (hops->networks.empty() && !hops->unix_sockets) {
      report_.error(position, path + " is asked of everybody, and trustedHops lets nobody say it",
                    "trustedHops with the proxies that may");
    }
  }

  void check_trusted_hops(const std::optional<TrustedHops>& hops, const Position& position, const std::string& path) {
    if (!hops || config_.preset != Preset::kEdge) return;
    for (const Cidr& network : hops->networks) {
      if (network.prefix_bits != (network.is_v4() ? Cidr::kV4Bits : 0)) continue;
      report_.warn(position, path + ": with " + network.text + " any client says himself who he is",
                   "the networks of the proxies before this one");
    }
  }

  // A port of 0 is any free one; an address of all zeros is every one of its kind.
  static bool collide(const HostPort& a, const HostPort& b) {
    if (a.port != b.port || a.port == 0) return false;
    const bool same_kind = (a.host.find(':') == std::string::npos) == (b.host.find(':') == std::string::npos);
    const auto every = [](const HostPort& address) { return address.host == "0.0.0.0" || address.host == "::"; };
    return a.host == b.host || (same_kind && (every(a) || every(b)));
  }

  void check_service(const std::string& name, const Service& service) {
    const bool rolled_out = config_.rollouts.contains(name);
    const Position position = place(root_, {"services", name});
    if (service.versions.size() > 1 && service.weights_ppm.empty() && !rolled_out) {
      report_.error(position, "services." + name + " has several versions, and nothing says how to split",
                    "weights or a rollout");
    }
    check_bodies(name, service);
    if (service.weights_ppm.empty()) return;
    const Position weights = place(root_, {"services", name, "weights"});
    if (rolled_out) report_.error(weights, "services." + name + " has both weights and a rollout", "one of them");
    std::uint64_t sum = 0;
    bool readable = true;
    const Node* const given = find(root_, {"services", name, "weights"});
    for (const auto& [version, weight_ppm] : service.weights_ppm) {
      sum += weight_ppm;
      readable = readable && given != nullptr && percent_of(*given, version).has_value();
      check_version(name, version, place(root_, {"services", name, "weights", version}),
                    "services." + name + ".weights");
    }
    if (readable && sum != kMillion)
      report_.error(weights, "services." + name + ".weights sum to " + percent(sum), "100%");
  }

  static std::string percent(std::uint64_t ppm) { return format_percent(static_cast<std::uint32_t>(ppm)); }

  void check_version(const std::string& service, const std::string& version, const Position& position,
                     const std::string& path) {
    const auto at = config_.services.find(service);
    if (version.empty() || at == config_.services.end() || at->second.versions.empty()) return;
    if (at->second.versions.contains(version)) return;
    report_.error(position, path + ": " + service + " has no version \"" + version + "\"",
                  "one of " + names_of(at->second.versions));
  }

  // Without any service that is what is wrong.
  void check_service_name(const std::string& service, const Position& position, const std::string& path) {
    if (service.empty() || config_.services.empty() || config_.services.contains(service)) return;
    report_.error(position, path + ": there is no service \"" + service + "\"", "one of " + names_of(config_.services));
  }

  void check_rollout(const std::string& name, const Rollout& rollout) {
    const std::string path = "rollouts." + name;
    check_service_name(name, place(root_, {"rollouts", name}), path);
    check_version(name, rollout.baseline, place(root_, {"rollouts", name, "baseline"}), path + ".baseline");
    check_version(name, rollout.candidate, place(root_, {"rollouts", name, "candidate"}), path + ".candidate");
    check_strategy(name, rollout);
    check_sessions(name, rollout);
    check_client_address(name, rollout);
    check_overrides(name, rollout);
    check_guards(name, rollout);
    check_max_exposure(name, rollout);
    check_steps(name, rollout);
    check_first_step(name, rollout);
    check_judges(name, rollout);
  }

  // Who judges copies has nothing to do where none are made.
  void check_judges(const std::string& name, const Rollout& rollout) {
    for (std::size_t i = 0; i < rollout.webhooks.size(); ++i) {
      if (rollout.webhooks[i].type != Webhook::Type::kJudge || rollout.mirrors()) continue;
      const Node* const hooks = find(root_, {"rollouts", name, "webhooks"});
      report_.warn(place(element(hooks, i), {"type"}),
                   "rollouts." + name + ".webhooks: no step copies requests, and a judge is never asked",
                   "mirror: {} in a step, or strategy: shadow");
    }
  }

  void check_strategy(const std::string& name, const Rollout& rollout) {
    const std::string path = "rollouts." + name;
    const Position candidate = place(root_, {"rollouts", name, "candidate"});
    const bool same = rollout.baseline == rollout.candidate;
    if (rollout.strategy == Strategy::kAa) {
      if (!same) {
        report_.error(candidate, path + ".candidate: strategy aa compares the baseline with itself",
                      "the key left out, or strategy: canary");
      }
      check_aa_analysis(name, rollout);
    } else if (same && !rollout.baseline.empty()) {
      report_.error(candidate, path + ": baseline and candidate are the same version",
                    "two versions, or strategy: aa to see how much two halves of one differ");
    }
    const Node* const analysis = find(root_, {"rollouts", name, "analysis"});
    if (rollout.strategy == Strategy::kShadow && analysis != nullptr) {
      report_.error(analysis->position, path + ".analysis: strategy shadow shows the candidate to no user, and judges nobody",
                    "the key left out, or strategy: canary");
    }
    if (rollout.strategy != Strategy::kBlueGreen || rollout.steps.front().weight_ppm > 0) return;
    const auto shows = [&](const Override& rule) { return rule.version == rollout.candidate; };
    if (std::none_of(rollout.overrides.begin(), rollout.overrides.end(), shows)) {
      report_.warn(place(root_, {"rollouts", name, "previewWeight"}),
                   path + ": nobody sees the candidate before everybody is switched to it",
                   "an override that shows it, or a previewWeight above 0");
    }
  }

  void check_sessions(const std::string& name, const Rollout& rollout) {
    const std::string path = "rollouts." + name + ".stickiness";
    const Node* const stickiness = find(root_, {"rollouts", name, "stickiness"});
    if (stickiness == nullptr || rollout.stickiness.scope == Scope::kRequest) return;
    if (rollout.stickiness.scope == Scope::kUser) {
      for (const char* const key : {"expiry", "memory"}) {
        if (stickiness->find(key) == nullptr) continue;
        report_.warn(place(*stickiness, {key}), path + "." + key + " is of sessions, and none are kept", "scope: session");
      }
      return;
    }
    const Position scope = place(*stickiness, {"scope"});
    if (rollout.strategy == Strategy::kAa || rollout.strategy == Strategy::kShadow) {
      report_.warn(scope, path + ".scope: with strategy " + std::string(to_string(rollout.strategy)) +
                              " nobody is moved, and so nobody kept",
                   "scope: user");
    }
    const Duration kept = rollout.scale_down_delay.value_or(Duration(0));
    if (rollout.strategy == Strategy::kBlueGreen && kept < rollout.stickiness.expiry) {
      report_.warn(scope,
                   path + ".scope: sessions may go on at " + rollout.baseline +
                       " for longer than scaleDownDelay, after which it may be stopped",
                   "a scaleDownDelay of at least the expiry, " + format_duration(rollout.stickiness.expiry));
    }
  }

  // On this machine they all have one, and are one user.
  void check_client_address(const std::string& name, const Rollout& rollout) {
    const std::vector<KeySource>& by = rollout.stickiness.by;
    const auto is_address = [](const KeySource& source) { return source.client_address; };
    const auto of_one = [this](const Listener& listener) {
      const std::optional<TrustedHops>& hops = listener.trusted_hops ? listener.trusted_hops : config_.trusted_hops;
      const bool told = listener.proxy_protocol || (hops ? !hops->networks.empty() || hops->unix_sockets
                                                         : config_.preset == Preset::kSidecar);
      const std::optional<HostPort> at = parse_listen_address(listener.address);
      return !told && (!at || is_loopback_host(at->host));
    };
    if (by.empty() || !std::all_of(by.begin(), by.end(), is_address) || config_.listeners.empty()) return;
    if (!std::all_of(config_.listeners.begin(), config_.listeners.end(), of_one)) return;
    report_.warn(place(root_, {"rollouts", name, "stickiness"}),
                 "rollouts." + name + ".stickiness: no listener is open to other machines, so that all clients have one "
                 "address, and get one version",
                 "another key, trustedHops, or the key left out, which splits each request by itself");
  }

  void check_aa_analysis(const std::string& name, const Rollout& rollout) {
    const std::string path = "rollouts." + name + ".analysis";
    if (!rollout.analysis.enabled) {
      report_.error(place(root_, {"rollouts", name, "analysis"}),
                    path + " is off: strategy aa has nothing to report then", "guards, or the key left out");
    }
    if (rollout.analysis.rescue.enabled) {
      report_.error(place(root_, {"rollouts", name, "analysis", "rescue"}),
                    path + ".rescue: both arms are the same version, and neither can rescue the other",
                    "the key left out");
    }
  }

  void check_overrides(const std::string& name, const Rollout& rollout) {
    const std::string path = "rollouts." + name + ".overrides";
    const Node* const rules = find(root_, {"rollouts", name, "overrides"});
    for (std::size_t i = 0; i < rollout.overrides.size(); ++i) {
      const Override& rule = rollout.overrides[i];
      const Node& node = element(rules, i);
      check_version(name, rule.version, place(node, {"version"}), path);
      // What has a match and says nothing in it would choose for everybody.
      if (rule.header.empty() && rule.model.empty() && node.find("match") != nullptr) {
        report_.error(place(node, {"match"}), path + ": the match names neither a header nor a model",
                      "header: { name, exact }, model: { exact }, or both");
      }
      if (node.find("from") == nullptr && config_.preset == Preset::kEdge) {
        report_.warn(node.position, path + ": any client may choose version " + rule.version, "from: [addresses]");
      }
      check_repeated(rollout.overrides, i, node.position, path);
    }
  }

  // The first that fits chooses.
  void check_repeated(const std::vector<Override>& rules, std::size_t index, const Position& position,
                      const std::string& path) {
    const Override& rule = rules[index];
    for (std::size_t i = 0; i < index; ++i) {
      const Override& before = rules[i];
      const bool any_header = before.header.empty() || (before.header == rule.header && before.exact == rule.exact);
      const bool any_model = before.model.empty() || before.model == rule.model;
      const auto from_there = [&](const Cidr& network) { return covers(before.from, network); };
      const bool anywhere =
          before.from.empty() || (!rule.from.empty() && std::all_of(rule.from.begin(), rule.from.end(), from_there));
      if (!any_header || !any_model || !anywhere) continue;
      const bool same = before.header == rule.header && before.exact == rule.exact && before.model == rule.model;
      const std::string what = path + "[" + std::to_string(index) + "]";
      const std::string first = path + "[" + std::to_string(i) + "]";
      if (same && before.version != rule.version) {
        report_.error(position, what + " chooses " + rule.version + " where " + first + " has chosen " + before.version,
                      "one of the two, or another match");
      } else {
        report_.warn(position, what + " never chooses: " + first + " takes all that it matches",
                     "the rule left out, or before that one");
      }
      return;
    }
  }

  // Evidence is of requests, and at weight 0 there are none. A plan that waits for a person there says so.
  void check_first_step(const std::string& name, const Rollout& rollout) {
    const Node* const steps = find(root_, {"rollouts", name, "steps"});
    const bool waits = steps != nullptr && rollout.analysis.enabled && !rollout.steps.empty();
    if (!waits || rollout.steps.front().weight_ppm > 0) return;
    const Hold* first = nullptr;
    for (const auto& stage : rollout.steps.front().stages) {
      const Pause* const pause = std::get_if<Pause>(&stage);
      if (pause != nullptr && !pause->duration) return;
      if (first == nullptr) first = std::get_if<Hold>(&stage);
    }
    const bool rolls_back = first != nullptr && first->on_inconclusive == OnInconclusive::kRollback;
    report_.warn(place(element(steps, 0), {"setWeight"}),
                 "rollouts." + name + ".steps: at setWeight 0 the candidate gets no requests, and the hold waits for " +
                     "some: after its atMost the rollout " + (rolls_back ? "is rolled back" : "pauses"),
                 "a weight above 0, or pause: {} and `weir promote " + name + "` to leave the step by hand");
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

  bool is_inspected(const std::string& service) const {
    return std::any_of(config_.routes.begin(), config_.routes.end(),
                       [&](const Route& route) { return route.service == service && route.inspect != Inspect::kOff; });
  }

  // What only they have a use for who look into bodies.
  void check_bodies(const std::string& name, const Service& service) {
    if (is_inspected(name)) return;
    for (const auto& [version, settings] : service.versions) {
      const char* const key = settings.prices ? "prices" : settings.model.empty() ? nullptr : "model";
      if (key == nullptr) continue;
      report_.warn(place(root_, {"services", name, "versions", version, key}),
                   "services." + name + ".versions." + version + "." + key + ": no route of " + name +
                       " looks into requests and answers",
                   "inspect: auto on its route");
    }
  }

  // A gate that is never armed holds the rollout for good.
  void check_inspection(const std::string& name, const Rollout& rollout, const Position& position) {
    if (is_inspected(name)) return;
    const auto& guards = rollout.analysis.guards;
    const auto read = std::find_if(guards.begin(), guards.end(), reads_answers);
    if (read == guards.end()) return;
    report_.warn(position,
                 "rollouts." + name + ".analysis.guards: no route of " + name + " looks into answers, and " +
                     std::string(to_string(read->metric)) + " is read from them",
                 "inspect: auto on its route");
  }

  // Likewise where nothing tells what they compare.
  void check_sources(const std::string& name, const Rollout& rollout, const Position& position) {
    for (const Guard& guard : rollout.analysis.guards) {
      if (guard.metric != GuardMetric::kCostPerRequest && guard.metric != GuardMetric::kCostPer1kTokens) continue;
      warn_of_prices(name, rollout, position,
                     "rollouts." + name + ".analysis.guards: " + std::string(to_string(guard.metric)));
    }
  }

  void warn_of_prices(const std::string& name, const Rollout& rollout, const Position& position,
                      const std::string& what) {
    for (const std::string& version : {rollout.baseline, rollout.candidate}) {
      if (has_prices(name, version)) continue;
      report_.warn(position, what + " has no data: " + version + " has no prices",
                   "prices: { input: 0.15, output: 0.6 } in services." + name + ".versions." + version);
    }
  }

  bool has_prices(const std::string& service, const std::string& version) const {
    const auto known = config_.services.find(service);
    if (known == config_.services.end()) return true;  // which is reported elsewhere
    const auto at = known->second.versions.find(version);
    return at == known->second.versions.end() || at->second.prices;
  }

  // Budgets that cannot do what they say.
  void check_max_exposure(const std::string& name, const Rollout& rollout) {
    const Node* const section = find(root_, {"rollouts", name, "maxExposure"});
    if (section == nullptr) return;
    const std::string path = "rollouts." + name + ".maxExposure";
    const MaxExposure& most = rollout.max_exposure;
    if (rollout.strategy == Strategy::kAa) {
      report_.error(section->position, path + ": both arms are the same version, and nobody is exposed to another",
                    "the key left out, or strategy: canary");
      return;
    }
    if (rollout.strategy == Strategy::kShadow) {
      report_.error(section->position, path + ": strategy shadow exposes nobody to the candidate",
                    "the key left out, or strategy: canary");
      return;
    }
    if (section->map.empty()) {
      report_.warn(section->position, path + " limits nothing", "excessFailures, extraCost or failedRequests");
    }
    if (most.excess_failures && *most.excess_failures < MaxExposure::kLeastForExcess) {
      report_.warn(place(*section, {"excessFailures"}),
                   path + ".excessFailures: an excess counts from " + std::to_string(MaxExposure::kLeastForExcess) +
                       " failed requests on, so that fewer than that end nothing",
                   "at least " + std::to_string(MaxExposure::kLeastForExcess) + ", or failedRequests");
    }
    if (most.excess_failures && most.failed_requests && *most.failed_requests <= *most.excess_failures) {
      report_.warn(place(*section, {"excessFailures"}),
                   path + ".excessFailures is never reached: failedRequests counts the same ones, and is no higher",
                   "excessFailures below failedRequests, or one of them");
    }
    if (most.extra_cost) check_extra_cost(name, rollout, place(*section, {"extraCost"}));
  }

  void check_extra_cost(const std::string& name, const Rollout& rollout, const Position& position) {
    const std::string path = "rollouts." + name + ".maxExposure.extraCost";
    if (!is_inspected(name)) {
      report_.warn(position, path + ": no route of " + name + " looks into answers, and costs are read from them",
                   "inspect: auto on its route");
    }
    warn_of_prices(name, rollout, position, path);
  }

  void check_guards(const std::string& name, const Rollout& rollout) {
    int times = 0;
    int scores = 0;
    for (const Guard& guard : rollout.analysis.guards) {
      if (is_time(guard)) times += guard.has_max() ? 2 : 1;
      if (guard.metric == GuardMetric::kFeedback) scores += guard.has_max() ? 2 : 1;
    }
    const std::string path = "rollouts." + name + ".analysis.guards";
    const Position position = place(root_, {"rollouts", name, "analysis", "guards"});
    check_inspection(name, rollout, position);
    check_sources(name, rollout, position);
    if (times > kMaxLatencyMetrics) {
      report_.error(position, path + ": too many guards of times",
                    "at most " + std::to_string(kMaxLatencyMetrics) + ", of which one with `max` is two");
    }
    if (scores > kMaxScoreMetrics) {
      report_.error(position, path + ": too many guards of feedback",
                    "at most " + std::to_string(kMaxScoreMetrics) + ", of which one with `max` is two");
    }
  }

  const Config& config_;
  const Node& root_;
  Report& report_;
};

}  // namespace

void check_consistency(const Config& config, const Node& root, Report& report) {
  Checker(config, root, report).check();
}

}  // namespace weir::config
