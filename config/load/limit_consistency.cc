#include "config/load/limit_consistency.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load/places.h"
#include "config/units.h"

namespace weir::config {
namespace {

// One place of the file, what it says itself, and what holds there.
struct Where {
  const Node& node;  // that has the section `limits`
  std::string path;  // "" or "routes[0]."
  const LimitOverrides& said;
};

std::string text(std::uint64_t value) { return format_size(value); }
std::string text(std::uint32_t value) { return std::to_string(value); }
std::string text(Duration value) { return format_duration(value); }

constexpr TimeoutKey kTotal{"total", &Timeouts::total, &TimeoutOverrides::total};

class Checker {
 public:
  Checker(const Config& config, const Node& root, Report& report) : config_(config), root_(root), report_(report) {}

  void check() {
    apply(file_limits_, config_.limits);
    check_head({root_, "", config_.limits}, file_limits_);
    check_times(root_, "", {config_.timeouts});
    check_drain();
    if (!inner_tries_again(true)) check_retries(root_, "", config_.retries);
    Retries retries;
    apply(retries, config_.retries);
    check_kept({root_, "", config_.limits}, config_.retries, retries, file_limits_);
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) check_listener(i);
    for (const auto& [service, versions] : config_.services) {
      for (const auto& [name, version] : versions.versions) check_version(service, name, version);
    }
    for (std::size_t i = 0; i < config_.routes.size(); ++i) check_route(i);
    check_shares({root_, "", config_.limits});
    check_memory();
    check_rescues();
  }

 private:
  void check_listener(std::size_t index) {
    const Listener& listener = config_.listeners[index];
    const Where where{element(root_.find("listeners"), index), "listeners[" + std::to_string(index) + "].",
                      listener.limits};
    Limits limits = file_limits_;
    apply(limits, listener.limits);
    check_head(where, limits);
    check_times(where.node, where.path, {listener.timeouts, config_.timeouts});
    if (!inner_tries_again(false)) check_retries(where.node, where.path, listener.retries);
    check_kept(where, listener.retries, retries_at(listener), limits);
    Limits most{.upstream_connections = 0, .pending = 0};
    for (const auto& [name, service] : config_.services) most_of(service, most);
    check_bulkhead(where, most, "any version");
  }

  void check_route(std::size_t index) {
    const Route& route = config_.routes[index];
    const Where where{element(root_.find("routes"), index), "routes[" + std::to_string(index) + "].", route.limits};
    for (const Listener& listener : config_.listeners) {
      if (check_times(where.node, where.path, {route.timeouts, listener.timeouts, config_.timeouts})) break;
    }
    for (const Listener& listener : config_.listeners) {
      Limits limits = file_limits_;
      apply(limits, listener.limits);
      apply(limits, route.limits);
      Retries retries = retries_at(listener);
      apply(retries, route.retries);
      if (check_kept(where, route.retries, retries, limits)) break;
    }
    check_retries(where.node, where.path, route.retries);
    const auto service = config_.services.find(route.service);
    if (service == config_.services.end()) return;
    Limits most{.upstream_connections = 0, .pending = 0};
    most_of(service->second, most);
    check_bulkhead(where, most, "any version of " + route.service);
  }

  Limits limits_of(const Version& version) const {
    Limits limits = file_limits_;
    apply(limits, version.limits);
    return limits;
  }

  void most_of(const Service& service, Limits& most) const {
    for (const auto& [name, version] : service.versions) {
      const Limits limits = limits_of(version);
      most.upstream_connections = std::max(most.upstream_connections, limits.upstream_connections);
      most.pending = std::max(most.pending, limits.pending);
    }
  }

  // Of a route or a listener, inside what the versions behind it may have.
  void check_bulkhead(const Where& where, const Limits& most, const std::string& whose) {
    const auto check_one = [&](std::string_view key, const std::optional<std::uint32_t>& said, std::uint32_t outer) {
      if (said && *said > outer && outer != 0) {
        report_.warn(at(where, key),
                     where.path + "limits." + std::string(key) + ": " + text(*said) + " is more than " + whose +
                         " may have (" + text(outer) + "), so it is never reached",
                     "a smaller one, or a larger one for the version");
      }
      check_workers(where, key, said);
    };
    check_one("upstreamConnections", where.said.upstream_connections, most.upstream_connections);
    check_one("pending", where.said.pending, most.pending);
    // Those who wait for its places stand among the version's, where they would be all that may.
    const std::uint32_t places = where.said.upstream_connections.value_or(most.upstream_connections);
    if (places >= most.upstream_connections || most.pending == 0) return;
    if (where.said.pending && *where.said.pending != most.pending) return;  // more was told of
    report_.warn(at(where, where.said.pending ? "pending" : "upstreamConnections"),
                 where.path + "limits: those who wait for its upstreamConnections may be all that may wait at " +
                     whose + " (pending: " + text(most.pending) + "), and then everybody else is refused",
                 "a smaller pending beside it");
  }

