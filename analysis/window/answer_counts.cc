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
  count(into[kEmptyOutputMetric], answer.empty);
  count(into[kInvalidOutputMetric], answer.invalid);
  for (int reason = 0; reason < kFinishReasonCount; ++reason) {
    const auto named = static_cast<FinishReason>(reason);
    count(into[static_cast<std::size_t>(finish_metric(named))], answer.finish == named);
  }
}

void count_amounts(const Answer& answer, AmountTotals& into) {
  if (answer.outcome != OutcomeClass::kOk) return;
  const auto add = [](AmountTotal& total, std::uint64_t amount) {
    ++total.n;
    total.sum += amount;
  };
  if (answer.counted) add(into[static_cast<std::size_t>(ValueMetric::kTokens)], answer.tokens_out);
  if (answer.priced) add(into[static_cast<std::size_t>(ValueMetric::kCost)], answer.cost_micros);
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
