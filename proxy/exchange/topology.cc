#include "proxy/exchange/topology.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "config/guards.h"
#include "proxy/exchange/forwarded.h"
#include "proxy/resolve/endpoint_names.h"
#include "proxy/route/action.h"

namespace weir::proxy {
namespace {

bool is_inspected(const config::Config& config, const std::string& service) {
  return std::any_of(config.routes.begin(), config.routes.end(), [&](const config::Route& route) {
    return route.service == service && route.inspect != config::Inspect::kOff;
  });
}

// Where no answer is looked into, nobody learns what was made; where there is one version, it has made it all.
bool remembers_creators(const config::Config& config, const std::string& service) {
  const config::Service& declared = config.services.at(service);
  return declared.created_ids && declared.versions.size() > 1 && is_inspected(config, service);
}

// The running one, unless it is to be another.
std::shared_ptr<PinTable> table_of(std::uint64_t bytes, config::Duration expiry, std::shared_ptr<PinTable> running) {
  if (running != nullptr && running->bytes() == bytes && running->expiry() == expiry) return running;
  return std::make_shared<PinTable>(bytes, expiry);
}

Split build_split(const std::string& name, const config::Config& config, Names& names, const Topology* running) {
  const config::Service& service = config.services.at(name);
  SplitSpec spec;
  spec.service = name;
  for (const auto& [version, settings] : service.versions) spec.versions.push_back(names.version(name, version));
  const ServiceTopology* const before = running == nullptr ? nullptr : running->service(names.services.intern(name));
  if (remembers_creators(config, name)) {
    spec.creators = table_of(service.created_ids->memory, service.created_ids->expiry,
                             before == nullptr ? nullptr : before->split.spec().creators);
  }
  const auto rollout = config.rollouts.find(name);
  const config::Stickiness& stickiness =
      rollout != config.rollouts.end() ? rollout->second.stickiness : service.stickiness;
  // Where both arms are one version nobody can be kept on either.
  const bool one = rollout != config.rollouts.end() ? rollout->second.baseline == rollout->second.candidate
                                                    : service.versions.size() == 1;
  if (stickiness.keeps_sessions() && !one) {
    spec.sessions = table_of(stickiness.memory, stickiness.expiry,
                             before == nullptr ? nullptr : before->split.spec().sessions);
  }
  if (rollout != config.rollouts.end()) {
    spec.stickiness = rollout->second.stickiness;
    spec.baseline = names.version(name, rollout->second.baseline);
    spec.candidate = names.version(name, rollout->second.candidate);
    spec.salt = rollout->second.salt;
    spec.identity = rollout_identity(
        {name, rollout->second.baseline, rollout->second.candidate, rollout->second.revision, rollout->second.salt});
    for (const config::Override& rule : rollout->second.overrides) {
      spec.overrides.push_back({rule, names.version(name, rule.version)});
    }
    return Split(std::move(spec));
  }
  spec.stickiness = service.stickiness;
  spec.salt = name;
  if (service.weights_ppm.empty()) {
    spec.weights.push_back({names.version(name, service.versions.begin()->first), kMillion});
  }
  for (const auto& [version, weight_ppm] : service.weights_ppm) {
    spec.weights.push_back({names.version(name, version), weight_ppm});
  }
  return Split(std::move(spec));
}

// A Unix socket has no name of its own; "localhost" is what nginx and curl say there.
std::string authority_of(const config::Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return "localhost";
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + endpoint.host + "]" : endpoint.host;
  return endpoint.port == (endpoint.tls ? 443 : 80) ? host : host + ":" + std::to_string(endpoint.port);
}

// Should `next` not come to be, the running one's endpoints must still be there.
std::shared_ptr<EndpointGroup> group_of(const VersionTopology& next, const VersionTopology* running) {
  const auto group =
      running != nullptr && running->group != nullptr ? running->group : std::make_shared<EndpointGroup>();
  std::set<std::string> names;
  for (const EndpointAddress& endpoint : next.endpoints) names.insert(endpoint.url);
  if (running != nullptr) {
    for (const EndpointAddress& endpoint : running->endpoints) names.insert(endpoint.url);
  }
  group->keep(names);
  if (running == nullptr) return group;
  // One that joins those that are served may be cold, also when it has only just left them.
  const auto serves = [&](const EndpointAddress& endpoint) {
    return std::any_of(running->endpoints.begin(), running->endpoints.end(),
                       [&](const EndpointAddress& known) { return known.url == endpoint.url; });
  };
  for (const EndpointAddress& endpoint : next.endpoints) {
    if (!serves(endpoint)) group->endpoint(endpoint.url)->came(std::chrono::steady_clock::now());
  }
  return group;
}

// "http://model:8000/10.0.0.1".
std::string url_at(std::string url, const std::string& address) {
  if (!url.ends_with('/')) url += '/';
  return url + address;
}

// Each address of a name is an endpoint of its own. A name without one would only fail requests: it is left out as long
// as there is anybody else.
std::vector<EndpointAddress> endpoints_of(const config::Version& version,
                                          const std::shared_ptr<const TlsClientContext>& tls,
                                          const Resolution* resolution) {
  std::vector<EndpointAddress> endpoints;
  std::vector<EndpointAddress> unresolved;
  for (const config::Endpoint& declared : version.endpoints) {
    EndpointAddress endpoint{Remote{declared.host, declared.port, declared.unix_path}, authority_of(declared),
                             declared.url};
    if (declared.tls) endpoint.remote.tls = tls;
    if (!needs_lookup(declared)) {
      endpoints.push_back(std::move(endpoint));
      continue;
    }
    const std::vector<std::string> addresses =
        resolution != nullptr ? resolution->addresses(declared.host) : std::vector<std::string>{};
    if (addresses.empty()) unresolved.push_back(endpoint);
    for (const std::string& address : addresses) {
      endpoint.remote.address = address;
      endpoint.url = url_at(declared.url, address);
      endpoints.push_back(endpoint);
    }
  }
  return endpoints.empty() ? unresolved : endpoints;
}

std::unique_ptr<const ServiceTopology> build_service(const std::string& name, const config::Config& config,
                                                     Names& names, const TopologySources& sources) {
  const config::Service& service = config.services.at(name);
  config::Limits file_limits = config::preset_limits(config.preset);
  config::apply(file_limits, config.limits);
  auto built = std::make_unique<ServiceTopology>(ServiceTopology{.id = names.services.intern(name),
                                                                 .name = name,
                                                                 .split = build_split(name, config, names, sources.running),
                                                                 .versions = {}});
  if (const auto rollout = config.rollouts.find(name); rollout != config.rollouts.end()) {
    built->baseline = names.version(name, rollout->second.baseline);
    built->rescue = rollout->second.analysis.rescue;
    built->candidate = names.version(name, rollout->second.candidate);
    built->mirror = rollout->second.mirror;
    for (const config::Webhook& webhook : rollout->second.webhooks) {
      if (webhook.type == config::Webhook::Type::kJudge) built->judged = std::max(built->judged, webhook.body);
    }
  }
  for (const auto& [version_name, version] : service.versions) {
    config::Limits limits = file_limits;
    config::apply(limits, version.limits);
    VersionTopology topology{.id = names.version(name, version_name),
                             .name = version_name,
                             .endpoints = {},
                             .balancing = version.load_balancing,
                             .outlier = version.outlier,
                             .health_check = version.health_check,
                             .prices = version.prices,
                             .model = version.model.empty() ? "" : json::write(version.model),
                             .model_path = version.model_path,
                             .group = nullptr,
                             .max_connections = limits.upstream_connections,
                             .max_pending = limits.pending,
                             .endpoint_connections = limits.endpoint_connections,
                             .endpoint_pending = limits.endpoint_pending};
    const auto& all = version.endpoints;
    const bool secure = std::any_of(all.begin(), all.end(), [](const auto& endpoint) { return endpoint.tls; });
    const auto& by = version.load_balancing.by;
    if (std::any_of(by.begin(), by.end(), [](const auto& source) { return source.body.has_value(); })) {
      built->balances_by_body = true;
    }
    if (!version.model_path.empty()) built->names_models_in_paths = true;
    topology.endpoints =
        endpoints_of(version, secure ? sources.tls.origins.at(name + "/" + version_name) : nullptr, sources.resolution);
    topology.group = group_of(topology, sources.running != nullptr ? sources.running->version(topology.id) : nullptr);
    built->versions.push_back(std::move(topology));
  }
  return built;
}

// Nothing is read from what is compressed. A plan that says itself what origins are asked for knows why.
void ask_uncompressed(http::FieldChanges& changes) {
  constexpr std::string_view kName = "accept-encoding";
  if (changes.drops(kName)) return;
  changes.replaced.emplace_back(kName);
  changes.lines += "accept-encoding: identity\r\n";
}

using FieldNames = std::vector<std::string>;

void append_headers(const std::vector<config::KeySource>& sources, FieldNames& names) {
  for (const config::KeySource& source : sources) names.push_back(source.header);
}

void append_names(const config::HeaderEdits& edits, FieldNames& names) {
  for (const auto& line : edits.set) names.push_back(line.first);
  for (const auto& line : edits.add) names.push_back(line.first);
  names.insert(names.end(), edits.remove.begin(), edits.remove.end());
}

// The request fields that the plan goes by, wherever that is: what one route is chosen by is no less meant where it is
// absent.
FieldNames gone_by(const config::Config& config) {
  FieldNames names;
  for (const config::Route& route : config.routes) {
    for (const config::ValueMatch& rule : route.match.headers) names.push_back(rule.name);
    if (!route.api_keys.keys.empty()) names.push_back(route.api_keys.header);
    if (route.rate_limit) names.push_back(route.rate_limit->header);
  }
  for (const auto& [name, service] : config.services) {
    append_headers(service.stickiness.by, names);
    for (const auto& [version_name, version] : service.versions) append_headers(version.load_balancing.by, names);
  }
  for (const auto& [name, rollout] : config.rollouts) {
    append_headers(rollout.stickiness.by, names);
    for (const config::Override& rule : rollout.overrides) {
      if (!rule.header.empty()) names.push_back(rule.header);
    }
  }
  return names;
}

// Those, and the ones that it changes.
FieldNames spoken_of(const config::Config& config) {
  FieldNames names = gone_by(config);
  for (const config::Route& route : config.routes) append_names(route.request_headers, names);
  return names;
}

bool names_own_fields(const config::Config& config) {
  FieldNames names = gone_by(config);
  if (config.access_log) {
    for (const config::LogPart& part : config.access_log->format.parts) names.push_back(part.header);
  }
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return is_own_field(http::field_id(name)); });
}

