// Pure functions, and a plain value. The log-linear histogram of STATISTICS.md 4.4: every part of Weir that keeps
// a latency distribution uses this one layout, so that they merge by adding.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace weir {

inline constexpr std::size_t kHistogramBuckets = 1024;
inline constexpr std::uint64_t kHistogramMax = (std::uint64_t{1} << 36) - 1;  // microseconds, about 19 hours

// The bucket of a value in microseconds: exact below 64, then 32 buckets a power of two (width <= 1/32 of the value).
constexpr std::size_t histogram_index(std::uint64_t value_us) {
  const std::uint64_t v = std::min(value_us, kHistogramMax);
  if (v < 64) return v;
  const auto e = static_cast<std::size_t>(std::bit_width(v) - 1);
  return 64 + 32 * (e - 6) + ((v >> (e - 5)) & 31);
}

struct HistogramBucket {
  std::uint64_t low_us;    // inclusive
  std::uint64_t width_us;  // the bucket ends before low_us + width_us
};

constexpr HistogramBucket histogram_bucket(std::size_t index) {
  if (index < 64) return {index, 1};
  const std::size_t shift = (index - 64) / 32 + 1;
  const std::uint64_t sub = (index - 64) % 32;
  return {(32 + sub) << shift, std::uint64_t{1} << shift};
}

using Histogram = std::array<std::uint64_t, kHistogramBuckets>;

}  // namespace weir
