#include <charconv>

#include "config/load/read.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

std::optional<bool> flag_of(const Node& node, std::string_view key) {
  const std::string* const text = scalar(node, key);
  return text == nullptr ? std::nullopt : std::optional(*text == "true");
}

std::optional<std::uint32_t> number_of(const Node& node, std::string_view key) {
  if (scalar(node, key) == nullptr) return std::nullopt;
  std::uint32_t value = 0;
  read_count(node, key, value);
  return value;
}

std::optional<StatusSet> statuses_of(const Node& node, const std::string& path, Report& report) {
  const Node* const list = node.find("onStatus");
  if (list == nullptr) return std::nullopt;
  StatusSet statuses;
  for (const Node& element : list->list) {
    const std::string& text = element.scalar;
    int status = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
    const bool number = error == std::errc() && end == text.data() + text.size();
    if (number && status >= StatusSet::kFirst && status <= StatusSet::kLast) {
      statuses.add(status);
    } else {
      report.error(element.position, path + ".onStatus: \"" + text + "\"", "a status from 500 to 599");
    }
  }
  return statuses;
}

SendAgainOverrides read_when(const Node& node, const std::string& path, Report& report) {
  SendAgainOverrides when;
  when.on_connect_failure = flag_of(node, "onConnectFailure");
  when.on_reset = flag_of(node, "onReset");
  when.on_timeout = flag_of(node, "onTimeout");
  when.on_status = statuses_of(node, path, report);
  when.non_idempotent = flag_of(node, "nonIdempotent");
  when.budget = share_of(node, "budget");
  when.min_concurrent = number_of(node, "minConcurrent");
  return when;
}

}  // namespace

RetryOverrides read_retries(const Node& node, const std::string& path, Report& report) {
  RetryOverrides retries;
  const Node* const map = node.find("retries");
  if (map == nullptr) return retries;
  retries.attempts = number_of(*map, "attempts");
  retries.body = size_of(*map, "body");
  retries.when = read_when(*map, path + "retries", report);
  return retries;
}

Rescue read_rescue(const Node& node, const std::string& path, Report& report) {
  Rescue rescue;
  const Node* const map = node.find("rescue");
  if (map == nullptr) return rescue;
  rescue.enabled = true;
  apply(rescue.when, read_when(*map, path + ".rescue", report));
  return rescue;
}

}  // namespace weir::config
