// Thread-safe: the control thread records, the admin thread takes totals. What has become of all requests, by service,
// route, version and class, and how long they took.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/names.h"
#include "base/outcome.h"

namespace weir::app {

// Seconds. The OpenTelemetry bounds for a model server's requests, widened at both ends: every dashboard made for those
// keeps its `le` values.
inline constexpr std::array<double, 20> kDurationBounds = {0.001, 0.0025, 0.005, 0.01,   0.02,   0.04,  0.08,
                                                           0.16,  0.32,   0.64,  1.28,   2.56,   5.12,  10.24,
                                                           20.48, 40.96,  81.92, 163.84, 327.68, 655.36};

// What people call a version that is interned as "service/version".
std::string version_label(const std::string& service, const std::string& full);

struct RequestSeries {
  std::string service;
  std::string route;
  std::string version;
  std::array<std::uint64_t, kOutcomeClassCount> by_class{};
};

struct DurationSeries {
  std::string service;
  std::string version;
  std::array<std::uint64_t, kDurationBounds.size() + 1> buckets{};  // not cumulative; the last is +Inf's
  std::uint64_t sum_us = 0;
  std::uint64_t rescued = 0;
};

struct RequestTotals {
  std::vector<RequestSeries> requests;
  std::vector<DurationSeries> durations;
};

class RequestMetrics {
 public:
  // Names are read by record() alone, hence on its thread.
  explicit RequestMetrics(const Names& names) : names_(names) {}

  void record(const Outcome& outcome);
  RequestTotals totals() const;

  // Series beyond this many, of plans long gone and reloaded for years, fall under the labels "other".
  static constexpr std::size_t kSeriesLimit = 20'000;

 private:
  RequestSeries& request_series(const Outcome& outcome);
  DurationSeries& duration_series(const Outcome& outcome);

  const Names& names_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, RequestSeries> requests_;    // by route and version
  std::unordered_map<std::uint64_t, DurationSeries> durations_;  // by version
};

}  // namespace weir::app
