#include "app/capacity.h"

#include <algorithm>
#include <optional>

namespace weir::app {
namespace {

// For listeners, event loops, the state file, logs and the admin API's connections.
constexpr std::uint64_t kReserved = 256;

std::uint32_t connections_of(const config::Config& config, const config::Listener& listener) {
  config::Limits limits = config::preset_limits(config.preset);
  config::apply(limits, config.limits);
  config::apply(limits, listener.limits);
  return limits.connections;
}

// What all versions together may have open at once.
std::uint64_t upstream_connections(const config::Config& config) {
  config::Limits limits = config::preset_limits(config.preset);
  config::apply(limits, config.limits);
  std::uint64_t sum = 0;
  for (const auto& [name, service] : config.services) sum += service.versions.size() * limits.upstream_connections;
  return sum;
}

}  // namespace

std::vector<std::string> fit_connections(config::Config& config, std::uint64_t descriptors) {
  std::vector<std::string> lowered;
  std::uint64_t wanted = 0;
  for (const config::Listener& listener : config.listeners) wanted += connections_of(config, listener);
  const std::uint64_t free = descriptors > kReserved + 2 ? descriptors - kReserved : 2;
  const std::uint64_t upstream = upstream_connections(config);
  const std::uint64_t allowed = std::max(free / 2, free > upstream ? free - upstream : 0);
  if (wanted <= allowed) return lowered;
  for (config::Listener& listener : config.listeners) {
    const std::uint64_t was = connections_of(config, listener);
    const std::uint64_t now = std::max<std::uint64_t>(1, was * allowed / wanted);
    listener.limits.connections = static_cast<std::uint32_t>(now);
    lowered.push_back(listener.address + ": " + std::to_string(now) + " connections instead of " + std::to_string(was) +
                      ", for the process may open " + std::to_string(descriptors) + " file descriptors (ulimit -n)");
  }
  return lowered;
}

}  // namespace weir::app
