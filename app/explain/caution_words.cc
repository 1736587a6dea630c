#include "app/explain/caution_words.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "analysis/judge/guard_rule.h"
#include "analysis/stats/quantile.h"
#include "app/cli/figures.h"
#include "app/explain/reckoning.h"
#include "base/ids.h"
#include "config/units.h"

namespace weir::app {
namespace {

using analysis::Caution;
using Kind = analysis::Caution::Kind;

std::string gate_name(const Caution& caution, const CautionScene& scene) {
  if (caution.guard) return analysis::guard_name(scene.rollout.analysis.guards[*caution.guard]);
  switch (scene.steps[caution.step].waits_for.kind) {
    case analysis::Bottleneck::Kind::kMinRequests:
      return "minRequests";
    case analysis::Bottleneck::Kind::kPause:
      return "its pause";
    default:
      return "atLeast";
  }
}

std::string step_name(const Caution& caution, const CautionScene& scene) {
  return "the step at " + config::format_percent(scene.rollout.steps[caution.step].weight_ppm);
}

CautionWords slow(const Caution& caution, const CautionScene& scene) {
  const analysis::StepTime& step = scene.steps[caution.step];
  const bool surely = caution.kind == Kind::kTooSlow;
  std::string what = step_name(caution, scene) + (surely ? " cannot" : " may not") + " conclude before its atMost of " +
                     time_words(step.most_s) + ": at " + rate_words(scene.traffic.rps) +
                     " requests/s a healthy candidate needs " + time_words(step.lasts_s.p50) + " (median), " +
                     time_words(step.lasts_s.p95) + " (95 %), for " + gate_name(caution, scene);
  return {std::move(what), "a longer atMost, a higher weight, or a wider margin"};
}

CautionWords not_armed(const Caution& caution, const CautionScene& scene) {
  const analysis::StepTime& step = scene.steps[caution.step];
  const config::Guard& guard = scene.rollout.analysis.guards[*caution.guard];
  const double needed = analysis::history_needed(analysis::exceedance(guard));
  std::string what = analysis::guard_name(guard) + " is not judged in " + step_name(caution, scene) + ": it needs " +
                     with_commas(static_cast<std::int64_t>(needed + 0.5)) + " latencies of the baseline, which take " +
                     time_words(step.guards[*caution.guard].armed_s) + " at " + rate_words(scene.traffic.rps) +
                     " requests/s, and the step lasts " + time_words(step.most_s) + " at most";
  return {std::move(what), "a lower quantile, or a longer atMost"};
}

// What the baseline does, and what the ceiling allows.
std::string over_ceiling(const config::Guard& guard, const analysis::BaselineTraffic& traffic) {
  const auto figures = [&](const std::string& usual, const std::string& limit) {
    return analysis::guard_name(guard) + " has a max of " + limit + ", and the baseline's is " + usual;
  };
  if (is_time(guard)) {
    const double usual_us =
        analysis::upper_quantile_us(traffic.latency, traffic.latency_total, analysis::exceedance(guard));
    return figures(milliseconds(usual_us / 1'000),
                   milliseconds(static_cast<double>(analysis::limit_us(guard)) / 1'000));
  }
  return figures(percent(100 * analysis::rate_of(guard, traffic)), percent(100 * analysis::limit_share(guard)));
}

CautionWords ceiling(const Caution& caution, const CautionScene& scene) {
  constexpr std::array<std::string_view, 3> kDone = {"taken back", "paused", "warned of"};
  const config::Guard& guard = scene.rollout.analysis.guards[*caution.guard];
  const bool surely = caution.kind == Kind::kOverCeiling;
  std::string what = std::string("a healthy candidate ") + (surely ? "is " : "may be ") +
                     std::string(kDone[static_cast<std::size_t>(guard.action)]);
  if (surely) what += " in " + step_name(caution, scene) + ", after about " + time_words(caution.after_s) + " in all";
  return {what + ": " + over_ceiling(guard, scene.traffic), "a max above what the baseline does"};
}

bool is_at_no_traffic(const Caution& caution) { return caution.kind == Kind::kImpossible; }

}  // namespace

CautionWords words(const Caution& caution, const CautionScene& scene) {
  CautionWords out;
  switch (caution.kind) {
    case Kind::kTooSlow:
    case Kind::kMaybeSlow:
      out = slow(caution, scene);
      break;
    case Kind::kNotArmed:
      out = not_armed(caution, scene);
      break;
    case Kind::kImpossible:
      out = {gate_name(caution, scene) +
                 (scene.steps[caution.step].endless ? " is never honest"
                                                    : " never lets " + step_name(caution, scene) + " go on") +
                 ": its margin is too small for any evidence",
             "a wider margin, or gate: false"};
      break;
    case Kind::kNobody:
      out = {
          step_name(caution, scene) + " does not end by itself: nobody is sent to the candidate, so nothing is judged",
          "`weir promote`, or a higher weight"};
      break;
    case Kind::kNoGate:
      out = {step_name(caution, scene) + " does not end by itself: nothing advances without a gate",
             "a guard that is a gate"};
      break;
    case Kind::kOverCeiling:
    case Kind::kNearCeiling:
      out = ceiling(caution, scene);
      break;
  }
  out.what = "rollouts." + std::string(scene.service) + ": " + out.what;
  return out;
}

std::vector<config::Problem> forecast_problems(const config::LoadResult& plan) {
  std::vector<config::Problem> problems;
  if (!plan.config) return problems;
  for (const auto& [service, rollout] : plan.config->rollouts) {
    const auto at = plan.config->services.find(service);
    const config::ExpectedTraffic* const planned =
        at != plan.config->services.end() && at->second.traffic ? &*at->second.traffic : nullptr;
    TrafficArguments given;
    if (planned == nullptr) given.rps = 1;  // what is said of it holds at any
    const Reckoning reckoning = reckon({.given = given, .planned = planned});
    const std::vector<analysis::StepTime> steps = analysis::step_times(rollout, reckoning.traffic);
    const CautionScene scene{service, rollout, steps, reckoning.traffic};
    std::vector<Caution> all = analysis::cautions(steps);
    for (const Caution& caution : analysis::ceiling_cautions(rollout, reckoning.traffic, steps)) all.push_back(caution);
    for (const Caution& caution : all) {
      if (planned == nullptr && !is_at_no_traffic(caution)) continue;
      CautionWords said = words(caution, scene);
      const auto places = plan.steps.find(service);
      const bool placed = places != plan.steps.end() && caution.step < places->second.size();
      problems.push_back({.severity = is_at_no_traffic(caution) ? config::Problem::Severity::kError
                                                                : config::Problem::Severity::kWarning,
                          .position = placed ? places->second[caution.step] : config::Position{},
                          .what = std::move(said.what),
                          .expected = std::move(said.remedy),
                          .nearest = {}});
    }
  }
  return problems;
}

}  // namespace weir::app
