#include "app/metrics/endpoint_metrics.h"

#include <utility>

namespace weir::app {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct Words {
  const char* name;
  const char* help;
  MetricType type = MetricType::Counter;
};

// In the order of proxy::EndpointCount.
constexpr std::array<Words, proxy::kEndpointCountCount> kCountWords = {{
    {"weir_upstream_endpoint_requests_total", "Requests that were given a connection to this endpoint."},
    {"weir_upstream_endpoint_connect_failures_total", "Connections to this endpoint that could not be opened."},
    {"weir_upstream_endpoint_timeouts_total", "Requests whose response did not begin in time."},
    {"weir_upstream_endpoint_resets_total", "Requests whose connection broke, or whose response was unintelligible."},
    {"weir_upstream_endpoint_gateway_errors_total", "Responses 502, 503 without Retry-After, and 504."},
    {"weir_upstream_endpoint_requests_active", "Requests under way at this endpoint.", MetricType::Gauge},
    {"weir_upstream_endpoint_connections", "Connections to this endpoint, opening ones included.", MetricType::Gauge},
}};

template <class Value>
MetricFamily family(const std::vector<EndpointSample>& samples, const Words& words, Value value) {
  MetricFamily out{words.name, words.help, words.type, {}};
  for (const EndpointSample& sample : samples) {
    ClientMetric metric;
    metric.label = {{"service", sample.service}, {"version", sample.version}, {"endpoint", sample.endpoint}};
    const auto figure = static_cast<double>(value(sample));
    if (words.type == MetricType::Counter) {
      metric.counter.value = figure;
    } else {
      metric.gauge.value = figure;
    }
    out.metric.push_back(std::move(metric));
  }
  return out;
}

}  // namespace

std::vector<MetricFamily> endpoint_families(const std::vector<EndpointSample>& samples) {
  if (samples.empty()) return {};
  std::vector<MetricFamily> out;
  for (std::size_t i = 0; i < kCountWords.size(); ++i) {
    out.push_back(family(samples, kCountWords[i], [i](const EndpointSample& sample) { return sample.counts[i]; }));
  }
  out.push_back(family(samples,
                       {"weir_upstream_endpoint_ejections_total", "How often this endpoint was taken out of rotation."},
                       [](const EndpointSample& sample) { return sample.ejections; }));
  out.push_back(family(samples,
                       {"weir_upstream_endpoint_healthy", "1 unless its health checks fail.", MetricType::Gauge},
                       [](const EndpointSample& sample) { return sample.healthy ? 1 : 0; }));
  out.push_back(family(
      samples, {"weir_upstream_endpoint_ejected", "1 while it is out for what its requests showed.", MetricType::Gauge},
      [](const EndpointSample& sample) { return sample.ejected ? 1 : 0; }));
  return out;
}

}  // namespace weir::app
