#include "app/explain/document.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include "analysis/forecast/outlook.h"
#include "analysis/judge/guard_rule.h"
#include "analysis/rollout/noise.h"
#include "app/cli/figures.h"
#include "app/explain/budget_document.h"
#include "app/explain/caution_words.h"
#include "app/explain/noise_document.h"

namespace weir::app {
namespace {

using analysis::Bottleneck;
using analysis::Detection;
using analysis::Regression;

constexpr double kMs = 1'000;  // microseconds

json::Value span_json(const analysis::TimeSpan& span) {
  return json::Object{{"median", finite(span.p50)}, {"p95", finite(span.p95)}};
}

std::string_view action_word(config::GuardAction action) {
  constexpr std::array<std::string_view, 3> kWords = {"rollback", "pause", "warn"};
  return kWords[static_cast<std::size_t>(action)];
}

// Of a regression, where the baseline's errors are `errors`.
std::string name_of(const Regression& regression, double errors) {
  const std::string times = "x" + rate_words(regression.degree);
  const auto more = [&] { return "+" + percent(std::round(100 * (regression.degree - 1))); };
  switch (regression.kind) {
    case Regression::Kind::kErrors:
      return "errors " + times + ": " + percent(100 * std::min(1.0, regression.degree * errors));
    case Regression::Kind::kTotalFailure:
      return "every request fails";
    case Regression::Kind::kSlowTail:
      return "p99 " + times;
    case Regression::Kind::kSlower:
      return "latency " + more();
    case Regression::Kind::kSlowInputs:
      return percent(100 * regression.degree) + " of inputs x10";
    case Regression::Kind::kMoreTokens:
      return "tokens " + more();
    case Regression::Kind::kDearer:
      return "cost " + more();
    case Regression::Kind::kMoreBad:
      return "bad feedback " + times + ": " + percent(100 * regression.degree * analysis::kAssumedBadRate);
    case Regression::Kind::kWorseScores:
      break;
  }
  return "scores worse by " + percent(100 * regression.degree);
}

// Of these a plan need not know anything.
bool is_about_answers(const Regression& regression) {
  return regression.kind == Regression::Kind::kMoreTokens || regression.kind == Regression::Kind::kDearer ||
         regression.kind == Regression::Kind::kMoreBad || regression.kind == Regression::Kind::kWorseScores;
}

std::string degree_words(const config::Guard& guard, double degree) {
  switch (family_of(guard)) {
    case config::Family::kRate:
      return percent(degree);
    case config::Family::kTime:
    case config::Family::kAmount:
    case config::Family::kRatio:
      return "+" + percent(degree);
    case config::Family::kScore:
      break;
  }
  return rate_words(degree);
}

class Document {
 public:
  Document(const std::string& service, const config::Rollout& rollout, const Reckoning& reckoning)
      : service_(service),
        rollout_(rollout),
        reckoning_(reckoning),
        outlook_(analysis::look_ahead(rollout, reckoning.traffic)) {}

  json::Object write() const {
    json::Array steps;
    bool by_person = false;
    for (std::size_t i = 0; i < outlook_.steps.size(); ++i) {
      steps.push_back(step_json(i));
      by_person = by_person || outlook_.steps[i].time.by_person;
    }
    json::Object document{{"service", service_},
                          {"baseline", rollout_.baseline},
                          {"candidate", rollout_.candidate},
                          {"strategy", to_string(rollout_.strategy)},
                          {"judged", rollout_.analysis.enabled},
                          {"traffic", traffic_json()},
                          {"total_s", span_json(outlook_.total_s)},
                          {"waits_for_person", by_person},
                          {"passes_ceiling", passes_ceiling()},
                          {"steps", std::move(steps)},
                          {"budgets", budget_document(rollout_.max_exposure, reckoning_.traffic, outlook_.steps)},
                          {"warnings", warnings()}};
    if (rollout_.strategy == config::Strategy::kAa) {
      document.set("aa", noise_document(rollout_, reckoning_.traffic, outlook_.steps.front()));
    }
    if (rollout_.strategy == config::Strategy::kShadow) document.set("shadow", shadow_json());
    return document;
  }

