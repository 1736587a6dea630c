#include "analysis/rollout/exposure.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/judge/words.h"

namespace weir::analysis {
namespace {

constexpr double kMillionths = 1e6;

void add(MetricCount& into, const MetricCount& more) {
  into.n += more.n;
  into.x += more.x;
}

void add(Exposure::OfArm& into, const Exposure::OfArm& more) {
  add(into.met, more.met);
  into.cost.n += more.cost.n;
  into.cost.sum += more.cost.sum;
}

Exposure::OfArm of(const ArmCounts& arm) {
  return {.met = arm.met, .cost = arm.answers.totals[amount_index(Amount::kCost)]};
}

bool is_none(const Exposure::OfArm& arm) { return arm.met.n == 0 && arm.cost.n == 0; }

Exposure::OfStep& step_of(Exposure& exposure, StepId id) {
  std::vector<Exposure::OfStep>& steps = exposure.steps;
  const auto at = std::lower_bound(steps.begin(), steps.end(), id,
                                   [](const Exposure::OfStep& known, StepId wanted) { return known.step < wanted; });
  if (at != steps.end() && at->step == id) return *at;
  return *steps.insert(at, {.step = id});
}

void pool_oldest(std::vector<Exposure::OfStep>& steps) {
  while (steps.size() > Exposure::kStepsKept) {
    for (std::size_t arm = 0; arm < kArmCount; ++arm) add(steps[1].arms[arm], steps[0].arms[arm]);
    add(steps[1].kept, steps[0].kept);
    steps.erase(steps.begin());
  }
}

// How many, and what they add up to: failures, or millionths.
struct Sum {
  std::uint64_t n = 0;
  std::uint64_t sum = 0;
};
Sum failures(const Exposure::OfArm& arm) { return {arm.met.n, arm.met.x}; }
Sum costs(const Exposure::OfArm& arm) { return {arm.cost.n, arm.cost.sum}; }

template <class Of>
Sum total(const Exposure& exposure, Arm arm, const Of& of_arm) {
  Sum all;
  for (const Exposure::OfStep& step : exposure.steps) {
    const Sum sum = of_arm(step.arms[static_cast<std::size_t>(arm)]);
    all.n += sum.n;
    all.sum += sum.sum;
  }
  return all;
}

// What the candidate has had beyond the baseline's share of it. Without any of the baseline: `unknown` of each.
template <class Of>
double excess(const Exposure& exposure, const Of& of_arm, const std::optional<double>& unknown) {
  const Sum usual = total(exposure, Arm::kBaseline, of_arm);
  double sum = 0;
  for (const Exposure::OfStep& step : exposure.steps) {
    Sum baseline = of_arm(step.arms[0]);
    const Sum candidate = of_arm(step.arms[1]);
    if (baseline.n == 0) baseline = usual;
    if (baseline.n == 0 && !unknown) continue;
    const double share =
        baseline.n == 0 ? *unknown : static_cast<double>(baseline.sum) / static_cast<double>(baseline.n);
    sum += std::max(0.0, static_cast<double>(candidate.sum) - static_cast<double>(candidate.n) * share);
  }
  return sum;
}

MetricCount kept_by(const Exposure& exposure) {
  MetricCount all;
  for (const Exposure::OfStep& step : exposure.steps) add(all, step.kept);
  return all;
}

constexpr std::string_view kExtraCost = "extraCost";

// Both arms over the whole attempt, for people.
std::string shares(const Exposure& exposure) {
  const auto counted = [&](Arm arm) {
    const Sum sum = total(exposure, arm, failures);
    return with_commas(static_cast<double>(sum.sum)) + " of " + with_commas(static_cast<double>(sum.n));
  };
  const MetricCount kept = kept_by(exposure);
  const std::string unjudged = kept.n == 0 ? ""
                                           : ", kept sessions and returned ids on the candidate " +
                                                 with_commas(static_cast<double>(kept.x)) + " of " +
                                                 with_commas(static_cast<double>(kept.n));
  return "failed: candidate " + counted(Arm::kCandidate) + ", baseline " + counted(Arm::kBaseline) + unjudged;
}

std::string mean_costs(const Exposure& exposure) {
  const auto counted = [&](Arm arm) {
    const Sum sum = total(exposure, arm, costs);
    const double mean = sum.n == 0 ? 0 : static_cast<double>(sum.sum) / kMillionths / static_cast<double>(sum.n);
    return factor(mean) + " on average of " + with_commas(static_cast<double>(sum.n));
  };
  return "cost of an answer: candidate " + counted(Arm::kCandidate) + ", baseline " + counted(Arm::kBaseline);
}

// To the tenth, or to three digits; whole numbers as they are.
std::string amount(double value) {
  if (value == std::floor(value)) return with_commas(value);
  if (value < 100) return factor(value);
  const double tenths = std::floor(value * 10);
  return with_commas(tenths / 10) + "." + std::to_string(static_cast<int>(std::fmod(tenths, 10)));
}

}  // namespace

void add_counts(Exposure& exposure, std::span<const StepCounts* const> counts) {
  for (const StepCounts* step : counts) {
    const std::array<Exposure::OfArm, kArmCount> arms{of(step->arms[0]), of(step->arms[1])};
    const MetricCount& kept = step->of(Arm::kCandidate).kept;
    if (kept.n == 0 && std::all_of(arms.begin(), arms.end(), is_none)) continue;
    Exposure::OfStep& known = step_of(exposure, step->step);
    for (std::size_t arm = 0; arm < kArmCount; ++arm) add(known.arms[arm], arms[arm]);
    add(known.kept, kept);
    pool_oldest(exposure.steps);
  }
}

std::vector<Budget> budgets(const Exposure& exposure, const config::MaxExposure& most) {
  std::vector<Budget> out;
  const Sum failed = total(exposure, Arm::kCandidate, failures);
  const auto enough = [](std::uint64_t count) { return count >= config::MaxExposure::kLeastForExcess; };
  if (most.excess_failures) {
    out.push_back({.name = "excessFailures",
                   .spent = excess(exposure, failures, 0.0),
                   .limit = static_cast<double>(*most.excess_failures),
                   .counts = enough(failed.sum)});
  }
  if (most.extra_cost) {
    out.push_back({.name = kExtraCost,
                   .spent = excess(exposure, costs, {}) / kMillionths,
                   .limit = *most.extra_cost,
                   .counts = enough(total(exposure, Arm::kCandidate, costs).n)});
  }
  if (most.failed_requests) {
    out.push_back({.name = "failedRequests",
                   .spent = static_cast<double>(failed.sum + kept_by(exposure).x),
                   .limit = static_cast<double>(*most.failed_requests)});
  }
  return out;
}

std::string says(const Budget& budget) {
  const bool too_few = !budget.counts && budget.spent >= budget.limit;
  return amount(budget.spent) + " of " + amount(budget.limit) + " " + std::string(budget.name) +
         (too_few ? ", which counts from " + std::to_string(config::MaxExposure::kLeastForExcess) + " on" : "");
}

std::optional<std::string> overspent(const Exposure& exposure, const config::MaxExposure& most) {
  if (!most.limits()) return {};
  const std::vector<Budget> all = budgets(exposure, most);
  const auto first = std::find_if(all.begin(), all.end(), [](const Budget& budget) { return budget.reached(); });
  if (first == all.end()) return {};
  return "maxExposure: " + says(*first) + " (" + (first->name == kExtraCost ? mean_costs(exposure) : shares(exposure)) +
         "); a budget, not a test";
}

json::Value budgets_json(const Exposure& exposure, const config::MaxExposure& most) {
  json::Array out;
  for (const Budget& budget : budgets(exposure, most)) {
    out.push_back(json::Object{{"name", budget.name},
                               {"spent", budget.spent},
                               {"limit", budget.limit},
                               {"counts", budget.counts},
                               {"says", says(budget)}});
  }
  return out.empty() ? json::Value() : json::Value(std::move(out));
}

// A step is a list of numbers: its id, and of either arm requests, failed ones, answers with a cost, their cost; then
// requests that were kept on the candidate, and failed ones of them, which files of before these were counted lack.
json::Array write_exposure(const Exposure& exposure) {
  json::Array steps;
  for (const Exposure::OfStep& step : exposure.steps) {
    json::Array numbers{step.step};
    for (const Exposure::OfArm& arm : step.arms) {
      for (const std::uint64_t number : {arm.met.n, arm.met.x, arm.cost.n, arm.cost.sum}) numbers.push_back(number);
    }
    for (const std::uint64_t number : {step.kept.n, step.kept.x}) numbers.push_back(number);
    steps.push_back(std::move(numbers));
  }
  return steps;
}

Exposure read_exposure(const json::Value& steps) {
  constexpr std::size_t kOfArm = 4;
  constexpr std::size_t kOfArms = 1 + kArmCount * kOfArm;
  Exposure exposure;
  for (const json::Value& entry : steps.array()) {
    const json::Array& numbers = entry.array();
    if (numbers.size() != kOfArms && numbers.size() != kOfArms + 2) continue;
    const auto number = [&](std::size_t at) { return static_cast<std::uint64_t>(numbers[at].integer()); };
    Exposure::OfStep& step = step_of(exposure, static_cast<StepId>(number(0)));
    for (std::size_t arm = 0; arm < kArmCount; ++arm) {
      const std::size_t at = 1 + arm * kOfArm;
      add(step.arms[arm], {.met = {number(at), number(at + 1)}, .cost = {number(at + 2), number(at + 3)}});
    }
    if (numbers.size() > kOfArms) add(step.kept, {number(kOfArms), number(kOfArms + 1)});
  }
  pool_oldest(exposure.steps);
  return exposure;
}

}  // namespace weir::analysis