  Retries retries_at(const Listener& listener) const {
    Retries retries;
    apply(retries, config_.retries);
    apply(retries, listener.retries);
    return retries;
  }

  // What is said `here` of retries, and what holds there. True: something was told.
  bool check_kept(const Where& where, const RetryOverrides& here, const Retries& retries, const Limits& limits) {
    bool told = false;
    const bool said_budget = here.when.budget || here.when.min_concurrent;
    if (said_budget && retries.attempts > 0 && no_budget(retries.when)) {
      report_.warn(place(where.node, {"retries", here.when.budget ? "budget" : "minConcurrent"}),
                   where.path + "retries: with a budget of 0% and minConcurrent of 0 nothing is ever tried again",
                   "a share, or attempts: 0");
      told = true;
    }
    const bool said_body = here.body || (where.said.body && retries.body != Retries().body);
    if (said_body && limits.body != kUnlimited && retries.body > limits.body) {
      report_.warn(here.body ? place(where.node, {"retries", "body"}) : at(where, "body"),
                   where.path + "retries.body: " + text(retries.body) +
                       " are never kept, for no request may have more than " + text(limits.body) + " (limits.body)",
                   "a smaller one, or a larger limits.body");
      told = true;
    }
    return told;
  }

  static bool no_budget(const SendAgain& when) { return when.budget <= 0 && when.min_concurrent == 0; }

  void check_rescues() {
    for (const auto& [name, rollout] : config_.rollouts) {
      if (!rollout.analysis.rescue.enabled || !no_budget(rollout.analysis.rescue.when)) continue;
      report_.warn(
          place(root_, {"rollouts", name, "analysis", "rescue", "budget"}),
          "rollouts." + name + ".analysis.rescue: with a budget of 0% and minConcurrent of 0 nobody is ever rescued",
          "a share, or the key left out");
    }
  }

  // Said of the version, or of the file for all versions: told of where it stands.
  void check_version(const std::string& service, const std::string& name, const Version& version) {
    const Node* const node = find(root_, {"services", service, "versions", name});
    const Where own{node == nullptr ? root_ : *node, "services." + service + ".versions." + name + ".", version.limits};
    const Limits limits = limits_of(version);
    check_inner(own, {"endpointConnections", limits.endpoint_connections, version.limits.endpoint_connections},
                {"upstreamConnections", limits.upstream_connections, version.limits.upstream_connections});
    check_inner(own, {"endpointPending", limits.endpoint_pending, version.limits.endpoint_pending},
                {"pending", limits.pending, version.limits.pending});
    check_shares(own);
  }

  struct Part {
    std::string_view key;
    std::uint32_t value;
    const std::optional<std::uint32_t>& said;  // by the version itself
  };
  // What one endpoint may have, inside what the version may.
  void check_inner(const Where& own, const Part& endpoint, const Part& version) {
    if (endpoint.value == kNoCount || endpoint.value <= version.value) return;
    const bool here = endpoint.said || version.said;
    const Where file{root_, "", config_.limits};
    const Where& where = here ? own : file;
    const std::string_view key = endpoint.said || !here ? endpoint.key : version.key;
    const Position position = at(where, key);
    if (!here && !told_.insert(key).second) return;
    report_.warn(position,
                 where.path + "limits." + std::string(key) + ": one endpoint may have more (" +
                     std::string(endpoint.key) + ": " + text(endpoint.value) + ") than its version (" +
                     std::string(version.key) + ": " + text(version.value) + "), so its own is never reached",
                 "a smaller " + std::string(endpoint.key) + ", or a larger " + std::string(version.key));
  }

  void check_shares(const Where& where) {
    check_workers(where, "upstreamConnections", where.said.upstream_connections);
    check_workers(where, "pending", where.said.pending);
    check_workers(where, "endpointConnections", where.said.endpoint_connections);
    check_workers(where, "endpointPending", where.said.endpoint_pending);
  }

