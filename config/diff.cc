#include "config/diff.h"

#include <filesystem>
#include <system_error>

namespace weir::config {
namespace {

// From the root, without detours; as it stands when there is no working directory any more.
std::filesystem::path whole(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(path, failed);
  return (failed ? std::filesystem::path(path) : absolute).lexically_normal();
}

}  // namespace

std::vector<std::string> needs_restart(const Config& running, const Config& next) {
  std::vector<std::string> keys;
  if (running.workers != next.workers) keys.emplace_back("workers");
  if (whole(running.state.path) != whole(next.state.path)) keys.emplace_back("state.path");
  if (running.state.records != next.state.records) keys.emplace_back("state.records");
  if (running.feedback.memory != next.feedback.memory) keys.emplace_back("feedback.memory");
  if (running.feedback.address != next.feedback.address) keys.emplace_back("feedback.address");
  if (running.admin.address != next.admin.address) keys.emplace_back("admin.address");
  return keys;
}

}  // namespace weir::config
