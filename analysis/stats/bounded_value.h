// Confined to one thread. By what values without a bound (tokens, cost) and ratios (cost per 1,000 tokens) become
// observations in [0, 1], of which larger is worse, for a test of means: base/answer.h makes them.
//
// A few huge values decide a mean and need not be the version's fault, so that a value counts up to a cap only. The cap
// comes from the baseline, and is frozen: one that moved would change what both arms' values mean.
// A ratio of means is tested by its linearisation N - r0 D (Deng, Knoblich, Lu 2018, "Applying the delta method in
// metric analytics"), which has mean 0 when the ratio is r0.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

namespace weir::analysis {

// Eight times the mean of what the baseline showed up to the first tick with 200 of its values; of the distances |z|
// for a ratio. Frozen from then on. As long as there is nothing to scale by, for all were 0, it waits.
class FrozenScale {
 public:
  static constexpr std::uint64_t kValuesNeeded = 200;
  static constexpr double kMultiple = 8;

  struct State {
    double sum = 0;
    std::uint64_t n = 0;
    double scale = 0;  // 0: not frozen
  };

  FrozenScale() = default;
  // The plan's own cap.
  explicit FrozenScale(double fixed) : state_{.sum = 0, .n = 0, .scale = fixed} {}

  // A tick of the baseline: the sum of its values, none negative, and their number. The scale is `least` at least.
  void add(double sum, std::uint64_t n, double least = 0) {
    if (frozen() || !std::isfinite(sum) || sum < 0) return;
    state_.sum += sum;
    state_.n += n;
    if (state_.n < kValuesNeeded) return;
    state_.scale = std::max(least, kMultiple * state_.sum / static_cast<double>(state_.n));
  }
  bool frozen() const { return state_.scale > 0; }
  // Until there is one, the metric is not judged.
  std::optional<double> value() const { return frozen() ? std::optional(state_.scale) : std::nullopt; }
  std::uint64_t values_seen() const { return state_.n; }

  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  State state_;
};

}  // namespace weir::analysis
