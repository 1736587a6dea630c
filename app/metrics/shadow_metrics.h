// Thread-safe: the control thread records, the admin thread takes totals. What copies of requests have shown of candidates,
// beside the baselines that answered the same requests; by service and candidate.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "app/metrics/answer_metrics.h"
#include "base/comparison.h"
#include "base/names.h"

namespace weir::app {

// Of candidate over baseline.
inline constexpr std::array<double, 12> kRatioBounds = {0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 4, 10};

struct ShadowSeries {
  std::string service;
  std::string baseline;
  std::string candidate;
  std::array<std::array<std::uint64_t, kOutcomeClassCount>, kOutcomeClassCount> outcomes{};  // [baseline][candidate]
  std::array<std::uint64_t, kLikenessCount> likeness{};
  std::array<std::uint64_t, kOpinionCount> opinions{};
  std::uint64_t json_invalid = 0;
  Distribution<kRatioBounds.size()> duration_ratio;
  Distribution<kRatioBounds.size()> length_ratio;
};

class ShadowMetrics {
 public:
  // Names are read by record() alone, hence on its thread.
  explicit ShadowMetrics(const Names& names) : names_(names) {}

  void record(const Comparison& comparison);
  std::vector<ShadowSeries> totals() const;

  // Series beyond this many fall under the labels "other".
  static constexpr std::size_t kSeriesLimit = 500;

 private:
  ShadowSeries& series(const Comparison& comparison);

  const Names& names_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, ShadowSeries> series_;  // by baseline and candidate
};

}  // namespace weir::app
