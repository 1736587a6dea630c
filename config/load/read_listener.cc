#include "config/load/read.h"

#include "config/address.h"
#include "config/load/networks.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

void read_slashes(const Node& node, std::string_view key, SlashPolicy& into) {
  const std::string* const word = scalar(node, key);
  if (word == nullptr) return;
  into = *word == "merge" ? SlashPolicy::kMerge : *word == "reject" ? SlashPolicy::kReject : SlashPolicy::kKeep;
}

}  // namespace

PathPolicy read_paths(const Node& node, PathPolicy around) {
  const Node* const map = node.find("paths");
  if (map == nullptr) return around;
  read_slashes(*map, "doubleSlash", around.double_slash);
  read_slashes(*map, "encodedSlash", around.encoded_slash);
  return around;
}

// In its one form: other words for the same address are no change.
void read_listen_address(const Node& node, std::string& into) {
  read(node, "address", into);
  if (const std::optional<HostPort> address = parse_listen_address(into)) into = to_string(*address);
}

Listener read_listener(const Node& node, std::size_t index, const PathPolicy& paths, Report& report) {
  Listener listener;
  read_listen_address(node, listener.address);
  listener.timeouts = read_timeouts(node);
  listener.limits = read_limits(node);
  listener.paths = read_paths(node, paths);
  read(node, "proxyProtocol", listener.proxy_protocol);
  const std::string path = "listeners[" + std::to_string(index) + "]";
  listener.trusted_hops = read_trusted_hops(node, path + ".trustedHops", report);
  listener.addresses = read_address_rules(node, path, report);
  listener.tls = read_listener_tls(node);
  return listener;
}

}  // namespace weir::config
