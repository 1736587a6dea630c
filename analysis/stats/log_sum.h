// Pure functions. Sums of numbers kept as logarithms: STATISTICS.md 4.13. -infinity is the logarithm of nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace weir::analysis {

inline constexpr double kLogZero = -std::numeric_limits<double>::infinity();

// log(exp(a) + exp(b)).
inline double log_add(double a, double b) {
  const double high = std::max(a, b);
  const double low = std::min(a, b);
  if (low == kLogZero) return high;
  return high + std::log1p(std::exp(low - high));
}

inline double log_sum(std::span<const double> logs) {
  constexpr double kBelowRounding = -42;  // of the logarithm of a term against the largest
  double most = kLogZero;
  for (const double log : logs) most = std::max(most, log);
  if (most == kLogZero) return most;
  double sum = 0;
  for (const double log : logs) {
    if (log - most > kBelowRounding) sum += std::exp(log - most);
  }
  return most + std::log(sum);
}

}  // namespace weir::analysis
