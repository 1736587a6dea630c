#include "config/load/endpoint_consistency.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "config/address.h"
#include "config/load/places.h"

namespace weir::config {
namespace {

// Where it is, however it was written.
std::string where(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return "unix:" + endpoint.unix_path;
  return (endpoint.tls ? "https://" : "http://") + to_string(HostPort{lower_case(endpoint.host), endpoint.port});
}

// One of 0.0.0.0, of [::] or of the same address takes what is sent there.
bool listens_at(const std::string& address, const Endpoint& endpoint) {
  if (const std::optional<std::string> path = parse_unix_path(address)) return *path == endpoint.unix_path;
  const std::optional<HostPort> at = parse_listen_address(address);
  if (!at || !endpoint.unix_path.empty() || at->port == 0 || at->port != endpoint.port) return false;
  const std::string host = lower_case(endpoint.host);
  if (host == at->host || (host == "localhost" && at->host == "127.0.0.1")) return true;
  const bool v6 = host.find(':') != std::string::npos;
  return is_loopback_host(host) && at->host == (v6 ? "::" : "0.0.0.0");
}

class Checker {
 public:
  Checker(const Config& config, const Node& root, Report& report) : config_(config), root_(root), report_(report) {}

  void check() {
    for (const auto& [service, versions] : config_.services) {
      for (const auto& [name, version] : versions.versions) check_version(service, name, version);
    }
    for (const auto& [service, rollout] : config_.rollouts) check_rollout(service, rollout);
  }

 private:
  void check_version(const std::string& service, const std::string& name, const Version& version) {
    const std::string path = "services." + service + ".versions." + name + ".endpoints";
    const Node* const list = find(root_, {"services", service, "versions", name, "endpoints"});
    // Of those that could not be read the places are not known.
    if (list == nullptr || list->list.size() != version.endpoints.size()) return;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < version.endpoints.size(); ++i) {
      const Endpoint& endpoint = version.endpoints[i];
      const Position& position = list->list[i].position;
      if (!seen.insert(where(endpoint)).second) {
        report_.warn(position, path + ": " + endpoint.url + " stands there twice, and takes two shares of the requests",
                     "each once");
      }
      check_not_ours(endpoint, position, path);
    }
  }

  void check_not_ours(const Endpoint& endpoint, const Position& position, const std::string& path) {
    const auto& listeners = config_.listeners;
    const auto at = std::find_if(listeners.begin(), listeners.end(),
                                 [&](const Listener& listener) { return listens_at(listener.address, endpoint); });
    if (at == listeners.end()) return;
    report_.warn(position,
                 path + ": " + endpoint.url + " is listeners[" + std::to_string(at - listeners.begin()) +
                     "] of this plan: what is sent there comes back here",
                 "the address of the service itself");
  }

  // What is told of one arm is then told of the other.
  void check_rollout(const std::string& service, const Rollout& rollout) {
    const auto known = config_.services.find(service);
    if (rollout.baseline == rollout.candidate || known == config_.services.end()) return;
    const auto baseline = known->second.versions.find(rollout.baseline);
    const auto candidate = known->second.versions.find(rollout.candidate);
    if (baseline == known->second.versions.end() || candidate == known->second.versions.end()) return;
    // One server with two models, or two versions of one.
    if (baseline->second.model != candidate->second.model) return;
    if (baseline->second.model_path != candidate->second.model_path) return;
    std::set<std::string> seen;
    for (const Endpoint& endpoint : baseline->second.endpoints) seen.insert(where(endpoint));
    for (const Endpoint& endpoint : candidate->second.endpoints) {
      if (!seen.contains(where(endpoint))) continue;
      report_.warn(place(root_, {"services", service, "versions", rollout.candidate, "endpoints"}),
                   "rollouts." + service + ": " + rollout.baseline + " and " + rollout.candidate + " are both at " +
                       endpoint.url + ", so that whatever it does is done by both",
                   "endpoints of their own, or strategy: aa to compare one version with itself");
      return;
    }
  }

  const Config& config_;
  const Node& root_;
  Report& report_;
};

}  // namespace

void check_endpoints(const Config& config, const Node& root, Report& report) { Checker(config, root, report).check(); }

}  // namespace weir::config
