// Immutable once loaded. Which requests go where.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/pattern.h"
#include "config/access.h"
#include "config/inspect.h"
#include "config/limits.h"
#include "config/position.h"
#include "config/rate_limit.h"
#include "config/retry.h"
#include "config/route_action.h"

namespace weir::config {

// At most one of the others than `name` is given; with none of them any value will do.
struct ValueMatch {
  std::string name = {};  // of a header in lower case; of what is one alone: empty
  std::optional<std::string> exact = {};
  std::optional<std::string> prefix = {};
  std::optional<Pattern> regex = {};
  bool absent = false;  // there must be none
};

struct RouteMatch {
  std::string host = {};  // lower case, no port; empty: any; "*.": one label or more before the rest
  std::optional<std::string> path_prefix = {};
  std::optional<std::string> path_exact = {};
  std::optional<Pattern> path_regex = {};  // of the whole path
  std::vector<std::string> methods = {};   // empty: any
  // All must match: of a header any of its fields, of a parameter or a cookie the first one of the name.
  std::vector<ValueMatch> headers = {};
  std::vector<ValueMatch> query = {};  // percent-decoded
  std::vector<ValueMatch> cookies = {};
  std::optional<ValueMatch> model = {};  // that the JSON of the body asks for
};

struct Route {
  std::string name;    // default: "route-<n>", n from 1
  bool named = false;  // by the plan
  RouteMatch match;
  // One of these three is given: where the requests go, or how the weir answers them.
  std::string service;
  std::optional<Redirect> redirect = {};
  std::optional<Respond> respond = {};
  std::optional<Rewrite> rewrite = {};
  AddressRules addresses = {};  // of clients
  ApiKeys api_keys = {};
  std::optional<RateLimit> rate_limit = {};
  HeaderEdits request_headers = {};
  HeaderEdits response_headers = {};
  TimeoutOverrides timeouts;
  LimitOverrides limits;
  RetryOverrides retries = {};
  OnClientHalfClose on_client_half_close = OnClientHalfClose::kCancel;
  Inspect inspect = Inspect::kOff;
  IncludeUsage include_usage = IncludeUsage::kAuto;
  StreamHead stream_head = StreamHead::kAtOnce;
  Position position;
};

}  // namespace weir::config
