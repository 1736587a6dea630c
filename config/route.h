// Immutable once loaded. Which requests go where.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/limits.h"
#include "config/position.h"

namespace weir::config {

struct HeaderMatch {
  std::string name;                  // lower case
  std::optional<std::string> exact;  // neither: present
  std::optional<std::string> prefix;
};

struct RouteMatch {
  std::string host;  // lower case, no port; empty: any
  std::optional<std::string> path_prefix;
  std::optional<std::string> path_exact;
  std::vector<std::string> methods;  // empty: any
  std::vector<HeaderMatch> headers;  // all must match
};

struct Route {
  std::string name;  // default: "route-<n>", n from 1
  RouteMatch match;
  std::string service;
  TimeoutOverrides timeouts;
  LimitOverrides limits;
  OnClientHalfClose on_client_half_close = OnClientHalfClose::kFinish;
  Position position;
};

}  // namespace weir::config
