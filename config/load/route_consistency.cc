#include "config/load/route_consistency.h"

#include <algorithm>
#include <map>
#include <set>

#include "config/load/action_consistency.h"
#include "config/load/covers.h"
#include "config/load/places.h"
#include "config/load/redirect_circles.h"

namespace weir::config {
namespace {

class Checker {
 public:
  Checker(const Config& config, const Node& root, Report& report) : config_(config), root_(root), report_(report) {}

  void check() {
    const Node* const routes = root_.find("routes");
    for (std::size_t i = 0; i < config_.routes.size(); ++i) check_route(i, element(routes, i));
    check_redirects(config_, root_, report_);
    check_stickiness();
  }

 private:
  void check_route(std::size_t index, const Node& node) {
    const Route& route = config_.routes[index];
    const std::string path = "routes[" + std::to_string(index) + "]";
    check_service_name(route.service, place(node, {"service"}), path + ".service");
    check_action(route, node, path, report_);
    check_keys(route.api_keys, place(node, {"apiKeys", "keys"}), path + ".apiKeys.keys");
    if (route.rate_limit) check_rate(route, place(node, {"rateLimit"}), path + ".rateLimit");
    check_match(route.match, place(node, {"match"}), path + ".match");
    if (!names_.insert(route.name).second)
      report_.error(node.position, path + ": the name " + route.name + " is taken", "a name of its own");
    check_reachable(index, node.position, path);
  }

  void check_keys(const ApiKeys& keys, const Position& position, const std::string& path) {
    if (keys.keys.size() > kMaxApiKeys) {
      report_.error(position, path + " are " + std::to_string(keys.keys.size()),
                    "at most " + std::to_string(kMaxApiKeys));
    }
    std::map<std::string_view, std::string_view> names;
    std::set<std::string_view> taken;
    for (const ApiKey& key : keys.keys) {
      if (!key.name.empty() && !taken.insert(key.name).second)
        report_.error(position, path + ": the name " + key.name + " is taken", "a name of its own");
      if (key.key.value.empty()) continue;  // complained of already
      if (key.key.value.size() > kMaxApiKey) {
        report_.error(position, path + ": the key of " + key.name + " is too long",
                      "at most " + std::to_string(kMaxApiKey) + " bytes");
      }
      const auto [same, fresh] = names.emplace(key.key.value, key.name);
      if (!fresh) {
        report_.error(position, path + ": " + std::string(same->second) + " and " + key.name + " have the same key",
                      "a key for each name");
      }
    }
  }

  void check_rate(const Route& route, const Position& position, const std::string& path) {
    const RateLimit& limit = *route.rate_limit;
    if (limit.by == RateLimit::By::kApiKey && route.api_keys.keys.empty())
      report_.error(position, path + " is by apiKey, and the route has no apiKeys", "apiKeys on the route");
    // What a bucket owes is counted in nanoseconds.
    constexpr Duration kLongest = std::chrono::hours(24 * 365);
    if (limit.requests != 0 && limit.per / limit.requests > kLongest / std::max(1U, limit.burst)) {
      report_.error(position, path + ": after a burst it would take more than a year to be full again",
                    "a smaller burst, or more requests");
    }
  }

  void check_stickiness() {
    for (const auto& [name, service] : config_.services) {
      check_scope(service.stickiness, find(root_, {"services", name, "stickiness"}), "services." + name);
      check_sources(name, service.stickiness, place(root_, {"services", name, "stickiness"}), "services." + name);
    }
    for (const auto& [name, rollout] : config_.rollouts) {
      check_scope(rollout.stickiness, find(root_, {"rollouts", name, "stickiness"}), "rollouts." + name);
      check_sources(name, rollout.stickiness, place(root_, {"rollouts", name, "stickiness"}), "rollouts." + name);
    }
  }

  void check_scope(const Stickiness& stickiness, const Node* node, const std::string& path) {
    if (node == nullptr) return;
    const Node* const by = node->find("by");
    if (stickiness.scope != Scope::kRequest) {
      if (by == nullptr) report_.error(node->position, path + ".stickiness.by is missing", "[ { header: x-user-id } ]");
      return;
    }
    for (const char* const key : {"by", "expiry", "memory"}) {
      if (node->find(key) == nullptr) continue;
      report_.warn(place(*node, {key}), path + ".stickiness." + key + ": with scope request nobody is known again",
                   "the key left out, or another scope");
    }
  }

