// Pure function over plain values. The figures of each endpoint, in Prometheus' terms.
#pragma once

#include <prometheus/metric_family.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/observe/counters.h"

namespace weir::app {

struct EndpointSample {
  std::string service;
  std::string version;
  std::string endpoint;
  std::array<std::int64_t, proxy::kEndpointCountCount> counts{};
  std::int64_t ejections = 0;
  bool healthy = true;  // as its health checks say
  bool ejected = false;
};

// In the order of the samples. Nothing for a family without a sample.
std::vector<prometheus::MetricFamily> endpoint_families(const std::vector<EndpointSample>& samples);

}  // namespace weir::app
