#include "config/load/read.h"

#include "config/load/values.h"

namespace weir::config {
namespace {

std::optional<std::uint32_t> count_of(const Node& node, std::string_view key) {
  const std::string* const text = scalar(node, key);
  if (text != nullptr && *text == "none") return kNoCount;
  std::uint32_t value = 0;
  read_count(node, key, value);
  return value == 0 ? std::nullopt : std::optional(value);
}

}  // namespace

TimeoutOverrides read_timeouts(const Node& node) {
  TimeoutOverrides timeouts;
  const Node* const map = node.find("timeouts");
  if (map == nullptr) return timeouts;
  for (const TimeoutKey& key : kTimeoutKeys) timeouts.*key.given = duration_of(*map, key.name);
  return timeouts;
}

LimitOverrides read_limits(const Node& node) {
  LimitOverrides limits;
  const Node* const map = node.find("limits");
  if (map == nullptr) return limits;
  for (const SizeKey& key : kSizeKeys) limits.*key.given = size_of(*map, key.name);
  for (const CountKey& key : kCountKeys) limits.*key.given = count_of(*map, key.name);
  return limits;
}

}  // namespace weir::config
