#include "config/write/writing.h"

namespace weir::config {
namespace {

json::Object write_value(const ValueMatch& rule, const Redaction& redaction) {
  json::Object section;
  set_text(section, "name", rule.name);
  if (rule.exact) section.set("exact", shown(rule.name, *rule.exact, redaction));
  if (rule.prefix) section.set("prefix", shown(rule.name, *rule.prefix, redaction));
  if (rule.regex) section.set("regex", shown(rule.name, rule.regex->text(), redaction));
  if (rule.absent) section.set("absent", true);
  return section;
}

json::Array write_values(const std::vector<ValueMatch>& rules, const Redaction& redaction) {
  json::Array list;
  for (const ValueMatch& rule : rules) list.emplace_back(write_value(rule, redaction));
  return list;
}

json::Object write_match(const RouteMatch& match, const Redaction& redaction) {
  json::Object section;
  set_text(section, "host", match.host);
  if (match.path_prefix) section.set("pathPrefix", *match.path_prefix);
  if (match.path_exact) section.set("pathExact", *match.path_exact);
  if (match.path_regex) section.set("pathRegex", match.path_regex->text());
  set_list(section, "method", write_texts(match.methods));
  set_list(section, "headers", write_values(match.headers, redaction));
  set_list(section, "query", write_values(match.query, redaction));
  set_list(section, "cookies", write_values(match.cookies, redaction));
  if (match.model) section.set("model", write_value(*match.model, redaction));
  return section;
}

json::Object write_redirect(const Redirect& redirect) {
  json::Object section{{"status", redirect.status}};
  set_text(section, "scheme", redirect.scheme);
  set_text(section, "host", redirect.host);
  if (redirect.port != 0) section.set("port", redirect.port);
  if (redirect.path) section.set("path", *redirect.path);
  if (redirect.prefix) section.set("prefix", *redirect.prefix);
  return section;
}

json::Object write_respond(const Respond& respond) {
  return {{"status", respond.status}, {"body", respond.body}, {"contentType", respond.content_type}};
}

json::Object write_rewrite(const Rewrite& rewrite) {
  json::Object section;
  if (rewrite.prefix) section.set("prefix", *rewrite.prefix);
  set_text(section, "host", rewrite.host);
  return section;
}

json::Object write_fields(const std::vector<std::pair<std::string, std::string>>& fields, const Redaction& redaction) {
  json::Object section;
  for (const auto& [name, value] : fields) section.set(name, shown(name, value, redaction));
  return section;
}

json::Object write_edits(const HeaderEdits& edits, const Redaction& redaction) {
  json::Object section;
  set_section(section, "set", write_fields(edits.set, redaction));
  set_section(section, "add", write_fields(edits.add, redaction));
  set_list(section, "remove", write_texts(edits.remove));
  return section;
}

json::Object write_api_keys(const ApiKeys& keys) {
  json::Array list;
  for (const ApiKey& key : keys.keys) list.push_back(json::Object{{"name", key.name}, {"key", write_secret(key.key)}});
  return {{"header", keys.header}, {"keys", std::move(list)}, {"forward", keys.forward}};
}

json::Value write_by(const RateLimit& limit) {
  switch (limit.by) {
    case RateLimit::By::kRoute:
      break;
    case RateLimit::By::kClientAddress:
      return "clientAddress";
    case RateLimit::By::kApiKey:
      return "apiKey";
    case RateLimit::By::kHeader:
      return json::Object{{"header", limit.header}};
  }
  return "route";
}

json::Object write_rate_limit(const RateLimit& limit) {
  return {{"requests", limit.requests},
          {"per", format_duration(limit.per)},
          {"burst", limit.burst},
          {"by", write_by(limit)}};
}

}  // namespace

json::Object write_route(const Route& route, const Redaction& redaction) {
  json::Object section{{"name", route.name}, {"match", write_match(route.match, redaction)}};
  set_text(section, "service", route.service);
  if (route.redirect) section.set("redirect", write_redirect(*route.redirect));
  if (route.respond) section.set("respond", write_respond(*route.respond));
  write_address_rules(section, route.addresses);
  if (!route.api_keys.keys.empty()) section.set("apiKeys", write_api_keys(route.api_keys));
  if (route.rate_limit) section.set("rateLimit", write_rate_limit(*route.rate_limit));
  if (route.rewrite) section.set("rewrite", write_rewrite(*route.rewrite));
  set_section(section, "requestHeaders", write_edits(route.request_headers, redaction));
  set_section(section, "responseHeaders", write_edits(route.response_headers, redaction));
  set_section(section, "timeouts", write_timeouts(route.timeouts));
  set_section(section, "limits", write_limits(route.limits));
  set_section(section, "retries", write_retries(route.retries));
  const bool cancels = route.on_client_half_close == OnClientHalfClose::kCancel;
  section.set("onClientHalfClose", cancels ? "cancel" : "finish");
  // What answers by itself has no service whose answers to look into.
  if (!route.service.empty()) {
    section.set("inspect", kInspectWords[static_cast<std::size_t>(route.inspect)]);
    section.set("includeUsage", kIncludeUsageWords[static_cast<std::size_t>(route.include_usage)]);
    section.set("streamHead", kStreamHeadWords[static_cast<std::size_t>(route.stream_head)]);
  }
  return section;
}

}  // namespace weir::config