 private:
  json::Object shadow_json() const {
    const config::Step& step = rollout_.steps.front();
    const config::Duration every = std::get<config::Hold>(step.stages.front()).at_least;
    return {{"mirror_percent", step.mirror_ppm / 10'000.0},
            {"copies_per_second", reckoning_.traffic.rps * step.mirror_ppm / kMillion},
            {"in_flight", rollout_.mirror.in_flight},
            {"report_every_s", std::chrono::duration<double>(every).count()}};
  }

  json::Object traffic_json() const {
    const analysis::BaselineTraffic& traffic = reckoning_.traffic;
    const auto ms = [&](double tau) {
      return analysis::upper_quantile_us(traffic.latency, traffic.latency_total, tau) / kMs;
    };
    return {{"requests_per_second", traffic.rps},
            {"requests_per_second_from", reckoning_.rps_from},
            {"error_percent", 100 * errors()},
            {"error_percent_from", reckoning_.errors_from},
            {"p50_ms", ms(0.5)},
            {"p99_ms", ms(0.01)},
            {"latency_from", reckoning_.latency_from},
            {"latencies_known", traffic.latency_history},
            {"baseline_alone_s", reckoning_.before_s > 0 ? json::Value(reckoning_.before_s) : json::Value()},
            {"scored_percent", 100 * traffic.scored_share},
            {"scored_after_s", traffic.scored_after_s},
            {"design_effect", traffic.design_effect}};
  }

  double errors() const { return reckoning_.traffic.rates[static_cast<std::size_t>(BinaryMetric::kErrorRate)]; }
  const config::Guard& guard(std::size_t index) const { return rollout_.analysis.guards[index]; }

  // A healthy candidate does, before it is through.
  bool passes_ceiling() const {
    return std::any_of(outlook_.ceilings.begin(), outlook_.ceilings.end(), [](const analysis::Caution& caution) {
      return caution.kind == analysis::Caution::Kind::kOverCeiling;
    });
  }

  // A step without a hold ends when a person says so.
  static bool has_hold(const analysis::StepTime& time) { return !time.by_person || time.most_s > 0; }

  std::string waits_for(const Bottleneck& bottleneck) const {
    switch (bottleneck.kind) {
      case Bottleneck::Kind::kAtLeast:
        return "atLeast";
      case Bottleneck::Kind::kMinRequests:
        return "minRequests";
      case Bottleneck::Kind::kGate:
        return analysis::guard_name(guard(bottleneck.guard));
      case Bottleneck::Kind::kPause:
        return "pause";
      case Bottleneck::Kind::kNoGate:
        return "a gate (none)";
      case Bottleneck::Kind::kNoTraffic:
        break;
    }
    return "requests (none)";
  }

  json::Object step_json(std::size_t index) const {
    const analysis::StepOutlook& step = outlook_.steps[index];
    const analysis::StepTime& time = step.time;
    json::Array guards;
    for (std::size_t i = 0; i < step.guards.size(); ++i) guards.push_back(guard_json(step, i));
    json::Array regressions;
    for (std::size_t i = 0; i < step.regressions.size(); ++i) {
      if (is_about_anything(analysis::kRegressions[i])) regressions.push_back(regression_json(step, i));
    }
    return {{"weight_percent", rollout_.steps[index].weight_ppm / 10'000.0},
            {"served_percent", 100 * time.weight},
            {"candidate_requests_per_second", time.candidate_rps},
            {"compared", time.compared},
            {"lasts_s", span_json(time.lasts_s)},
            {"waits_for", has_hold(time) ? waits_for(time.waits_for) : "a person"},
            {"waits_for_person", time.by_person},
            {"at_most_s", has_hold(time) ? json::Value(time.most_s) : json::Value()},
            {"in_time", json::Object{{"median", time.in_time_p50}, {"p95", time.in_time_p95}}},
            {"guards", std::move(guards)},
            {"regressions", std::move(regressions)},
            {"budgets_spent_s", spent_document(rollout_.max_exposure, reckoning_.traffic, step)}};
  }

  // A share, or by how much a time or an amount is longer, in percent; of scores in points of their scale.
  json::Value degree(std::size_t index, const std::optional<double>& value) const {
    if (!value) return {};
    switch (family_of(guard(index))) {
      case config::Family::kRate:
        return 100 * *value;
      case config::Family::kTime:
      case config::Family::kAmount:
      case config::Family::kRatio:
        return 100 * (*value - 1);
      case config::Family::kScore:
        break;
    }
    return *value;
  }

  json::Object guard_json(const analysis::StepOutlook& step, std::size_t index) const {
    const analysis::GuardTime& time = step.time.guards[index];
    const analysis::GuardSight& sight = step.guards[index];
    const bool rate = family_of(guard(index)) == config::Family::kRate;
    return {{"name", analysis::guard_name(guard(index))},
            {"measure", analysis::measure_word(family_of(guard(index)))},
            {"on_fail", action_word(guard(index).action)},
            {"gate", time.gate},
            {"armed_s", finite(time.armed_s)},
            {"passes_s", time.gate ? span_json(time.passes_s) : json::Value()},
            {"baseline", rate ? json::Value(100 * sight.baseline) : json::Value()},
            {"accepted", degree(index, sight.accepted)},
            {"smallest_found", json::Object{{"while_it_stays", degree(index, sight.while_it_stays)},
                                            {"before_at_most", degree(index, sight.at_the_most)}}}};
  }

  // What answers are is told of where there is a guard of it; errors and latencies always.
  bool is_about_anything(const Regression& regression) const {
    const std::vector<config::Guard>& guards = rollout_.analysis.guards;
    const auto told = [&](const config::Guard& guard) { return analysis::tells(guard, regression); };
    return !is_about_answers(regression) || std::any_of(guards.begin(), guards.end(), told);
  }

  json::Object regression_json(const analysis::StepOutlook& step, std::size_t index) const {
    const Regression& regression = analysis::kRegressions[index];
    const Detection& found = step.regressions[index];
    return {{"name", name_of(regression, errors())},
            {"found_s", span_json(found.found_s)},
            {"guard", found.guard ? json::Value(found_by(found)) : json::Value()},
            {"on_fail", found.guard ? json::Value(action_word(guard(*found.guard).action)) : json::Value()},
            {"never_because", never_because(step, regression, found)}};
  }

  std::string found_by(const Detection& found) const {
    return analysis::guard_name(guard(*found.guard)) + (found.by_ceiling ? " max" : "");
  }

  json::Value never_because(const analysis::StepOutlook& step, const Regression& regression,
                            const Detection& found) const {
    switch (found.why) {
      case Detection::Why::kFound:
        return {};
      case Detection::Why::kWithinMargin: {
        const double accepted = degree(*found.guard, step.guards[*found.guard].accepted).number();
        return "within the margin of " + analysis::guard_name(guard(*found.guard)) + ": up to " +
               degree_words(guard(*found.guard), std::round(accepted * 100) / 100) + " is accepted";
      }
      case Detection::Why::kNoGuard:
        return regression.kind == Regression::Kind::kErrors || regression.kind == Regression::Kind::kTotalFailure
                   ? "there is no guard errorRate"
                   : "there is no guard of latencies";
      case Detection::Why::kNotCompared:
        break;
    }
    return "nothing is compared in this step";
  }

  json::Array warnings() const {
    std::vector<analysis::StepTime> steps;
    for (const analysis::StepOutlook& step : outlook_.steps) steps.push_back(step.time);
    const CautionScene scene{service_, rollout_, steps, reckoning_.traffic};
    json::Array out;
    for (const analysis::Caution& caution : analysis::cautions(steps)) out.emplace_back(words(caution, scene).what);
    for (const analysis::Caution& caution : outlook_.ceilings) out.emplace_back(words(caution, scene).what);
    return out;
  }

  const std::string& service_;
  const config::Rollout& rollout_;
  const Reckoning& reckoning_;
  analysis::RolloutOutlook outlook_;
};

}  // namespace

json::Object explain_document(const std::string& service, const config::Rollout& rollout, const Reckoning& reckoning) {
  return Document(service, rollout, reckoning).write();
}

}  // namespace weir::app
