#include "app/explain/measured.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/stats/rate_test.h"
#include "base/histogram.h"

namespace weir::app {
namespace {

// Fewer say less about a rate or a quantile than the assumption does.
constexpr double kFewestForRates = 1'000;
constexpr double kFewestForLatency = 200;
constexpr double kMostObservations = 1e15;

double rounded(double count) { return std::round(count * 100) / 100; }

json::Value latency_json(const analysis::DecayedHistogram& latency) {
  json::Array buckets;
  for (std::size_t i = 0; i < latency.counts.size(); ++i) {
    const double count = rounded(latency.counts[i] * latency.unit);
    if (count > 0) buckets.push_back(json::Array{histogram_bucket(i).low_us, count});
  }
  return json::Object{{"n", rounded(latency.total)}, {"buckets", std::move(buckets)}};
}

json::Value rates_json(const analysis::BaselineMemory& memory) {
  json::Object rates;
  for (std::size_t i = 0; i < kBinaryMetricCount; ++i) {
    rates.set(to_string(static_cast<BinaryMetric>(i)),
              json::Object{{"n", rounded(memory.rates[i].n)}, {"x", rounded(memory.rates[i].x)}});
  }
  return rates;
}

// Another program may have sent it: nothing that is no count is taken for one.
double count_of(const json::Value& value) {
  const double count = value.number();
  return count > 0 && count < kMostObservations ? count : 0;
}

const json::Value& named(const json::Value& list, std::string_view name) {
  static const json::Value kNone;
  for (const json::Value& entry : list.array()) {
    if (entry["name"].string() == name) return entry;
  }
  return kNone;
}

bool read_rates(const json::Value& rates, analysis::BaselineTraffic& traffic) {
  if (count_of(rates[to_string(BinaryMetric::kErrorRate)]["n"]) < kFewestForRates) return false;
  for (std::size_t i = 0; i < kBinaryMetricCount; ++i) {
    const json::Value& rate = rates[to_string(static_cast<BinaryMetric>(i))];
    const double n = count_of(rate["n"]);
    traffic.rates[i] = analysis::usable_rate(analysis::baseline_rate(std::min(n, count_of(rate["x"])), n));
  }
  return true;
}

bool read_latency(const json::Value& latency, analysis::BaselineTraffic& traffic) {
  for (const json::Value& bucket : latency["buckets"].array()) {
    if (bucket.array().size() != 2) continue;
    const double from_us = count_of(bucket.array()[0]);
    const double count = count_of(bucket.array()[1]);
    traffic.latency[histogram_index(static_cast<std::uint64_t>(from_us))] += count;
    traffic.latency_total += count;
  }
  traffic.latency_history = traffic.latency_total;
  return traffic.latency_total >= kFewestForLatency;
}

}  // namespace

json::Value traffic_document(const TrafficFacts& facts) {
  json::Array services;
  for (const auto& [name, service] : facts.config.services) {
    json::Array versions;
    double rate = 0;
    for (const auto& [version_name, version] : service.versions) {
      const VersionId id = facts.names.versions.find(name + "/" + version_name);
      const double of_version = facts.recent.of(id).per_second;
      const analysis::BaselineMemory memory = facts.memories.of(facts.names.services.find(name), id);
      rate += of_version;
      versions.push_back(json::Object{{"name", version_name},
                                      {"rate", of_version},
                                      {"rates", rates_json(memory)},
                                      {"latency", latency_json(memory.time(TimeMetric::kLatency))}});
    }
    services.push_back(json::Object{{"name", name}, {"rate", rate}, {"versions", std::move(versions)}});
  }
  return json::Object{{"services", std::move(services)}};
}

MeasuredTraffic measured_traffic(const json::Value& document, std::string_view service, std::string_view baseline) {
  MeasuredTraffic out;
  const json::Value& found = named(document["services"], service);
  if (found.is_null()) {
    out.lacks = "it has no service \"" + std::string(service) + "\"";
    return out;
  }
  out.rps = count_of(found["rate"]);
  if (out.rps <= 0) {
    out.lacks = "\"" + std::string(service) + "\" has had no request there in the last seconds";
    return out;
  }
  out.traffic.rps = out.rps;
  const json::Value& version = named(found["versions"], baseline);
  out.errors = read_rates(version["rates"], out.traffic);
  out.latency = read_latency(version["latency"], out.traffic);
  return out;
}

}  // namespace weir::app