// Whether the plan has a use for the tokens of a service's answers.
bool counts_tokens(const config::Config& config, const std::string& service) {
  const auto rollout = config.rollouts.find(service);
  if (rollout != config.rollouts.end()) {
    const auto& guards = rollout->second.analysis.guards;
    if (std::any_of(guards.begin(), guards.end(), config::is_about_tokens)) return true;
  }
  const auto& versions = config.services.at(service).versions;
  return std::any_of(versions.begin(), versions.end(),
                     [](const auto& version) { return version.second.prices.has_value(); });
}

bool asks_usage(const config::Config& config, const config::Route& route) {
  if (route.inspect != config::Inspect::kOpenAi && route.inspect != config::Inspect::kAuto) return false;
  if (route.include_usage != config::IncludeUsage::kAuto) return route.include_usage == config::IncludeUsage::kAlways;
  return counts_tokens(config, route.service);
}

// Under what a route's limits are kept through reloads: its name, or what it matches, for the number of one without a
// name is another whenever a route comes before it.
std::string identity_of(const config::Route& declared) {
  if (declared.named) return declared.name;
  std::string identity;
  const auto add = [&](std::string_view part) { identity.append(part).append(1, '\0'); };
  const auto add_value = [&](const config::ValueMatch& rule) {
    add(rule.name);
    add(rule.exact ? "=" + *rule.exact : rule.prefix ? "^" + *rule.prefix : rule.regex ? "~" + rule.regex->text() : "");
    add(rule.absent ? "!" : "");
  };
  const config::RouteMatch& match = declared.match;
  for (const std::string& part : {match.host, match.path_prefix.value_or(""), match.path_exact.value_or(""),
                                  match.path_regex ? match.path_regex->text() : std::string()}) {
    add(part);
  }
  for (const std::string& method : match.methods) add(method);
  for (const auto* rules : {&match.headers, &match.query, &match.cookies}) {
    add("");
    for (const config::ValueMatch& rule : *rules) add_value(rule);
  }
  if (match.model) add_value(*match.model);
  return identity;
}