  // Each worker has a part of it, rounded up: told of where that makes much of a difference.
  void check_workers(const Where& where, std::string_view key, const std::optional<std::uint32_t>& said) {
    if (!said || *said == 0 || *said == kNoCount || config_.workers == 0) return;
    const std::uint64_t each = (std::uint64_t{*said} + config_.workers - 1) / config_.workers;
    const std::uint64_t together = each * config_.workers;
    if (10 * together <= 11 * std::uint64_t{*said}) return;
    report_.warn(at(where, key),
                 where.path + "limits." + std::string(key) + ": " + text(*said) + " is shared out among " +
                     text(config_.workers) + " workers, of which each has " + std::to_string(each) +
                     ": together they allow " + std::to_string(together),
                 "a multiple of the number of workers, or fewer workers");
  }

  // Of a `field` that the plan says itself: whoever makes the whole smaller means its parts as well.
  void check_head(const Where& where, const Limits& limits) {
    const bool here = where.said.field || (where.said.fields && config_.limits.field);
    if (!here || limits.field <= limits.fields) return;
    report_.warn(at(where, where.said.field ? "field" : "fields"),
                 where.path + "limits: one field may have more bytes (field: " + text(limits.field) +
                     ") than all together (fields: " + text(limits.fields) + "), so its own limit is never reached",
                 "a smaller field, or larger fields");
  }

  // What may say a time of a request: the place that is looked at, then those around it.
  using Times = std::vector<std::reference_wrapper<const TimeoutOverrides>>;
  static std::optional<Duration> said(const Times& times, const TimeoutKey& key) {
    for (const TimeoutOverrides& each : times) {
      if (each.*key.given) return each.*key.given;
    }
    return std::nullopt;
  }

  // Only of what the plan says itself: the defaults are for plans without a `total`. True: something was told.
  bool check_times(const Node& node, const std::string& path, const Times& times) {
    const TimeoutOverrides& here = times.front();
    const std::optional<Duration> total = said(times, kTotal);
    if (!total || *total == kNever) return false;
    bool told = false;
    for (const TimeoutKey& key : kTimeoutKeys) {
      const bool part =
          key.name == "connect" || key.name == "responseHeader" || key.name == "responseIdle" || key.name == "bodyIdle";
      const std::optional<Duration> time = said(times, key);
      if (!part || !time || *time == kNever || *time <= *total || !(here.*key.given || here.total)) continue;
      const std::string_view blamed = here.*key.given ? key.name : kTotal.name;
      report_.warn(place(node, {"timeouts", blamed}),
                   path + "timeouts: " + std::string(key.name) + " (" + text(*time) + ") is longer than total (" +
                       text(*total) + "), so it never passes",
                   "a shorter " + std::string(key.name) + ", or a longer total");
      told = true;
    }
    return told;
  }

  // Of each the longest of all places counts (app/drain.h); what takes longer than other requests is a stream.
  void check_drain() {
    Timeouts file = preset_timeouts(config_.preset);
    apply(file, config_.timeouts);
    Duration requests = file.drain;
    Duration streams = file.stream_drain;
    std::string longest;
    Position position = place(root_, {"timeouts", "drain"});
    const auto look = [&](const TimeoutOverrides& said, const Node& node, std::string path) {
      streams = std::max(streams, said.stream_drain.value_or(streams));
      if (said.drain.value_or(requests) <= requests) return;
      requests = *said.drain;
      longest = std::move(path);
      position = place(node, {"timeouts", "drain"});
    };
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      look(config_.listeners[i].timeouts, element(root_.find("listeners"), i), "listeners[" + std::to_string(i) + "].");
    }
    for (std::size_t i = 0; i < config_.routes.size(); ++i) {
      look(config_.routes[i].timeouts, element(root_.find("routes"), i), "routes[" + std::to_string(i) + "].");
    }
    if (requests <= streams) return;
    report_.warn(position,
                 longest + "timeouts: streams have less time at shutdown (streamDrain: " + text(streams) +
                     ") than other requests (drain: " + text(requests) + ")",
                 "a longer streamDrain, or a shorter drain");
  }

  static bool tries_again(const RetryOverrides& said) { return said.attempts.value_or(0) > 0; }
  // Whether a place within says how often, for which what is said around it holds as well.
  bool inner_tries_again(bool of_file) const {
    const auto tries = [](const auto& place) { return tries_again(place.retries); };
    return std::any_of(config_.routes.begin(), config_.routes.end(), tries) ||
           (of_file && std::any_of(config_.listeners.begin(), config_.listeners.end(), tries));
  }

