#include "config/load/read.h"

#include "base/text.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

// What cannot be compiled has been complained of.
std::optional<Pattern> pattern_of(const Node& node, std::string_view key) {
  const std::string* const text = scalar(node, key);
  std::string why;
  return text == nullptr ? std::nullopt : Pattern::compile(*text, why);
}

ValueMatch read_value(const Node& node) {
  ValueMatch rule;
  read(node, "name", rule.name);
  if (const std::string* exact = scalar(node, "exact")) rule.exact = *exact;
  if (const std::string* prefix = scalar(node, "prefix")) rule.prefix = *prefix;
  rule.regex = pattern_of(node, "regex");
  read(node, "absent", rule.absent);
  return rule;
}

std::vector<ValueMatch> read_values(const Node& node, std::string_view key) {
  std::vector<ValueMatch> rules;
  const Node* const list = node.find(key);
  if (list == nullptr) return rules;
  for (const Node& element : list->list) rules.push_back(read_value(element));
  return rules;
}

RouteMatch read_match(const Node& node) {
  RouteMatch match;
  read(node, "host", match.host);
  match.host = lower_case(match.host);
  if (match.host.ends_with('.')) match.host.pop_back();
  if (const std::string* prefix = scalar(node, "pathPrefix")) match.path_prefix = *prefix;
  if (const std::string* exact = scalar(node, "pathExact")) match.path_exact = *exact;
  match.path_regex = pattern_of(node, "pathRegex");
  if (const Node* const method = node.find("method")) {
    if (method->type == Node::Type::kScalar) match.methods.push_back(method->scalar);
    for (const Node& element : method->list) match.methods.push_back(element.scalar);
  }
  match.headers = read_values(node, "headers");
  for (ValueMatch& header : match.headers) header.name = lower_case(header.name);
  match.query = read_values(node, "query");
  match.cookies = read_values(node, "cookies");
  if (const Node* const model = node.find("model")) match.model = read_value(*model);
  return match;
}

}  // namespace

Route read_route(const Node& node, std::size_t index, const Environment& environment, Report& report) {
  const std::string path = "routes[" + std::to_string(index) + "]";
  Route route;
  route.name = "route-" + std::to_string(index + 1);
  route.position = node.position;
  read(node, "name", route.name);
  route.named = node.find("name") != nullptr;
  read(node, "service", route.service);
  if (const Node* const match = node.find("match")) route.match = read_match(*match);
  read_action(node, route);
  route.addresses = read_address_rules(node, path, report);
  route.api_keys = read_api_keys(node, path, environment, report);
  route.rate_limit = read_rate_limit(node);
  route.timeouts = read_timeouts(node);
  route.limits = read_limits(node);
  const std::string* const half_close = scalar(node, "onClientHalfClose");
  if (half_close != nullptr && *half_close == "finish") route.on_client_half_close = OnClientHalfClose::kFinish;
  read_word(node, "inspect", kInspectWords, route.inspect);
  read_word(node, "includeUsage", kIncludeUsageWords, route.include_usage);
  read_word(node, "streamHead", kStreamHeadWords, route.stream_head);
  return route;
}

}  // namespace weir::config
