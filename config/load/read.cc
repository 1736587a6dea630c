#include "config/load/read.h"

#include "base/text.h"
#include "config/address.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

TimeoutOverrides read_timeouts(const Node& node) {
  TimeoutOverrides timeouts;
  const Node* const map = node.find("timeouts");
  if (map == nullptr) return timeouts;
  timeouts.header = duration_of(*map, "header");
  timeouts.body_idle = duration_of(*map, "bodyIdle");
  timeouts.keep_alive = duration_of(*map, "keepAlive");
  timeouts.connect = duration_of(*map, "connect");
  timeouts.upstream_idle = duration_of(*map, "upstreamIdle");
  timeouts.response_header = duration_of(*map, "responseHeader");
  timeouts.response_idle = duration_of(*map, "responseIdle");
  timeouts.total = duration_of(*map, "total");
  timeouts.drain = duration_of(*map, "drain");
  timeouts.stream_drain = duration_of(*map, "streamDrain");
  timeouts.drain_delay = duration_of(*map, "drainDelay");
  return timeouts;
}

// In its one form: other words for the same address are no change.
void read_listen_address(const Node& node, std::string& into) {
  read(node, "address", into);
  if (const std::optional<HostPort> address = parse_listen_address(into)) into = to_string(*address);
}

std::optional<std::uint32_t> count_of(const Node& node, std::string_view key) {
  std::uint32_t value = 0;
  read_count(node, key, value);
  return value == 0 ? std::nullopt : std::optional(value);
}

LimitOverrides read_limits(const Node& node) {
  LimitOverrides limits;
  const Node* const map = node.find("limits");
  if (map == nullptr) return limits;
  limits.request_line = size_of(*map, "requestLine");
  limits.field = size_of(*map, "field");
  limits.fields = size_of(*map, "fields");
  limits.field_count = count_of(*map, "fieldCount");
  limits.response_fields = size_of(*map, "responseFields");
  limits.response_field_count = count_of(*map, "responseFieldCount");
  limits.body = size_of(*map, "body");
  limits.buffer = size_of(*map, "buffer");
  limits.connections = count_of(*map, "connections");
  limits.upstream_connections = count_of(*map, "upstreamConnections");
  limits.pending = count_of(*map, "pending");
  return limits;
}

// http://host[:port], nothing behind it: a path would be one more rewrite than this version knows.
std::optional<Endpoint> parse_endpoint(const std::string& url) {
  const std::optional<HostPort> address = parse_http_url(url);
  return address ? std::optional(Endpoint{.url = url, .host = address->host, .port = address->port}) : std::nullopt;
}

Version read_version(const Node& node, const std::string& path, Report& report) {
  Version version;
  const Node* const endpoints = node.find("endpoints");
  if (endpoints == nullptr) return version;
  for (const Node& element : endpoints->list) {
    if (const std::optional<Endpoint> endpoint = parse_endpoint(element.scalar)) {
      version.endpoints.push_back(*endpoint);
    } else {
      const bool tls = element.scalar.starts_with("https://");
      report.error(element.position,
                   path + ".endpoints: \"" + element.scalar + "\"" +
                       (tls ? " needs TLS, which this version does not have yet" : ""),
                   "http://host:port");
    }
  }
  return version;
}

Service read_service(const Node& node, const std::string& path, Report& report) {
  Service service;
  if (const Node* const versions = node.find("versions")) {
    for (const Node::Entry& entry : versions->map) {
      service.versions[entry.key] = read_version(entry.value, path + ".versions." + entry.key, report);
    }
  }
  if (const Node* const weights = node.find("weights")) {
    for (const Node::Entry& entry : weights->map)
      service.weights_ppm[entry.key] = percent_of(*weights, entry.key).value_or(0);
  }
  if (const Node* const stickiness = node.find("stickiness")) service.stickiness = read_stickiness(*stickiness);
  return service;
}

