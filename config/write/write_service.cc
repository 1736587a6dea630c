#include "config/write/writing.h"

namespace weir::config {
namespace {

json::Object write_origin_tls(const OriginTls& tls) {
  json::Object section;
  set_text(section, "ca", tls.ca);
  set_text(section, "certificate", tls.certificate);
  set_text(section, "key", tls.key);
  set_text(section, "serverName", tls.server_name);
  return section.set("insecureSkipVerify", tls.insecure_skip_verify);
}

std::string_view word_of(LoadBalancing::Policy policy) {
  switch (policy) {
    case LoadBalancing::Policy::kLeastRequest:
      break;
    case LoadBalancing::Policy::kRoundRobin:
      return "roundRobin";
    case LoadBalancing::Policy::kHash:
      return "hash";
  }
  return "leastRequest";
}

json::Object write_load_balancing(const LoadBalancing& balancing) {
  json::Object section{{"policy", word_of(balancing.policy)}};
  if (balancing.policy == LoadBalancing::Policy::kHash) {
    section.set("by", write_key_sources(balancing.by));
    section.set("maxLoad", format_percent(balancing.max_load_ppm));
  }
  return section.set("slowStart", format_duration(balancing.slow_start));
}

json::Value write_outlier(const Outlier& outlier) {
  if (!outlier.enabled) return "off";
  return json::Object{{"consecutiveFailures", outlier.consecutive_failures},
                      {"ejection", format_duration(outlier.ejection)},
                      {"maxEjection", format_duration(outlier.max_ejection)},
                      {"maxEjected", format_percent(outlier.max_ejected_ppm)}};
}

std::string write_statuses(const HealthCheck& check) {
  const std::string least = std::to_string(check.expect_least);
  return check.expect_least == check.expect_most ? least : least + "-" + std::to_string(check.expect_most);
}

json::Object write_health_check(const HealthCheck& check, const Redaction& redaction) {
  const bool http = check.type == HealthCheck::Type::kHttp;
  json::Object section{{"type", http ? "http" : "tcp"}};
  if (http) {
    section.set("path", redaction.url(check.path));
    set_text(section, "host", check.host);
    section.set("expect", write_statuses(check));
  }
  return section.set("interval", format_duration(check.interval))
      .set("timeout", format_duration(check.timeout))
      .set("jitter", format_percent(check.jitter_ppm))
      .set("fall", check.fall)
      .set("rise", check.rise);
}

json::Object write_version(const Version& version, const Redaction& redaction) {
  json::Array endpoints;
  bool secure = false;
  for (const Endpoint& endpoint : version.endpoints) {
    endpoints.emplace_back(endpoint.url);
    secure = secure || endpoint.tls;
  }
  json::Object section{{"endpoints", std::move(endpoints)}};
  if (secure || version.tls != OriginTls()) section.set("tls", write_origin_tls(version.tls));
  section.set("loadBalancing", write_load_balancing(version.load_balancing));
  section.set("outlier", write_outlier(version.outlier));
  if (version.health_check) section.set("healthCheck", write_health_check(*version.health_check, redaction));
  set_section(section, "limits", write_limits(version.limits));
  if (const auto& prices = version.prices) {
    section.set("prices",
                json::Object{{"input", prices->input}, {"output", prices->output}, {"cached", prices->cached}});
  }
  set_text(section, "model", version.model);
  set_text(section, "modelPath", version.model_path);
  return section;
}

}  // namespace

json::Object write_service(const Service& service, const Redaction& redaction) {
  json::Object versions;
  for (const auto& [name, version] : service.versions) versions.set(name, write_version(version, redaction));
  json::Object section{{"versions", std::move(versions)}};
  json::Object weights;
  for (const auto& [name, weight_ppm] : service.weights_ppm) weights.set(name, format_percent(weight_ppm));
  set_section(section, "weights", std::move(weights));
  set_section(section, "stickiness", write_stickiness(service.stickiness));
  if (service.created_ids) {
    section.set("createdIds", json::Object{{"expiry", format_duration(service.created_ids->expiry)},
                                           {"memory", format_size(service.created_ids->memory)}});
  } else {
    section.set("createdIds", "off");
  }
  if (service.traffic) {
    section.set("traffic", json::Object{{"requestsPerSecond", service.traffic->requests_per_second},
                                        {"errors", format_share(service.traffic->errors.value_or(kAssumedErrors))},
                                        {"p50", format_duration(service.traffic->p50.value_or(kAssumedP50))}});
  }
  return section;
}

json::Array write_key_sources(const std::vector<KeySource>& sources) {
  json::Array list;
  for (const KeySource& source : sources) {
    json::Object section;
    set_text(section, "header", source.header);
    set_text(section, "cookie", source.cookie);
    set_text(section, "query", source.query);
    if (source.api_key) section.set("apiKey", true);
    if (source.client_address) section.set("clientAddress", true);
    if (source.body) section.set("body", kBodyTextNames[static_cast<std::size_t>(*source.body)]);
    list.emplace_back(std::move(section));
  }
  return list;
}

json::Object write_stickiness(const Stickiness& stickiness) {
  if (stickiness.scope == Scope::kRequest) return json::Object{{"scope", "request"}};
  if (stickiness.by.empty()) return {};
  json::Object section{{"by", write_key_sources(stickiness.by)}};
  if (stickiness.scope == Scope::kUser) return section.set("scope", "user");
  return section.set("scope", "session")
      .set("expiry", format_duration(stickiness.expiry))
      .set("memory", format_size(stickiness.memory));
}

}  // namespace weir::config
