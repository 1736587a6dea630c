#include "config/write/write_plan.h"

#include <utility>

#include "config/write/writing.h"

namespace weir::config {
namespace {

std::string_view word_of(SlashPolicy policy) {
  switch (policy) {
    case SlashPolicy::kKeep:
      break;
    case SlashPolicy::kReject:
      return "reject";
    case SlashPolicy::kMerge:
      return "merge";
  }
  return "keep";
}

json::Object write_paths(const PathPolicy& paths) {
  return {{"doubleSlash", word_of(paths.double_slash)}, {"encodedSlash", word_of(paths.encoded_slash)}};
}

json::Array write_trusted_hops(const TrustedHops& hops) {
  json::Array list = write_networks(hops.networks);
  if (hops.unix_sockets) list.emplace_back("unix");
  if (list.empty()) list.emplace_back("none");
  return list;
}

json::Object write_access_log(const AccessLog& log) {
  json::Object section{{"path", log.path}, {"format", format_log_format(log.format)}};
  json::Array headers;
  for (const LogPart& part : log.format.parts) {
    if (log.format.json && part.field == LogField::kHeader) headers.emplace_back(part.header);
  }
  set_list(section, "headers", std::move(headers));
  set_list(section, "redact", write_texts(log.redact));
  return section.set("sample", format_percent(log.sample_ppm));
}

json::Object write_certificate(const Certificate& certificate) {
  json::Object section{{"certificate", certificate.certificate}, {"key", certificate.key}};
  set_text(section, "ocsp", certificate.ocsp);
  return section;
}

json::Object write_listener_tls(const ListenerTls& tls) {
  json::Array certificates;
  for (const Certificate& certificate : tls.certificates) certificates.push_back(write_certificate(certificate));
  json::Object section{{"certificates", std::move(certificates)},
                       {"minVersion", tls.min_version == TlsVersion::k13 ? "1.3" : "1.2"}};
  if (tls.clients) {
    section.set("clientCertificates", json::Object{{"ca", tls.clients->ca}, {"require", tls.clients->require}});
  }
  return section;
}

json::Object write_dns(const Dns& dns) {
  json::Object section;
  set_list(section, "servers", write_texts(dns.servers));
  const bool both = dns.family == Dns::Family::kBoth;
  section.set("family", both ? "both" : dns.family == Dns::Family::kIpv4 ? "ipv4" : "ipv6");
  return section.set("minTtl", format_duration(dns.min_ttl)).set("maxTtl", format_duration(dns.max_ttl));
}

json::Object write_listener(const Listener& listener) {
  json::Object section{{"address", listener.address}};
  set_section(section, "timeouts", write_timeouts(listener.timeouts));
  set_section(section, "limits", write_limits(listener.limits));
  set_section(section, "retries", write_retries(listener.retries));
  section.set("paths", write_paths(listener.paths));
  section.set("proxyProtocol", listener.proxy_protocol);
  if (listener.trusted_hops) section.set("trustedHops", write_trusted_hops(*listener.trusted_hops));
  write_address_rules(section, listener.addresses);
  if (listener.tls) section.set("tls", write_listener_tls(*listener.tls));
  return section;
}

// What holds for all that says nothing else.
void write_margin(json::Object& plan, const Config& config) {
  Timeouts timeouts = preset_timeouts(config.preset);
  apply(timeouts, config.timeouts);
  plan.set("timeouts", write_timeouts(timeouts));
  Limits limits = preset_limits(config.preset);
  apply(limits, config.limits);
  plan.set("limits", write_limits(limits));
  Retries retries;
  apply(retries, config.retries);
  plan.set("retries", write_retries(retries));
  plan.set("paths", write_paths(config.paths));
  if (config.trusted_hops) plan.set("trustedHops", write_trusted_hops(*config.trusted_hops));
}

}  // namespace

json::Object write_plan(const Config& config, const Redaction& redaction) {
  json::Object plan{{"preset", config.preset == Preset::kSidecar ? "sidecar" : "edge"}};
  if (config.workers != 0) plan.set("workers", config.workers);
  plan.set("versionHeader", config.version_header).set("via", config.via).set("forwarded", config.forwarded);
  plan.set("tracing",
           json::Object{{"begin", config.tracing.begin}, {"sampled", format_percent(config.tracing.sampled_ppm)}});
  if (config.access_log) plan.set("accessLog", write_access_log(*config.access_log));
  json::Array listeners;
  for (const Listener& listener : config.listeners) listeners.push_back(write_listener(listener));
  plan.set("listeners", std::move(listeners));
  json::Object admin{{"address", config.admin.address}};
  if (config.admin.token) admin.set("token", write_secret(*config.admin.token));
  plan.set("admin", std::move(admin));
  plan.set("state", json::Object{{"path", config.state.path}, {"records", format_size(config.state.records)}});
  json::Object feedback{{"memory", format_size(config.feedback.memory)},
                        {"sample", format_percent(config.feedback.sample_ppm)}};
  if (!config.feedback.address.empty()) feedback.set("address", config.feedback.address);
  if (config.feedback.token) feedback.set("token", write_secret(*config.feedback.token));
  plan.set("feedback", std::move(feedback));
  plan.set("dns", write_dns(config.dns));
  write_margin(plan, config);
  json::Object services;
  for (const auto& [name, service] : config.services) services.set(name, write_service(service, redaction));
  plan.set("services", std::move(services));
  json::Array routes;
  for (const Route& route : config.routes) routes.push_back(write_route(route, redaction));
  plan.set("routes", std::move(routes));
  json::Object rollouts;
  for (const auto& [name, rollout] : config.rollouts) rollouts.set(name, write_rollout(rollout, redaction));
  set_section(plan, "rollouts", std::move(rollouts));
  return plan;
}

void set_text(json::Object& into, std::string_view key, std::string_view text) {
  if (!text.empty()) into.set(key, text);
}

void set_list(json::Object& into, std::string_view key, json::Array list) {
  if (!list.empty()) into.set(key, std::move(list));
}

void set_section(json::Object& into, std::string_view key, json::Object section) {
  if (!section.empty()) into.set(key, std::move(section));
}

json::Array write_texts(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

json::Array write_networks(const std::vector<Cidr>& networks) {
  json::Array list;
  for (const Cidr& network : networks) list.emplace_back(network.text);
  return list;
}

json::Value write_secret(const Secret& secret) {
  return secret.env.empty() ? json::Object{{"file", secret.file}} : json::Object{{"env", secret.env}};
}

void write_address_rules(json::Object& into, const AddressRules& rules) {
  set_list(into, "allow", write_networks(rules.allow));
  set_list(into, "deny", write_networks(rules.deny));
}

}  // namespace weir::config
