// Immutable once loaded. How a version's endpoints are chosen among, and when one of them is left out or asked whether
// it is well (HTTP.md section 0).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/limits.h"
#include "config/rollout.h"

namespace weir::config {

struct LoadBalancing {
  enum class Policy : std::uint8_t { kLeastRequest, kRoundRobin, kHash };

  Policy policy = Policy::kLeastRequest;
  std::vector<KeySource> by;               // kHash: the first that a request has is what its endpoint is chosen by
  std::uint32_t max_load_ppm = 1'250'000;  // kHash: of the mean load, what one endpoint takes at most
  Duration slow_start{0};                  // how long one that came (back) takes less than its share
  bool operator==(const LoadBalancing&) const = default;
};

// Passive: what the requests themselves show.
struct Outlier {
  bool enabled = true;
  std::uint32_t consecutive_failures = 5;  // of a gateway's kind, within kWindow
  Duration ejection{30'000};               // times how often it happened
  Duration max_ejection{300'000};
  std::uint32_t max_ejected_ppm = 500'000;  // of a version's endpoints
  bool operator==(const Outlier&) const = default;

  static constexpr Duration kWindow{10'000};
};

// Active: what the weir finds out by itself.
struct HealthCheck {
  enum class Type : std::uint8_t { kHttp, kTcp };

  Type type = Type::kHttp;
  std::string path = "/";  // with its query
  std::string host;        // empty: the endpoint's own
  Duration interval{2'000};
  Duration timeout{1'000};
  std::uint32_t jitter_ppm = 100'000;  // of the interval, more or less
  std::uint32_t fall = 3;              // failures in a row that take it out
  std::uint32_t rise = 2;              // successes in a row that bring it back
  int expect_least = 200;
  int expect_most = 399;
  bool operator==(const HealthCheck&) const = default;
};

}  // namespace weir::config
