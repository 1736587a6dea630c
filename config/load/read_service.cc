#include "config/load/read.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "config/address.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

// http[s]://host[:port], nothing behind it: a path would be one more rewrite than this version knows. Or a Unix socket.
std::optional<Endpoint> parse_endpoint(const std::string& url) {
  if (std::optional<std::string> path = parse_unix_path(url)) {
    return Endpoint{.url = url, .host = {}, .port = 0, .unix_path = std::move(*path)};
  }
  if (const std::optional<HostPort> secure = parse_https_url(url)) {
    return Endpoint{.url = url, .host = secure->host, .port = secure->port, .unix_path = {}, .tls = true};
  }
  const std::optional<HostPort> address = parse_http_url(url);
  return address ? std::optional(Endpoint{.url = url, .host = address->host, .port = address->port, .unix_path = {}})
                 : std::nullopt;
}

Prices read_prices(const Node& node) {
  Prices prices;
  prices.input = decimal_of(node, "input").value_or(0);
  prices.output = decimal_of(node, "output").value_or(0);
  prices.cached = decimal_of(node, "cached").value_or(prices.input);
  return prices;
}

// A segment of a path that needs no escape and leads nowhere else (RFC 3986 3.3).
bool is_segment(std::string_view text) {
  constexpr std::string_view kUnreserved =
      "-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return !text.empty() && text != "." && text != ".." && text.find_first_not_of(kUnreserved) == std::string_view::npos;
}

// NAME, NAME/versions/VERSION or NAME/labels/LABEL.
bool is_model_path(std::string_view text) {
  const std::string_view name = text.substr(0, text.find('/'));
  const std::string_view behind = text.substr(name.size());
  if (!is_segment(name)) return false;
  if (behind.empty()) return true;
  for (const std::string_view kind : {"/versions/", "/labels/"}) {
    if (behind.starts_with(kind)) return is_segment(behind.substr(kind.size()));
  }
  return false;
}

void read_model_path(const Node& node, const std::string& path, Version& version, Report& report) {
  read(node, "modelPath", version.model_path);
  if (version.model_path.empty() || is_model_path(version.model_path)) return;
  report.error(node.find("modelPath")->position, path + ".modelPath: \"" + version.model_path + "\" names no model",
               "a model's name, such as classifier-b, and behind it if need be its version, /versions/13 or /labels/canary, of "
               "letters, digits, -, ., _ and ~");
}

Version read_version(const Node& node, const std::string& path, Report& report) {
  Version version;
  version.tls = read_origin_tls(node);
  if (const Node* const balancing = node.find("loadBalancing")) {
    version.load_balancing = read_load_balancing(*balancing, path + ".loadBalancing", report);
  }
  if (const Node* const outlier = node.find("outlier")) {
    version.outlier = read_outlier(*outlier, path + ".outlier", report);
  }
  if (const Node* const check = node.find("healthCheck")) {
    version.health_check = read_health_check(*check, path + ".healthCheck", report);
  }
  version.limits = read_limits(node);
  if (const Node* const prices = node.find("prices")) version.prices = read_prices(*prices);
  read(node, "model", version.model);
  read_model_path(node, path, version, report);
  const Node* const endpoints = node.find("endpoints");
  if (endpoints == nullptr) return version;
  for (const Node& element : endpoints->list) {
    if (const std::optional<Endpoint> endpoint = parse_endpoint(element.scalar)) {
      version.endpoints.push_back(*endpoint);
    } else {
      report.error(element.position, path + ".endpoints: \"" + element.scalar + "\"",
                   "http://host:port, https://host:port, or unix:/path with a path of at most 107 bytes");
    }
  }
  return version;
}

std::optional<CreatedIds> read_created_ids(const Node& node) {
  if (node.type == Node::Type::kScalar) return {};  // off
  CreatedIds ids;
  ids.expiry = duration_of(node, "expiry").value_or(ids.expiry);
  ids.memory = size_of(node, "memory").value_or(ids.memory);
  return ids;
}

ExpectedTraffic read_traffic(const Node& node) {
  ExpectedTraffic traffic;
  traffic.requests_per_second = decimal_of(node, "requestsPerSecond").value_or(0);
  traffic.errors = share_of(node, "errors");
  traffic.p50 = duration_of(node, "p50");
  return traffic;
}

}  // namespace

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
  if (const Node* const ids = node.find("createdIds")) service.created_ids = read_created_ids(*ids);
  if (const Node* const traffic = node.find("traffic")) service.traffic = read_traffic(*traffic);
  return service;
}

Stickiness read_stickiness(const Node& node) {
  Stickiness stickiness;
  const std::string* const scope = scalar(node, "scope");
  if (scope != nullptr && *scope == "session") stickiness.scope = Scope::kSession;
  if (scope != nullptr && *scope == "request") stickiness.scope = Scope::kRequest;
  stickiness.expiry = duration_of(node, "expiry").value_or(stickiness.expiry);
  stickiness.memory = size_of(node, "memory").value_or(stickiness.memory);
  const Node* const by = node.find("by");
  if (by == nullptr || stickiness.scope == Scope::kRequest) return stickiness;
  for (const Node& element : by->list) {
    KeySource source;
    read(element, "header", source.header);
    read(element, "cookie", source.cookie);
    source.header = lower_case(source.header);
    read(element, "query", source.query);
    read(element, "apiKey", source.api_key);
    read(element, "clientAddress", source.client_address);
    if (const std::string* const text = scalar(element, "body")) {
      const auto at = std::find(kBodyKeyNames.begin(), kBodyKeyNames.end(), *text);
      if (at != kBodyKeyNames.end()) source.body = body_key(static_cast<std::size_t>(at - kBodyKeyNames.begin()));
    }
    const bool named = !source.header.empty() || !source.cookie.empty() || !source.query.empty() || source.body;
    if (named || source.api_key || source.client_address) stickiness.by.push_back(std::move(source));
  }
  return stickiness;
}

}  // namespace weir::config
