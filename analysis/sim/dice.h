// Confined to one thread. Random variates of a simulation, from one seed.
#pragma once

#include <boost/random/exponential_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <cstdint>
#include <limits>

#include "base/random.h"

namespace weir::analysis::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  // As the standard library's and Boost's distributions want their bits.
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return random_.next(); }

  double uniform() { return random_.uniform(); }
  double normal() { return normal_(*this); }
  double exponential() { return exponential_(*this); }  // of mean 1

 private:
  Random random_;
  boost::random::normal_distribution<double> normal_;
  boost::random::exponential_distribution<double> exponential_;
};

}  // namespace weir::analysis::sim
