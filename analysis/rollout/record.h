// Pure functions. A decision as it is kept and shown: what was decided, by whom, on which numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "analysis/judge/verdict.h"
#include "analysis/rollout/decide.h"
#include "analysis/rollout/ports.h"
#include "base/json.h"
#include "config/rollout.h"

namespace weir::analysis {

struct RecordContext {
  const RolloutKey& key;
  const RolloutState& before;
  const Decision& decision;
  const Verdict& verdict;
  std::span<const GuardStatus> guards;
  const json::Value& budgets;  // what is spent of each; null where the plan has none
  const json::Value& noise;    // of the baseline against itself; else null
  const json::Value& shadow;   // what copies of requests have shown; null where there are none
  std::string_view actor;      // "weir", "file", or who sent the command
  std::int64_t unix_ms = 0;    // wall time
};

// The words that `weir history` shows stand on top; the numbers are under "guards".
json::Value decision_record(const RecordContext& context);

// One guard's numbers, as records and status have them.
json::Value guard_json(const GuardStatus& guard, const Verdict& verdict);

// Whether each arm gets its share of users, and how many of the step are counted; null where there is no split.
json::Value split_json(const SplitStatus& split, const config::Rollout& policy);

// A logarithm of evidence as what people can read: 0 for nothing, and a number that JSON can hold for a mountain of it.
double evidence_of(double log_evidence);

// How far evidence is on the way to what decides, 0 to 1; nothing for evidence that speaks for the opposite.
double toward(double log_evidence, double log_threshold);

}  // namespace weir::analysis