// Its places are counted where their number is said, at the route before the listener, or else where only `pending` is.
// Thus one bulkhead has one number of places, while what may wait for them is each request's innermost `pending`.
void set_bulkhead(const config::Listener& listener, const config::Route& declared, Names& names, Route& route) {
  const auto& inner = declared.limits;
  const auto& outer = listener.limits;
  if (inner.upstream_connections || (inner.pending && !outer.upstream_connections)) {
    route.bulkhead = names.bulkheads.intern("route " + identity_of(declared));
  } else if (outer.upstream_connections || outer.pending) {
    route.bulkhead = names.bulkheads.intern("listener " + listener.address);
  }
  // The file's are each version's, for all of its requests.
  if (route.bulkhead == kNoId) return;
  if (!inner.upstream_connections && !outer.upstream_connections) route.limits.upstream_connections = config::kNoCount;
  if (!inner.pending && !outer.pending) route.limits.pending = config::kNoCount;
}

// What all listeners of a plan build their routes with.
struct PlanParts {
  const config::Config& config;
  Names& names;
  RateLimiters& limiters;
  std::shared_ptr<const http::Lookalikes> lookalikes = {};
  std::vector<std::uint32_t>& bulkhead_places;
};

void add_texts(const std::vector<config::KeySource>& sources, config::BodyTextSet& texts) {
  for (const config::KeySource& source : sources) {
    if (source.body) texts.add(*source.body);
  }
}

