// Pure functions, and a plain value. What is kept of observations y in [0, 1] (0 best, 1 worst): their number, sum and
// sum of squares in units of 10^-4, as integers, so that workers and replicas merge in any order to the same sums.
#pragma once

#include <cmath>
#include <cstdint>

namespace weir::analysis {

inline constexpr std::uint64_t kValueOne = 10'000;  // the integer of y = 1

// round(10^4 y). What lies outside [0, 1] is at its end; what is no number is 0.
inline std::uint64_t value_of(double y) {
  if (!(y > 0)) return 0;
  return y >= 1 ? kValueOne : static_cast<std::uint64_t>(std::llround(y * static_cast<double>(kValueOne)));
}

struct ValueSums {
  std::uint64_t n = 0;
  std::uint64_t s1 = 0;  // sum of v = round(10^4 y)
  std::uint64_t s2 = 0;  // sum of v^2

  void add(std::uint64_t value) {
    ++n;
    s1 += value;
    s2 += value * value;
  }
  ValueSums& operator+=(const ValueSums& other) {
    n += other.n;
    s1 += other.s1;
    s2 += other.s2;
    return *this;
  }
  bool operator==(const ValueSums&) const = default;

  double sum() const { return static_cast<double>(s1) / static_cast<double>(kValueOne); }
  double squares() const { return static_cast<double>(s2) / static_cast<double>(kValueOne * kValueOne); }

  // Whether any observations have these sums; what others send must be asked. The last comparison is that of Cauchy and
  // Schwarz, without which the sum of squared differences would be negative, with room for rounding.
  bool possible() const {
    const auto at_most = [](std::uint64_t sum, std::uint64_t most) {
      return sum / kValueOne + (sum % kValueOne != 0 ? 1 : 0) <= most;
    };
    return at_most(s1, n) && at_most(s2, s1) && s2 >= s1 &&
           sum() * sum() <= static_cast<double>(n) * squares() * (1 + 1e-9);
  }
};

}  // namespace weir::analysis
