#include "config/diff.h"

namespace weir::config {

std::vector<std::string> needs_restart(const Config& running, const Config& next) {
  std::vector<std::string> keys;
  if (running.workers != next.workers) keys.emplace_back("workers");
  if (running.state.path != next.state.path) keys.emplace_back("state.path");
  if (running.admin.address != next.admin.address) keys.emplace_back("admin.address");
  return keys;
}

}  // namespace weir::config