  // When to try again is said where nothing is tried again.
  void check_retries(const Node& node, const std::string& path, const RetryOverrides& said) {
    const SendAgainOverrides& when = said.when;
    const bool conditions = when.on_connect_failure || when.on_reset || when.on_timeout || when.on_status ||
                            when.non_idempotent || when.budget || when.min_concurrent;
    if (said.attempts != 0U || !conditions) return;
    report_.warn(place(node, {"retries", "attempts"}),
                 path + "retries: attempts is 0, so nothing else that is said beside it is ever asked",
                 "attempts of at least 1, or attempts alone");
  }

  // A worker that cannot hold the two directions of one exchange is at its limit as soon as it has one.
  void check_memory() {
    if (!config_.limits.memory || *config_.limits.memory == kUnlimited) return;
    std::uint64_t buffer = file_limits_.buffer;
    for (const Listener& listener : config_.listeners) buffer = std::max(buffer, listener.limits.buffer.value_or(0));
    for (const Route& route : config_.routes) buffer = std::max(buffer, route.limits.buffer.value_or(0));
    const std::uint64_t workers = std::max(1U, config_.workers);
    const std::uint64_t each = *config_.limits.memory / workers;
    check_lookahead(each, workers);
    if (each - each / 10 >= 2 * buffer) return;
    report_.warn(place(root_, {"limits", "memory"}),
                 "limits.memory: of " + text(*config_.limits.memory) + " each of " + std::to_string(workers) +
                     " workers has a part, too small for both directions of one exchange (buffer: " + text(buffer) +
                     "): one that is slow has all others answered 503",
                 "more memory, or a smaller buffer");
  }

  // What is held of one request is out of the same part.
  void check_lookahead(std::uint64_t each, std::uint64_t workers) {
    Where where{root_, "", config_.limits};
    std::uint64_t lookahead = file_limits_.lookahead;
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const std::optional<std::uint64_t>& said = config_.listeners[i].limits.lookahead;
      if (said.value_or(0) <= each) continue;
      return warn_of_lookahead(
          {element(root_.find("listeners"), i), "listeners[" + std::to_string(i) + "].", config_.listeners[i].limits},
          *said, workers);
    }
    // The default is for plans that look into bodies.
    if (lookahead > each && (config_.limits.lookahead || looks_ahead())) warn_of_lookahead(where, lookahead, workers);
  }

  void warn_of_lookahead(const Where& where, std::uint64_t lookahead, std::uint64_t workers) {
    report_.warn(where.said.lookahead ? at(where, "lookahead") : at(where, "memory"),
                 where.path + "limits.lookahead: " + text(lookahead) + " of one request are more than each of " +
                     std::to_string(workers) + " workers has of memory (" + text(*config_.limits.memory) +
                     "), so it is answered 503 before that",
                 "a smaller lookahead, or more memory");
  }

  // Whether where a request goes may hang on its body.
  bool looks_ahead() const {
    const auto reads = [](const std::vector<KeySource>& by) {
      return std::any_of(by.begin(), by.end(), [](const KeySource& source) { return source.body.has_value(); });
    };
    const auto balances = [&](const auto& version) { return reads(version.second.load_balancing.by); };
    const auto serves = [&](const auto& service) {
      const auto& versions = service.second.versions;
      return reads(service.second.stickiness.by) || std::any_of(versions.begin(), versions.end(), balances);
    };
    const auto rolls_out = [&](const auto& rollout) {
      const auto& rules = rollout.second.overrides;
      return reads(rollout.second.stickiness.by) ||
             std::any_of(rules.begin(), rules.end(), [](const Override& rule) { return !rule.model.empty(); });
    };
    const auto routes = [](const Route& route) { return route.match.model.has_value(); };
    return std::any_of(config_.routes.begin(), config_.routes.end(), routes) ||
           std::any_of(config_.services.begin(), config_.services.end(), serves) ||
           std::any_of(config_.rollouts.begin(), config_.rollouts.end(), rolls_out);
  }

  static Position at(const Where& where, std::string_view key) { return place(where.node, {"limits", key}); }

  const Config& config_;
  const Node& root_;
  Report& report_;
  Limits file_limits_ = preset_limits(config_.preset);
  std::set<std::string_view> told_;  // of the file's keys: once, not for each version
};

}  // namespace

void check_limits(const Config& config, const Node& root, Report& report) { Checker(config, root, report).check(); }

}  // namespace weir::config