// Of any request, whatever it turns out to go by: a body is read once, for all that its second look is for.
config::BodyTextSet body_texts(const config::Config& config) {
  config::BodyTextSet texts;
  for (const config::Route& route : config.routes) {
    if (route.match.model || route.inspect != config::Inspect::kOff) texts.add(config::BodyText::kModel);
    if (route.inspect != config::Inspect::kOff) texts.add(config::BodyText::kAnswerFormat);
  }
  for (const auto& [name, service] : config.services) {
    if (remembers_creators(config, name)) {
      texts.add(config::BodyText::kPreviousResponseId);
      texts.add(config::BodyText::kConversation);
      texts.add(config::BodyText::kInputFileId);
    }
    add_texts(service.stickiness.by, texts);
    for (const auto& [version_name, version] : service.versions) add_texts(version.load_balancing.by, texts);
  }
  for (const auto& [name, rollout] : config.rollouts) {
    add_texts(rollout.stickiness.by, texts);
    for (const config::Override& rule : rollout.overrides) {
      if (!rule.model.empty()) texts.add(config::BodyText::kModel);
    }
  }
  return texts;
}

ListenerTopology build_listener(const config::Listener& listener, const PlanParts& parts) {
  const auto& [config, names, limiters, lookalikes, bulkhead_places] = parts;
  config::Timeouts timeouts = config::preset_timeouts(config.preset);
  config::Limits limits = config::preset_limits(config.preset);
  config::apply(timeouts, config.timeouts);
  config::apply(limits, config.limits);
  config::apply(timeouts, listener.timeouts);
  config::apply(limits, listener.limits);
  config::Retries retries;
  config::apply(retries, config.retries);
  config::apply(retries, listener.retries);
  std::vector<Route> routes;
  for (const config::Route& declared : config.routes) {
    Route route;
    route.id = names.routes.intern(declared.name);
    if (!declared.service.empty()) route.service = names.services.intern(declared.service);
    route.name = declared.name;
    route.match = declared.match;
    route.timeouts = timeouts;
    route.limits = limits;
    route.retries = retries;
    config::apply(route.timeouts, declared.timeouts);
    config::apply(route.limits, declared.limits);
    set_bulkhead(listener, declared, names, route);
    bulkhead_places.resize(names.bulkheads.size(), config::kNoCount);
    if (route.bulkhead != kNoId) bulkhead_places[route.bulkhead] = route.limits.upstream_connections;
    config::apply(route.retries, declared.retries);
    route.redirect = declared.redirect;
    route.respond = declared.respond;
    route.rewrite = declared.rewrite;
    route.request_changes = field_changes(declared.request_headers);
    route.response_changes = field_changes(declared.response_headers);
    route.addresses = declared.addresses;
    route.api_keys = declared.api_keys;
    if (declared.rate_limit) route.rate_limiter = limiters.of(identity_of(declared), *declared.rate_limit);
    route.guarded = !route.addresses.empty() || !route.api_keys.keys.empty() || route.rate_limiter != nullptr;
    if (!route.api_keys.keys.empty() && !route.api_keys.forward) {
      route.request_changes.removed.push_back(route.api_keys.header);
    }
    route.on_client_half_close = declared.on_client_half_close;
    route.inspect = declared.inspect;
    route.stream_head = declared.stream_head;
    if (route.inspect != config::Inspect::kOff) ask_uncompressed(route.request_changes);
    if (!lookalikes->empty() || !route.request_changes.empty()) route.request_changes.lookalikes = lookalikes;
    if (!declared.service.empty()) route.asks_usage = asks_usage(config, declared);
    routes.push_back(std::move(route));
  }
  const std::optional<config::TrustedHops>& named = listener.trusted_hops ? listener.trusted_hops : config.trusted_hops;
  return {.address = listener.address,
          .timeouts = timeouts,
          .limits = limits,
          .paths = listener.paths,
          .addresses = listener.addresses,
          .trusted_hops = named.value_or(config::TrustedHops()),
          .hops_named = named.has_value(),
          .proxy_protocol = listener.proxy_protocol,
          .passes_all_on = !named && config.preset == config::Preset::kSidecar,
          .routes = RouteTable(std::move(routes))};
}

}  // namespace

