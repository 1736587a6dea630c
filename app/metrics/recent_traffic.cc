#include "app/metrics/recent_traffic.h"

#include <algorithm>
#include <utility>

namespace weir::app {
namespace {

// The middle of the bucket that the quantile falls in: within 1/64 of the value.
std::optional<double> quantile(const Histogram& histogram, double q) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : histogram) total += count;
  if (total == 0) return {};
  const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(total - 1));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < histogram.size(); ++i) {
    seen += histogram[i];
    if (seen > rank) {
      const HistogramBucket bucket = histogram_bucket(i);
      return static_cast<double>(bucket.low_us) + static_cast<double>(bucket.width_us) / 2;
    }
  }
  return {};
}

}  // namespace

void RecentTraffic::record(const Outcome& outcome) {
  if (outcome.kind != Outcome::Kind::kEnded || outcome.version == kNoId) return;
  Version& version = versions_[outcome.version];
  if (version.current == nullptr) version.current = std::make_unique<Window>();
  ++version.requests;
  ++version.current->requests;
  if (counts_in(BinaryMetric::kErrorRate, outcome.outcome)) ++version.current->counted;
  if (is_failure(BinaryMetric::kErrorRate, outcome.outcome)) ++version.current->failures;
  ++version.current->latency[histogram_index(outcome.latency_us)];
}

void RecentTraffic::turn() {
  const SteadyTime now = clock_.now();
  if (now - begun_ < kWindow) return;
  // After a long gap neither window is recent.
  const bool gap = now - begun_ >= 2 * kWindow;
  for (auto& [id, version] : versions_) {
    version.previous = gap ? nullptr : std::move(version.current);
    version.current = nullptr;
  }
  has_previous_ = !gap;
  begun_ = now;
}

TrafficFigures RecentTraffic::of(VersionId id) const {
  TrafficFigures out;
  const auto at = versions_.find(id);
  if (at == versions_.end()) return out;
  const Version& version = at->second;
  Window sum;
  for (const Window* window : {version.current.get(), version.previous.get()}) {
    if (window == nullptr) continue;
    sum.requests += window->requests;
    sum.counted += window->counted;
    sum.failures += window->failures;
    for (std::size_t i = 0; i < kHistogramBuckets; ++i) sum.latency[i] += window->latency[i];
  }
  const std::chrono::duration<double> span =
      clock_.now() - begun_ + (has_previous_ ? kWindow : std::chrono::seconds(0));
  out.requests = version.requests;
  out.per_second = static_cast<double>(sum.requests) / std::max(span.count(), 1.0);
  out.error_share = sum.counted == 0 ? 0 : static_cast<double>(sum.failures) / static_cast<double>(sum.counted);
  out.p50_us = quantile(sum.latency, 0.5);
  out.p90_us = quantile(sum.latency, 0.9);
  out.p99_us = quantile(sum.latency, 0.99);
  return out;
}

}  // namespace weir::app
