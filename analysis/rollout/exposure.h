// Immutable values and pure functions. What a candidate has cost its users over a whole attempt, and whether that is
// what the plan lets it (`maxExposure`). No test: what it counts is what happened, and it decides however little that
// proves.
//
// With n requests that users met and x failed ones (ArmCounts::met), of the candidate (c) and the baseline (b) in step
// k:
//
//   excess failures   sum over k of max(0, x_ck - n_ck x_bk / n_bk)
//   extra cost        likewise of answers with a cost and what they cost together
//   failed requests   sum over k of x_ck, and of those whom no split assigned to the candidate (ArmCounts::kept)
//
// Kept sessions and returned ids are no part of an excess: nobody like them is known of the baseline.
//
// Steps are compared each for itself, as everywhere, because load and time of day differ between them. In a step
// without any of the baseline its share, or its mean cost, over all steps stands in; with none at all no request is
// taken to fail, and no answer to have cost too much.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/window/tick_counts.h"
#include "base/ids.h"
#include "base/json.h"
#include "config/rollout.h"

namespace weir::analysis {

// Integers that only add up, by step and arm: in whichever order ticks, or replicas, come together.
struct Exposure {
  // Of more steps the oldest are one.
  static constexpr std::size_t kStepsKept = 64;

  struct OfArm {
    MetricCount met;
    AmountTotal cost;  // in millionths of the plan's currency
  };
  struct OfStep {
    StepId step = 0;
    std::array<OfArm, kArmCount> arms{};
    MetricCount kept{};
  };
  std::vector<OfStep> steps;  // ascending; at most kStepsKept
};

// Of this rollout's own steps.
void add_counts(Exposure& exposure, std::span<const StepCounts* const> counts);

// One of a plan's limits, and how much of it is spent.
struct Budget {
  std::string_view name;  // as in the plan; of static storage
  double spent = 0;
  double limit = 0;
  bool counts = true;  // false: an excess of fewer than MaxExposure::kLeastForExcess

  bool reached() const { return counts && spent >= limit; }
};
// Those that the plan limits, in the order of the plan's reference.
std::vector<Budget> budgets(const Exposure& exposure, const config::MaxExposure& most);

// Why a rollback is due: the first of the budgets that is reached, in words. Nothing: none is.
std::optional<std::string> overspent(const Exposure& exposure, const config::MaxExposure& most);

// "51.3 of 50 excessFailures".
std::string says(const Budget& budget);

// As status and history have them; null where nothing is limited.
json::Value budgets_json(const Exposure& exposure, const config::MaxExposure& most);

// As the state file has it.
json::Array write_exposure(const Exposure& exposure);
Exposure read_exposure(const json::Value& steps);

}  // namespace weir::analysis
