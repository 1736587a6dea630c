#include "app/capacity.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>

namespace weir::app {
namespace {

// For listeners, event loops, the state file, logs and the admin API's connections.
constexpr std::uint64_t kReserved = 256;
constexpr std::uint64_t kLeastMemory = 1024 * 1024;

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
  for (const auto& [name, service] : config.services) {
    for (const auto& [version_name, version] : service.versions)
      sum += version.limits.upstream_connections.value_or(limits.upstream_connections);
  }
  return sum;
}

// What each listener may have so that together they have `allowed`: who wants less than an even share leaves the rest
// to the others. At least 1.
std::uint64_t most_each(std::vector<std::uint64_t> wanted, std::uint64_t allowed) {
  std::sort(wanted.begin(), wanted.end());
  std::uint64_t left = allowed;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::uint64_t share = left / (wanted.size() - i);
    if (wanted[i] > share) return std::max<std::uint64_t>(1, share);
    left -= wanted[i];
  }
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

std::vector<std::string> fit_connections(config::Config& config, std::uint64_t descriptors) {
  std::vector<std::string> lowered;
  std::vector<std::uint64_t> wanted;
  for (const config::Listener& listener : config.listeners) wanted.push_back(connections_of(config, listener));
  const std::uint64_t free = descriptors > kReserved + 2 ? descriptors - kReserved : 2;
  const std::uint64_t upstream = upstream_connections(config);
  const std::uint64_t most = most_each(wanted, std::max(free / 2, free > upstream ? free - upstream : 0));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] <= most) continue;
    config::Listener& listener = config.listeners[i];
    listener.limits.connections = static_cast<std::uint32_t>(most);
    lowered.push_back(listener.address + ": " + std::to_string(most) + " connections instead of " +
                      std::to_string(wanted[i]) + ", for the process may open " + std::to_string(descriptors) +
                      " file descriptors (ulimit -n)");
  }
  return lowered;
}

void fit_memory(config::Config& config, std::uint64_t available) {
  if (!config.limits.memory) config.limits.memory = std::max(kLeastMemory, available / 2);
}

std::uint64_t available_memory() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  std::uint64_t bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  // Of version 2, as the process sees its own group from inside a container; "max" is no number.
  std::ifstream group("/sys/fs/cgroup/memory.max");
  if (std::uint64_t most = 0; group >> most) bytes = std::min(bytes, most);
  return bytes;
}

}  // namespace weir::app