std::shared_ptr<const Topology> build_topology(const config::Config& config, Names& names, const Topology* running) {
  RateLimiters limiters;
  return build_topology(config, names, TopologySources{limiters, {}, running});
}

std::shared_ptr<const Topology> build_topology(const config::Config& config, Names& names,
                                               const TopologySources& sources) {
  RateLimiters& limiters = sources.limiters;
  const TlsContexts& tls = sources.tls;
  auto topology = std::make_shared<Topology>();
  topology->version_header = config.version_header;
  topology->via = config.via;
  topology->forwarded = config.forwarded;
  topology->tracing = config.tracing;
  config::Limits limits = config::preset_limits(config.preset);
  config::apply(limits, config.limits);
  topology->memory = limits.memory;
  topology->access_log = config.access_log;
  topology->names_own_fields = names_own_fields(config);
  for (const config::Route& route : config.routes) {
    if (topology->access_log && !route.api_keys.keys.empty()) {
      topology->access_log->redact.push_back(route.api_keys.header);
    }
  }
  topology->body_texts = body_texts(config);
  for (const auto& [name, service] : config.services) {
    topology->owned.push_back(build_service(name, config, names, sources));
  }
  topology->services.resize(names.services.size());
  topology->versions.resize(names.versions.size());
  for (const auto& service : topology->owned) {
    topology->services[service->id] = service.get();
    for (const VersionTopology& version : service->versions) topology->versions[version.id] = &version;
  }
  const PlanParts parts{config, names, limiters, std::make_shared<const http::Lookalikes>(spoken_of(config)),
                        topology->bulkhead_places};
  for (const config::Listener& listener : config.listeners) {
    topology->listeners.push_back(build_listener(listener, parts));
    const std::size_t place = topology->listeners.size() - 1;
    if (place < tls.listeners.size()) topology->listeners.back().tls = tls.listeners[place];
  }
  return topology;
}

}  // namespace weir::proxy
