#include "config/load/read.h"

#include "base/text.h"
#include "config/load/networks.h"
#include "config/load/values.h"

namespace weir::config {

Secret read_secret(const Node& node, const std::string& path, const Environment& environment, Report& report) {
  Secret secret;
  read(node, "env", secret.env);
  read(node, "file", secret.file);
  if (secret.env.empty() && secret.file.empty()) return secret;  // complained of already
  const bool from_env = !secret.env.empty();
  const std::string place = path + ": the " + (from_env ? "environment variable " + secret.env : "file " + secret.file);
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

Config read_config(const Node& root, const Environment& environment, Report& report) {
  Config config;
  const std::string* const preset = scalar(root, "preset");
  if (preset != nullptr && *preset == "sidecar") config.preset = Preset::kSidecar;
  read_count(root, "workers", config.workers);
  read(root, "versionHeader", config.version_header);
  read(root, "via", config.via);
  read(root, "forwarded", config.forwarded);
  if (const Node* const tracing = root.find("tracing")) {
    read(*tracing, "begin", config.tracing.begin);
    config.tracing.sampled_ppm = percent_of(*tracing, "sampled").value_or(config.tracing.sampled_ppm);
  }
  if (const Node* const log = root.find("accessLog")) config.access_log = read_access_log(*log, report);
  config.timeouts = read_timeouts(root);
  config.limits = read_limits(root);
  config.trusted_hops = read_trusted_hops(root, "trustedHops", report);
  config.retries = read_retries(root, "", report);
  config.paths = read_paths(root, {});
  if (const Node* const listeners = root.find("listeners")) {
    for (std::size_t i = 0; i < listeners->list.size(); ++i) {
      const Node& element = listeners->list[i];
      config.listeners.push_back(read_listener(element, i, config.paths, report));
      config.listeners.back().retries = read_retries(element, "listeners[" + std::to_string(i) + "].", report);
    }
  }
  if (const Node* const admin = root.find("admin")) {
    read_listen_address(*admin, config.admin.address);
    if (const Node* const token = admin->find("token"))
      config.admin.token = read_secret(*token, "admin.token", environment, report);
  }
  if (const Node* const state = root.find("state")) {
    read(*state, "path", config.state.path);
    config.state.records = size_of(*state, "records").value_or(config.state.records);
  }
  if (const Node* const feedback = root.find("feedback")) {
    config.feedback.memory = size_of(*feedback, "memory").value_or(config.feedback.memory);
    config.feedback.sample_ppm = percent_of(*feedback, "sample").value_or(config.feedback.sample_ppm);
    read_listen_address(*feedback, config.feedback.address);
    if (const Node* const token = feedback->find("token"))
      config.feedback.token = read_secret(*token, "feedback.token", environment, report);
  }
  config.dns = read_dns(root, report);
  if (const Node* const services = root.find("services")) {
    for (const Node::Entry& entry : services->map) {
      config.services[entry.key] = read_service(entry.value, "services." + entry.key, report);
    }
  }
  if (const Node* const routes = root.find("routes")) {
    for (std::size_t i = 0; i < routes->list.size(); ++i) {
      const Node& element = routes->list[i];
      config.routes.push_back(read_route(element, i, environment, report));
      config.routes.back().retries = read_retries(element, "routes[" + std::to_string(i) + "].", report);
    }
  }
  if (const Node* const rollouts = root.find("rollouts")) {
    for (const Node::Entry& entry : rollouts->map)
      config.rollouts[entry.key] = read_rollout(entry.key, entry.value, environment, report);
  }
  return config;
}

}  // namespace weir::config
