// How golden values are compared: the last digit printed, or a millionth.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace weir::analysis::testing {

inline void expect_golden(double value, double golden) {
  EXPECT_NEAR(value, golden, std::max(1e-6 * std::abs(golden), 5.1e-10)) << golden;
}

}  // namespace weir::analysis::testing
