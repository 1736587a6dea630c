#include <charconv>
#include <cmath>
#include <string_view>

#include "base/ids.h"
#include "base/text.h"
#include "config/load/read.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

void read_share_ppm(const Node& node, std::string_view key, std::uint32_t& into) {
  const std::optional<double> share = share_of(node, key);
  if (share) into = static_cast<std::uint32_t>(std::lround(*share * kMillion));
}

// "200", or "200-399".
bool read_statuses(std::string_view text, HealthCheck& check) {
  const auto number = [](std::string_view digits) {
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool whole = error == std::errc() && end == digits.data() + digits.size() && digits.size() == 3;
    return whole && value >= 200 && value <= 599 ? value : 0;
  };
  const std::size_t dash = text.find('-');
  check.expect_least = number(text.substr(0, dash));
  check.expect_most = dash == std::string_view::npos ? check.expect_least : number(text.substr(dash + 1));
  return check.expect_least != 0 && check.expect_most >= check.expect_least;
}

// As a request line holds it: from / on, perhaps with a query.
bool is_target(std::string_view text) {
  return text.starts_with('/') && is_visible(text) && text.find('#') == std::string_view::npos;
}

}  // namespace

LoadBalancing read_load_balancing(const Node& node, const std::string& path, Report& report) {
  LoadBalancing balancing;
  const std::string* const policy = scalar(node, "policy");
  if (policy != nullptr && *policy == "roundRobin") balancing.policy = LoadBalancing::Policy::kRoundRobin;
  if (policy != nullptr && *policy == "hash") balancing.policy = LoadBalancing::Policy::kHash;
  balancing.by = read_stickiness(node).by;
  read_share_ppm(node, "maxLoad", balancing.max_load_ppm);
  balancing.slow_start = duration_of(node, "slowStart").value_or(balancing.slow_start);
  const bool hash = balancing.policy == LoadBalancing::Policy::kHash;
  if (hash && node.find("by") == nullptr) {
    report.error(node.position, path + ": hash needs something to choose by", "by: [ { header: NAME } ]");
  }
  for (const char* key : {"by", "maxLoad"}) {
    const Node* const given = node.find(key);
    if (!hash && given != nullptr) {
      report.error(given->position, path + "." + key + " is for the policy hash alone", "policy: hash");
    }
  }
  return balancing;
}

Outlier read_outlier(const Node& node, const std::string& path, Report& report) {
  Outlier outlier;
  outlier.enabled = node.type != Node::Type::kScalar;
  read_count(node, "consecutiveFailures", outlier.consecutive_failures);
  outlier.ejection = duration_of(node, "ejection").value_or(outlier.ejection);
  outlier.max_ejection = duration_of(node, "maxEjection").value_or(outlier.max_ejection);
  read_share_ppm(node, "maxEjected", outlier.max_ejected_ppm);
  if (outlier.ejection > outlier.max_ejection) {
    report.error(node.position, path + ": ejection is longer than maxEjection", "ejection <= maxEjection");
  }
  return outlier;
}

HealthCheck read_health_check(const Node& node, const std::string& path, Report& report) {
  HealthCheck check;
  const std::string* const type = scalar(node, "type");
  if (type != nullptr && *type == "tcp") check.type = HealthCheck::Type::kTcp;
  read(node, "path", check.path);
  read(node, "host", check.host);
  check.interval = duration_of(node, "interval").value_or(check.interval);
  check.timeout = duration_of(node, "timeout").value_or(check.timeout);
  read_share_ppm(node, "jitter", check.jitter_ppm);
  read_count(node, "fall", check.fall);
  read_count(node, "rise", check.rise);
  const std::string* const expect = scalar(node, "expect");
  if (expect != nullptr && !read_statuses(*expect, check)) {
    report.error(node.find("expect")->position, path + ".expect: \"" + *expect + "\"",
                 "a status or a range of them from 200 to 599, such as 200-399");
  }
  if (!is_target(check.path)) {
    report.error(node.find("path")->position, path + ".path: \"" + check.path + "\"",
                 "a path from / on, percent-encoded where it must be");
  }
  for (const char* key : {"path", "host", "expect"}) {
    const Node* const given = node.find(key);
    if (check.type == HealthCheck::Type::kTcp && given != nullptr) {
      report.error(given->position, path + "." + key + " is for the type http alone", "type: http");
    }
  }
  if (check.timeout > check.interval) {
    report.error(node.position, path + ": timeout is longer than interval", "timeout <= interval");
  }
  return check;
}

}  // namespace weir::config
