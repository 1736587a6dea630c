#include "app/explain/noise_document.h"

#include <array>
#include <optional>

#include "analysis/judge/guard_rule.h"
#include "analysis/rollout/honest_margin.h"
#include "analysis/rollout/noise.h"

namespace weir::app {
namespace {

using config::Family;

class NoiseDocument {
 public:
  NoiseDocument(const config::Rollout& rollout, const analysis::BaselineTraffic& traffic,
                const analysis::StepOutlook& step)
      : rollout_(rollout), traffic_(traffic), step_(step) {}

  json::Object write() const {
    json::Array guards;
    for (std::size_t i = 0; i < rollout_.analysis.guards.size(); ++i) guards.push_back(guard_json(i));
    return {{"split_percent", 100 * step_.time.weight},
            {"second_arm_requests_per_second", step_.time.candidate_rps},
            {"guards", std::move(guards)}};
  }

 private:
  static constexpr std::array<double, 4> kAfter_s = {3'600, 6 * 3'600, 86'400, 7 * 86'400};

  const config::Guard& guard(std::size_t index) const { return rollout_.analysis.guards[index]; }

  json::Object guard_json(std::size_t index) const {
    const Family family = family_of(guard(index));
    const auto margin = [&](const std::optional<double>& value) {
      if (!value) return json::Value();
      return json::Value(family == Family::kScore ? *value : 100 * *value);
    };
    json::Array after;
    for (const double seconds : kAfter_s) {
      after.push_back(json::Object{{"after_s", seconds}, {"honest_from", margin(honest_from(index, seconds))}});
    }
    const analysis::GuardTime& time = step_.time.guards[index];
    return {{"name", analysis::guard_name(guard(index))},
            {"measure", analysis::measure_word(family)},
            {"planned", margin(planned(index))},
            {"gate", time.gate},
            {"planned_is_honest_after_s", finite(time.passes_s.p95)},
            {"margins", std::move(after)}};
  }

  double planned(std::size_t index) const {
    const analysis::GuardSight& sight = step_.guards[index];
    switch (family_of(guard(index))) {
      case Family::kRate:
        return sight.accepted - sight.baseline;
      case Family::kTime:
      case Family::kAmount:
      case Family::kRatio:
        return sight.accepted - 1;
      case Family::kScore:
        break;
    }
    return sight.accepted;
  }

  std::optional<double> honest_from(std::size_t index, double seconds) const {
    const double n = step_.time.guards[index].observations_within(seconds);
    if (n <= 0) return {};
    const config::Guard& of = guard(index);
    const double beta = rollout_.analysis.max_false_advance;
    if (is_mean(of)) {
      const analysis::Moments usual = analysis::assumed_mean(of);
      const analysis::MeanOutlook equal{.baseline = usual,
                                        .candidate = usual,
                                        .weight = step_.time.weight,
                                        .margin = {},
                                        .divisor = traffic_.design_effect};
      const std::optional<double> margin = analysis::margin_to_advance(equal, family_of(of), beta, n);
      if (!margin || family_of(of) == Family::kAmount) return margin;
      if (is_ratio(of)) return *margin * analysis::reckoned_cap(of);
      return *margin * (of.scoring.to - of.scoring.from);
    }
    const double level = is_time(of) ? analysis::exceedance(of) : analysis::rate_of(of, traffic_);
    const analysis::RateOutlook equal{.truth = {level, level},
                                      .weight = step_.time.weight,
                                      .margin = analysis::advance_margin(of, 1),
                                      .divisor = traffic_.design_effect};
    if (!is_time(of)) return analysis::margin_to_advance(equal, beta, n);
    return analysis::slowdown_to_advance(analysis::latency_outlook(of, traffic_), equal, beta, n);
  }

  const config::Rollout& rollout_;
  const analysis::BaselineTraffic& traffic_;
  const analysis::StepOutlook& step_;
};

}  // namespace

json::Object noise_document(const config::Rollout& rollout, const analysis::BaselineTraffic& traffic,
                            const analysis::StepOutlook& step) {
  return NoiseDocument(rollout, traffic, step).write();
}

}  // namespace weir::app
