#include "analysis/records/other_plan.h"

#include <algorithm>

#include "analysis/judge/guard_rule.h"
#include "config/guards.h"
#include "config/units.h"

namespace weir::analysis {
namespace {

constexpr const char* kOtherUsers = "other users would have been on the candidate, and what they met is not known";

class PlanComparison {
 public:
  PlanComparison(const config::Rollout& ran, const config::Rollout& other) : ran_(ran), other_(other) {}

  std::vector<Incomparable> list() {
    text("baseline", ran_.baseline, other_.baseline, "nobody knows what another version would have answered");
    text("candidate", ran_.candidate, other_.candidate, "nobody knows what another version would have answered");
    text("revision", ran_.revision, other_.revision, "it is another rollout");
    text("salt", ran_.salt, other_.salt, kOtherUsers);
    if (ran_.strategy != other_.strategy) {
      say({"strategy"},
          "strategy " + std::string(config::to_string(other_.strategy)) + " where " +
              std::string(config::to_string(ran_.strategy)) + " was",
          "its weights go otherwise");
    }
    if (ran_.stickiness.by != other_.stickiness.by) {
      say({"stickiness"}, "stickiness.by is not what it was", kOtherUsers);
    }
    if (ran_.stickiness.scope != other_.stickiness.scope) {
      say({"stickiness"}, "stickiness.scope is not what it was", kOtherUsers);
    }
    weights();
    analysis();
    return std::move(out_);
  }

 private:
  void say(std::vector<std::string> key, std::string what, std::string why) {
    out_.push_back({.key = std::move(key), .step = {}, .what = std::move(what), .why = std::move(why)});
  }

  void text(const char* key, const std::string& ran, const std::string& other, const char* why) {
    if (ran == other) return;
    say({key}, std::string(key) + " \"" + other + "\" where \"" + ran + "\" was", why);
  }

  void weights() {
    const std::size_t common = std::min(ran_.steps.size(), other_.steps.size());
    for (std::size_t i = 0; i < common; ++i) {
      if (ran_.steps[i].weight_ppm == other_.steps[i].weight_ppm) continue;
      say({"steps"},
          "setWeight " + config::format_percent(other_.steps[i].weight_ppm) + " where " +
              config::format_percent(ran_.steps[i].weight_ppm) + " was",
          kOtherUsers);
      out_.back().step = i;
      return;
    }
    if (ran_.steps.size() == other_.steps.size()) return;
    say({"steps"},
        std::to_string(other_.steps.size()) + " weights where there were " + std::to_string(ran_.steps.size()),
        kOtherUsers);
    if (common < other_.steps.size()) out_.back().step = common;
  }

  void analysis() {
    const config::Analysis& ran = ran_.analysis;
    const config::Analysis& other = other_.analysis;
    if (!ran.enabled || !other.enabled) {
      const bool was = ran.enabled;
      say({"analysis"}, was ? "analysis is off" : "analysis was off",
          was ? "there is nothing to judge" : "nothing was counted to judge by");
      return;
    }
    if (ran.holdback_ppm != other.holdback_ppm) {
      say({"analysis", "holdback"},
          "holdback " + config::format_percent(other.holdback_ppm) + " where " +
              config::format_percent(ran.holdback_ppm) + " was",
          kOtherUsers);
    }
    if (ran.warmup != other.warmup) {
      say({"analysis", "warmup"},
          "warmup " + config::format_duration(other.warmup) + " where " + config::format_duration(ran.warmup) + " was",
          "latencies and amounts were counted from another moment on");
    }
    for (const config::Guard& guard : other.guards) {
      if (const std::string why = uncounted(guard); !why.empty()) {
        say({"analysis", "guards"}, "a guard on " + guard_name(guard), why);
      }
    }
  }

  // Of what outcomes and answers tell, all is counted for every plan; of the rest what the guards there were asked for.
  std::string uncounted(const config::Guard& guard) const {
    const config::Family family = family_of(guard);
    const bool is_score = guard.metric == config::GuardMetric::kFeedback;
    if (family == config::Family::kRate && !is_score) return {};
    const std::vector<config::Guard>& guards = ran_.analysis.guards;
    const auto known = std::find_if(guards.begin(), guards.end(),
                                    [&](const config::Guard& was) { return config::same_guard(was, guard); });
    const bool counted = known != guards.end();
    if (family == config::Family::kTime) {
      return counted ? std::string() : "nothing was counted by a threshold of that quantile";
    }
    if (family == config::Family::kRatio)
      return counted ? std::string() : "nothing was counted by a scale of that ratio";
    if (family == config::Family::kAmount) {
      if (!counted) return "no amount was counted up to a cap of it";
      return known->cap == guard.cap ? std::string() : "amounts were counted up to another cap";
    }
    if (!counted) return "no score of that name and source was counted";
    return known->scoring == guard.scoring ? std::string() : "scores were counted on another scale";
  }

  const config::Rollout& ran_;
  const config::Rollout& other_;
  std::vector<Incomparable> out_;
};

}  // namespace

std::vector<Incomparable> incomparable(const config::Rollout& ran, const config::Rollout& other) {
  return PlanComparison(ran, other).list();
}

}  // namespace weir::analysis
