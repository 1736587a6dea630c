// Immutable once loaded. A service, its versions and where they run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/balancing.h"
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

struct Version {
  std::vector<Endpoint> endpoints;
  OriginTls tls = {};  // of the endpoints that are https
  LoadBalancing load_balancing;
  Outlier outlier;
  std::optional<HealthCheck> health_check;
};

// What a service is expected to get, for forecasts of its rollouts alone.
struct ExpectedTraffic {
  double requests_per_second = 0;
  double errors = 0.001;  // share
  Duration p50{100};
  bool operator==(const ExpectedTraffic&) const = default;
};

struct Service {
  std::map<std::string, Version> versions;
  // Static sticky split, summing to kMillion; empty when the service has one version or a rollout.
  std::map<std::string, std::uint32_t> weights_ppm;
  Stickiness stickiness;  // of the static split
  std::optional<ExpectedTraffic> traffic;
};

}  // namespace weir::config