RouteMatch read_match(const Node& node) {
  RouteMatch match;
  read(node, "host", match.host);
  match.host = lower_case(match.host);
  if (const std::string* prefix = scalar(node, "pathPrefix")) match.path_prefix = *prefix;
  if (const std::string* exact = scalar(node, "pathExact")) match.path_exact = *exact;
  if (const Node* const method = node.find("method")) {
    if (method->type == Node::Type::kScalar) match.methods.push_back(method->scalar);
    for (const Node& element : method->list) match.methods.push_back(element.scalar);
  }
  if (const Node* const headers = node.find("headers")) {
    for (const Node& element : headers->list) {
      HeaderMatch header;
      read(element, "name", header.name);
      header.name = lower_case(header.name);
      if (const std::string* exact = scalar(element, "exact")) header.exact = *exact;
      if (const std::string* prefix = scalar(element, "prefix")) header.prefix = *prefix;
      match.headers.push_back(std::move(header));
    }
  }
  return match;
}

Route read_route(const Node& node, std::size_t index) {
  Route route;
  route.name = "route-" + std::to_string(index + 1);
  route.position = node.position;
  read(node, "name", route.name);
  read(node, "service", route.service);
  if (const Node* const match = node.find("match")) route.match = read_match(*match);
  route.timeouts = read_timeouts(node);
  route.limits = read_limits(node);
  const std::string* const half_close = scalar(node, "onClientHalfClose");
  if (half_close != nullptr && *half_close == "cancel") route.on_client_half_close = OnClientHalfClose::kCancel;
  return route;
}

}  // namespace

Secret read_secret(const Node& node, const Environment& environment, Report& report) {
  Secret secret;
  read(node, "env", secret.env);
  read(node, "file", secret.file);
  if (secret.env.empty() && secret.file.empty()) return secret;  // complained of already
  const bool from_env = !secret.env.empty();
  const std::string place =
      "admin.token: the " + (from_env ? "environment variable " + secret.env : "file " + secret.file);
  const std::optional<std::string> value = from_env ? environment.variable(secret.env) : environment.file(secret.file);
  const std::string_view text = without_line_break(value ? std::string_view(*value) : std::string_view());
  if (text.empty()) {
    report.error(node.position, place + " is empty or cannot be read", "the secret in it");
  } else if (!is_visible(text)) {
    // No request could carry it.
    report.error(node.position, place + " holds spaces, line breaks or other than ASCII",
                 "the secret alone, on one line");
  } else {
    secret.value = text;
  }
  return secret;
}

Stickiness read_stickiness(const Node& node) {
  Stickiness stickiness;
  const Node* const by = node.find("by");
  if (by == nullptr) return stickiness;
  for (const Node& element : by->list) {
    KeySource source;
    read(element, "header", source.header);
    read(element, "cookie", source.cookie);
    source.header = lower_case(source.header);
    if (!source.header.empty() || !source.cookie.empty()) stickiness.by.push_back(std::move(source));
  }
  return stickiness;
}

Config read_config(const Node& root, const Environment& environment, Report& report) {
  Config config;
  const std::string* const preset = scalar(root, "preset");
  if (preset != nullptr && *preset == "sidecar") config.preset = Preset::kSidecar;
  read_count(root, "workers", config.workers);
  read(root, "versionHeader", config.version_header);
  read(root, "via", config.via);
  config.timeouts = read_timeouts(root);
  config.limits = read_limits(root);
  if (const Node* const listeners = root.find("listeners")) {
    for (const Node& element : listeners->list) {
      Listener listener;
      read_listen_address(element, listener.address);
      listener.timeouts = read_timeouts(element);
      listener.limits = read_limits(element);
      config.listeners.push_back(std::move(listener));
    }
  }
  if (const Node* const admin = root.find("admin")) {
    read_listen_address(*admin, config.admin.address);
    if (const Node* const token = admin->find("token")) config.admin.token = read_secret(*token, environment, report);
  }
  if (const Node* const state = root.find("state")) read(*state, "path", config.state.path);
  if (const Node* const services = root.find("services")) {
    for (const Node::Entry& entry : services->map) {
      config.services[entry.key] = read_service(entry.value, "services." + entry.key, report);
    }
  }
  if (const Node* const routes = root.find("routes")) {
    for (std::size_t i = 0; i < routes->list.size(); ++i) config.routes.push_back(read_route(routes->list[i], i));
  }
  if (const Node* const rollouts = root.find("rollouts")) {
    for (const Node::Entry& entry : rollouts->map)
      config.rollouts[entry.key] = read_rollout(entry.key, entry.value, report);
  }
  return config;
}

}  // namespace weir::config
