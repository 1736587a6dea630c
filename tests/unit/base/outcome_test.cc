#include "base/outcome.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

// But for a cut answer, which is an error and has a guard of its own besides.
TEST(Outcome, EachFailureBelongsToExactlyOneMetric) {
  for (int o = 0; o < kOutcomeClassCount; ++o) {
    const auto outcome = static_cast<OutcomeClass>(o);
    int failures = 0;
    for (int m = 0; m < kBinaryMetricCount; ++m) {
      const auto metric = static_cast<BinaryMetric>(m);
      failures += is_failure(metric, outcome);
      EXPECT_TRUE(counts_in(metric, outcome) || !is_failure(metric, outcome)) << to_string(outcome);
    }
    const int expected = outcome == OutcomeClass::kTruncated ? 2 : 1;
    EXPECT_EQ(failures, outcome == OutcomeClass::kOk ? 0 : expected) << to_string(outcome);
  }
}

TEST(Outcome, NeitherAbortsNorCapacityEnterTheErrorRate) {
  EXPECT_FALSE(counts_in(BinaryMetric::kErrorRate, OutcomeClass::kClientAbort));
  EXPECT_FALSE(counts_in(BinaryMetric::kErrorRate, OutcomeClass::kCapacity));
  EXPECT_TRUE(counts_in(BinaryMetric::kErrorRate, OutcomeClass::kHttp4xx));
  EXPECT_FALSE(counts_in(BinaryMetric::kCapacityRate, OutcomeClass::kClientAbort));
  EXPECT_TRUE(counts_in(BinaryMetric::kClientAbortRate, OutcomeClass::kClientAbort));
}

}  // namespace
}  // namespace weir
