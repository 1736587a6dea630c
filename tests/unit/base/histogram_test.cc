#include "base/histogram.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

// STATISTICS.md section 5, HIST index.
TEST(Histogram, PutsTheGoldenValuesIntoTheirBuckets) {
  struct Case {
    std::uint64_t value, index, low, end;
  };
  for (const Case& c : {Case{0, 0, 0, 1}, Case{63, 63, 63, 64}, Case{64, 64, 64, 66}, Case{1000, 190, 992, 1008},
                        Case{123456, 412, 122880, 124928}, Case{250000, 445, 249856, 253952}}) {
    EXPECT_EQ(histogram_index(c.value), c.index);
    EXPECT_EQ(histogram_bucket(c.index).low_us, c.low);
    EXPECT_EQ(histogram_bucket(c.index).low_us + histogram_bucket(c.index).width_us, c.end);
  }
}

TEST(Histogram, BucketsTileTheRangeWithoutGaps) {
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
    const HistogramBucket bucket = histogram_bucket(i);
    EXPECT_EQ(bucket.low_us, next);
    EXPECT_EQ(histogram_index(bucket.low_us), i);
    EXPECT_EQ(histogram_index(bucket.low_us + bucket.width_us - 1), i);
    next = bucket.low_us + bucket.width_us;
  }
  EXPECT_EQ(next, kHistogramMax + 1);
  EXPECT_EQ(histogram_index(~std::uint64_t{0}), kHistogramBuckets - 1);
}

}  // namespace
}  // namespace weir
