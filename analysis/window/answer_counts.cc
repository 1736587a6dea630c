#include "analysis/window/answer_counts.h"

namespace weir::analysis {
namespace {

void count(MetricCount& metric, bool bad) {
  ++metric.n;
  metric.x += bad ? 1 : 0;
}

void add_values(const Answer& answer, ValueTable& into) {
  for (std::size_t slot = 0; slot < kValueSlots; ++slot) {
    if (answer.values[slot] != kNoValue) into[slot].add(answer.values[slot]);
  }
}

}  // namespace

void count_answer(const Answer& answer, AnswerMetrics& into) {
  if (answer.outcome != OutcomeClass::kOk) return;
  const unsigned bad = bad_metrics(answer);
  for (std::size_t metric = 0; metric < into.size(); ++metric) count(into[metric], ((bad >> metric) & 1U) != 0);
}

void count_amounts(const Answer& answer, AmountTotals& into) {
  if (answer.outcome != OutcomeClass::kOk) return;
  const auto add = [&](Amount which, std::uint64_t amount) {
    AmountTotal& total = into[amount_index(which)];
    ++total.n;
    total.sum += amount;
  };
  if (answer.counted) {
    add(Amount::kTokens, answer.tokens_out);
    add(Amount::kTime, answer.duration_us);
  }
  if (answer.priced) {
    add(Amount::kCost, answer.cost_micros);
    add(Amount::kPricedTokens, std::uint64_t{answer.tokens_in} + answer.tokens_out);
  }
  // What a ratio is scaled by is the baseline's alone.
  if (answer.arm != Arm::kBaseline) return;
  for (std::size_t ratio = 0; ratio < answer.distances.size(); ++ratio) {
    const auto which = static_cast<Amount>(amount_index(Amount::kTokenTimeDistance) + ratio);
    if (answer.distances[ratio] != kNoDistance) add(which, answer.distances[ratio]);
  }
}

void AnswerCounts::add(const Answer& answer) {
  AnswerClusterCounts& cluster = clusters.of(answer.cluster);
  count_answer(answer, metrics);
  count_answer(answer, cluster.metrics);
  add_values(answer, values);
  add_values(answer, cluster.values);
  count_amounts(answer, totals);
}

void AnswerCounts::add(const Score& score) {
  values[kValueSlots + score.slot].add(score.value);
  clusters.of(score.of.cluster).values[kValueSlots + score.slot].add(score.value);
}

void AnswerCounts::clear() {
  metrics = {};
  values = {};
  totals = {};
  clusters.clear();
}

}  // namespace weir::analysis
