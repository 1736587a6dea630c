#include "analysis/stats/limit_test.h"

#include <cmath>

namespace weir::analysis {

LimitTest::LimitTest() : mixture_(odds_grid(TestSide::kRollback).size(), log_start(TestSide::kRollback)) {}

void LimitTest::add(std::uint64_t n, std::uint64_t x, double limit, double divisor) {
  if (n == 0 || limit <= 0 || limit >= 1) return;
  if (limit != limit_) weigh(limit);
  const auto bad = static_cast<double>(x);
  const auto good = static_cast<double>(n - x);
  for (std::size_t j = 0; j < mixture_.size(); ++j) {
    mixture_.add(j, (bad * weights_[j].bad + good * weights_[j].good) / divisor);
  }
}

void LimitTest::weigh(double limit) {
  limit_ = limit;
  const std::span<const double> odds = odds_grid(TestSide::kRollback);
  for (std::size_t j = 0; j < odds.size(); ++j) {
    const double rate = alternative_rate(limit, odds[j]);
    weights_[j] = {std::log(rate / limit), std::log1p(-rate) - std::log1p(-limit)};
  }
}

}  // namespace weir::analysis
