// Immutable once loaded. The plan file (PRODUCT.md section 2) as values: what a user wrote, with defaults filled in.
// Names here are the YAML's, in snake_case. Durations are milliseconds, sizes bytes, shares parts per million.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/access_log.h"
#include "config/dns.h"
#include "config/limits.h"
#include "config/listener.h"
#include "config/network.h"
#include "config/paths.h"
#include "config/retry.h"
#include "config/rollout.h"
#include "config/route.h"
#include "config/secret.h"
#include "config/service.h"
#include "config/tracing.h"

namespace weir::config {

struct Admin {
  // Of a token, in bytes: what is shorter can be tried out.
  static constexpr std::size_t kLeastToken = 16;

  std::string address = "127.0.0.1:9901";
  std::optional<Secret> token;  // required when the address is not loopback
};

struct State {
  std::string path = "./weir.db";
  std::uint64_t records = std::uint64_t{1} << 30;  // bytes of decision records; 0: none are kept
};

// What people and judges think of answers: where they may say it, and what is kept of requests so that it finds its own.
struct Feedback {
  std::uint64_t memory = std::uint64_t{256} << 20;  // bytes
  std::uint32_t sample_ppm = 1'000'000;             // of the requests that may be scored
  std::string address = {};                         // of a listener that takes scores alone; empty: there is none
  std::optional<Secret> token = {};                 // required when the address is not loopback
};

struct Config {
  Preset preset = Preset::kEdge;
  std::uint32_t workers = 0;   // 0: one per core
  bool version_header = true;  // x-weir-version on replies
  bool via = true;             // Via on requests
  bool forwarded = false;      // Forwarded on requests
  Tracing tracing;
  std::optional<AccessLog> access_log;
  std::vector<Listener> listeners;
  Admin admin;
  State state;
  Feedback feedback;
  Dns dns;
  TimeoutOverrides timeouts;
  LimitOverrides limits;
  // Unset: an edge believes nobody; a sidecar passes on what anybody says, and takes no client's address from it.
  std::optional<TrustedHops> trusted_hops;
  RetryOverrides retries;
  PathPolicy paths;  // what listeners begin with
  std::map<std::string, Service> services;
  std::vector<Route> routes;
  std::map<std::string, Rollout> rollouts;  // by service name
};

}  // namespace weir::config
