// Immutable once loaded. A service, its versions and where they run.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/balancing.h"
#include "config/limits.h"
#include "config/rollout.h"
#include "config/tls.h"

namespace weir::config {

struct Endpoint {
  std::string url;   // as written: http://host:port, https://host:port or unix:/path
  std::string host;  // without brackets; empty for a Unix socket
  std::uint16_t port = 80;
  std::string unix_path = {};  // of a Unix socket; else empty
  bool tls = false;            // https
};

// Of a million tokens, in the plan's currency, whichever that is.
struct Prices {
  double input = 0;
  double output = 0;
  double cached = 0;  // of those in, from a cache

  struct Tokens {
    std::uint64_t in = 0;  // those from a cache included
    std::uint64_t cached = 0;
    std::uint64_t out = 0;
  };
  // Millionths of the currency, rounded.
  std::uint64_t cost_micros(const Tokens& tokens) const {
    const std::uint64_t cached_in = std::min(tokens.cached, tokens.in);
    const double micros = input * static_cast<double>(tokens.in - cached_in) + cached * static_cast<double>(cached_in) +
                          output * static_cast<double>(tokens.out);
    return static_cast<std::uint64_t>(std::llround(std::min(micros, 1e18)));
  }
  bool operator==(const Prices&) const = default;
};

struct Version {
  std::vector<Endpoint> endpoints;
  OriginTls tls = {};  // of the endpoints that are https
  LoadBalancing load_balancing;
  Outlier outlier;
  std::optional<HealthCheck> health_check;
  std::optional<Prices> prices = {};
  LimitOverrides limits = {};  // those that bound what it is sent; unset: the file's
  std::string model = {};      // what it is asked for, whatever the client calls it; empty: as the client does
  std::string model_path = {};  // the same of requests whose path says it; with a version of it or without
};

// What a service is expected to get, for forecasts of its rollouts alone.
inline constexpr double kAssumedErrors = 0.001;
inline constexpr Duration kAssumedP50{100};
struct ExpectedTraffic {
  double requests_per_second = 0;
  std::optional<double> errors;  // share; what nobody names is assumed
  std::optional<Duration> p50;
  bool operator==(const ExpectedTraffic&) const = default;
};

// Which version has made what requests name by its id.
struct CreatedIds {
  Duration expiry{7 * 86'400'000};        // since it was last asked for
  std::uint64_t memory = 8 * 1024 * 1024;  // bytes, of the process
};

struct Service {
  std::map<std::string, Version> versions;
  // Static sticky split, summing to kMillion; empty when the service has one version or a rollout.
  std::map<std::string, std::uint32_t> weights_ppm;
  Stickiness stickiness;  // of the static split
  std::optional<ExpectedTraffic> traffic;
  std::optional<CreatedIds> created_ids = CreatedIds();  // unset: nobody remembers
};

}  // namespace weir::config