  // A source that no request can have is a mistake, and the split would silently be by another one.
  void check_sources(const std::string& service, const Stickiness& stickiness, const Position& position,
                     const std::string& path) {
    const bool by_key =
        std::any_of(stickiness.by.begin(), stickiness.by.end(), [](const KeySource& source) { return source.api_key; });
    const auto asks = [&](const Route& route) { return route.service == service && !route.api_keys.keys.empty(); };
    if (!by_key || std::any_of(config_.routes.begin(), config_.routes.end(), asks)) return;
    report_.error(position, path + ".stickiness is by apiKey, and no route to " + service + " has apiKeys",
                  "apiKeys on its routes");
  }

  // Without any service that is what is wrong.
  void check_service_name(const std::string& service, const Position& position, const std::string& path) {
    if (service.empty() || config_.services.empty() || config_.services.contains(service)) return;
    report_.error(position, path + ": there is no service \"" + service + "\"", "one of " + names_of(config_.services));
  }

  void check_match(const RouteMatch& match, const Position& position, const std::string& path) {
    check_one_of({{"pathPrefix", match.path_prefix.has_value()},
                  {"pathExact", match.path_exact.has_value()},
                  {"pathRegex", match.path_regex.has_value()}},
                 position, path + " has");
    for (const ValueMatch& rule : match.headers) check_value(rule, position, path + ": the header " + rule.name);
    for (const ValueMatch& rule : match.query) check_value(rule, position, path + ": the parameter " + rule.name);
    for (const ValueMatch& rule : match.cookies) check_value(rule, position, path + ": the cookie " + rule.name);
    if (match.model) check_value(*match.model, position, path + ": the model");
    check_slashes(match, position, path);
  }

  struct Given {
    std::string_view key;
    bool given = false;
  };

  void check_one_of(std::initializer_list<Given> keys, const Position& position, const std::string& what) {
    std::string found;
    int count = 0;
    for (const Given& key : keys) {
      if (key.given) found += (count++ == 0 ? " both " : " and ") + std::string(key.key);
    }
    if (count > 1) report_.error(position, what + found, "one of them");
  }

  void check_value(const ValueMatch& rule, const Position& position, const std::string& what) {
    check_one_of({{"exact", rule.exact.has_value()},
                  {"prefix", rule.prefix.has_value()},
                  {"regex", rule.regex.has_value()},
                  {"absent", rule.absent}},
                 position, what + " has");
  }

  // What `paths` refuses or merges on every listener stands in no path that is matched.
  void check_slashes(const RouteMatch& match, const Position& position, const std::string& path) {
    const std::string& rule = match.path_exact ? *match.path_exact : match.path_prefix.value_or("");
    const auto kept_somewhere = [&](SlashPolicy PathPolicy::*slashes) {
      return config_.listeners.empty() ||
             std::any_of(config_.listeners.begin(), config_.listeners.end(),
                         [&](const Listener& listener) { return listener.paths.*slashes == SlashPolicy::kKeep; });
    };
    if (rule.find("//") != std::string::npos && !kept_somewhere(&PathPolicy::double_slash)) {
      report_.error(position, path + ": no listener keeps two slashes, so no path has them", "one slash, or " + keep());
    }
    const bool encoded = rule.find("%2F") != std::string::npos || rule.find("%5C") != std::string::npos;
    if (encoded && !kept_somewhere(&PathPolicy::encoded_slash)) {
      report_.error(position, path + ": no listener keeps encoded slashes, so no path has them",
                    "a slash, or " + keep());
    }
  }

  static std::string keep() { return "keep under paths"; }

  void check_reachable(std::size_t index, const Position& position, const std::string& path) {
    const auto begin = config_.routes.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(index);
    const RouteMatch& match = config_.routes[index].match;
    // A redirect leaves those alone that are there already.
    const auto first =
        std::find_if(begin, end, [&](const Route& other) { return !other.redirect && covers(other.match, match); });
    if (first == end) return;
    report_.error(
        position,
        path + " can never be reached: routes[" + std::to_string(first - begin) + "] takes all that it matches",
        "the more special route first");
  }

  const Config& config_;
  const Node& root_;
  Report& report_;
  std::set<std::string> names_;
};

}  // namespace

void check_routes(const Config& config, const Node& root, Report& report) { Checker(config, root, report).check(); }

}  // namespace weir::config
