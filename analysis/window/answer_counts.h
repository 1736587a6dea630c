// Confined to one thread. What the answers of a tick were, and what was thought of them, as integers that only add up:
// of requests whose answers are looked into, and of scores. Most services have neither.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "analysis/stats/value_sums.h"
#include "analysis/window/cluster_deltas.h"
#include "base/answer.h"
#include "base/score.h"

namespace weir::analysis {

static_assert(kWholeValue == kValueOne);

struct MetricCount {
  std::uint64_t n = 0;  // observations
  std::uint64_t x = 0;  // of them bad; x <= n
};

inline constexpr std::size_t kValueSlots = kMaxValueMetrics;
inline constexpr std::size_t kScoreSlots = kMaxScoreMetrics;
// Amounts and ratios by their slots, then scores by theirs.
using ValueTable = std::array<ValueSums, kValueSlots + kScoreSlots>;

// Amounts themselves, of which a cap or a ratio comes: of answers that said their tokens those, and the time that they
// took; of answers with a cost that, and the tokens that it is of. How far the baseline's answers were from a ratio of
// two.
enum class Amount : std::uint8_t { kTokens, kCost, kTime, kPricedTokens, kTokenTimeDistance, kTokenCostDistance };
inline constexpr int kAmountCount = 6;
constexpr std::size_t amount_index(Amount amount) { return static_cast<std::size_t>(amount); }

struct AmountTotal {
  std::uint64_t n = 0;
  std::uint64_t sum = 0;
};
using AmountTotals = std::array<AmountTotal, kAmountCount>;

using AnswerMetrics = std::array<MetricCount, kAnswerMetricCount>;

struct AnswerClusterCounts {
  std::uint8_t cluster = 0;
  AnswerMetrics metrics{};
  ValueTable values{};
};

// One arm of one step: judged records only.
struct AnswerCounts {
  AnswerMetrics metrics{};  // equal to the sums over `clusters`
  ValueTable values{};      // likewise
  AmountTotals totals{};
  TouchedClusters<AnswerClusterCounts> clusters;

  void add(const Answer& answer);
  void add(const Score& score);
  void clear();
};

// An answer into the metrics that it enters: what was cut short says nothing of what it would have been.
void count_answer(const Answer& answer, AnswerMetrics& into);
void count_amounts(const Answer& answer, AmountTotals& into);

}  // namespace weir::analysis
