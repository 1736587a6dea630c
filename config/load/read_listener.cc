#include "config/load/read.h"

#include "config/address.h"
#include "config/load/values.h"

namespace weir::config {

// In its one form: other words for the same address are no change.
void read_listen_address(const Node& node, std::string& into) {
  read(node, "address", into);
  if (const std::optional<HostPort> address = parse_listen_address(into)) into = to_string(*address);
}

Listener read_listener(const Node& node) {
  Listener listener;
  read_listen_address(node, listener.address);
  listener.timeouts = read_timeouts(node);
  listener.limits = read_limits(node);
  return listener;
}

}  // namespace weir::config
