#include "analysis/rollout/rollout_state.h"

#include <algorithm>
#include <array>
#include <variant>

#include "analysis/judge/guard_rule.h"
#include "base/hash.h"
#include "base/json.h"

namespace weir::analysis {
namespace {

constexpr std::array<std::string_view, kPhaseCount> kPhases = {"running", "paused", "baking", "promoted", "rolledBack"};
constexpr std::array<std::string_view, 7> kCauses = {"none",   "plan",         "operator", "guard",
                                                     "counts", "inconclusive", "split"};

template <std::size_t N>
std::optional<std::size_t> index_of(const std::array<std::string_view, N>& words, std::string_view word) {
  const auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end()) return {};
  return static_cast<std::size_t>(at - words.begin());
}

bool is_pause(const config::Step& step, std::uint32_t stage) {
  return stage < step.stages.size() && std::holds_alternative<config::Pause>(step.stages[stage]);
}

void take_phase(RolloutState& state, const config::Step& step) {
  state.cause = is_pause(step, state.stage) ? PauseCause::kPlan : PauseCause::kNone;
  state.phase = state.weight_ppm == kMillion ? Phase::kBaking : Phase::kRunning;
  if (state.cause == PauseCause::kPlan) state.phase = Phase::kPaused;
}

}  // namespace

std::string_view to_string(Phase phase) { return kPhases[static_cast<std::size_t>(phase)]; }

std::string write_state(const RolloutState& state) {
  return json::write(json::Object{{"phase", to_string(state.phase)},
                                  {"cause", kCauses[static_cast<std::size_t>(state.cause)]},
                                  {"reason", state.reason},
                                  {"weight_ppm", state.weight_ppm},
                                  {"stage", state.stage},
                                  {"step", state.step},
                                  {"attempt", state.attempt},
                                  {"steps_at_start", state.steps_at_start},
                                  {"decided_ms", state.decided_ms},
                                  {"served_ppm", state.served_ppm},
                                  {"next_ppm", state.next_ppm},
                                  {"salt", state.salt},
                                  {"plan", state.plan},
                                  {"keeps_baseline", state.keeps_baseline},
                                  {"alarms", state.alarms},
                                  {"exposure", write_exposure(state.exposure)},
                                  {"shadow", write_shadow(state.shadow)},
                                  {"elapsed_s", state.elapsed.count()},
                                  {"in_step_s", state.in_step.count()},
                                  {"in_stage_s", state.in_stage.count()},
                                  {"warmup_left_s", state.warmup_left.count()}});
}

std::optional<RolloutState> read_state(std::string_view text) {
  const json::ParseResult parsed = json::parse(text);
  const json::Value& in = parsed.value;
  const std::optional<std::size_t> phase = index_of(kPhases, in["phase"].string());
  const std::optional<std::size_t> cause = index_of(kCauses, in["cause"].string());
  if (!parsed.ok() || !phase || !cause || !in["step"].is_number()) return {};
  const auto whole = [&](std::string_view name) { return static_cast<std::uint32_t>(in[name].integer()); };
  RolloutState state;
  state.phase = static_cast<Phase>(*phase);
  state.cause = static_cast<PauseCause>(*cause);
  state.reason = in["reason"].string();
  state.weight_ppm = std::min(whole("weight_ppm"), kMillion);
  state.stage = whole("stage");
  state.step = whole("step");
  state.attempt = whole("attempt");
  state.steps_at_start = std::max(1U, whole("steps_at_start"));
  state.decided_ms = in["decided_ms"].integer();
  state.served_ppm = std::min(whole("served_ppm"), kMillion);
  state.next_ppm = std::min(whole("next_ppm"), kMillion);
  state.salt = in["salt"].string();
  state.plan = in["plan"].string();
  state.keeps_baseline = in["keeps_baseline"].boolean();  // false in what was written before there was one
  state.alarms = whole("alarms");                         // likewise
  state.exposure = read_exposure(in["exposure"]);         // nothing, likewise
  state.shadow = read_shadow(in["shadow"]);               // nothing, likewise
  state.elapsed = Seconds(in["elapsed_s"].number());
  state.in_step = Seconds(in["in_step_s"].number());
  state.in_stage = Seconds(in["in_stage_s"].number());
  state.warmup_left = Seconds(in["warmup_left_s"].number());  // 0 in what was written before there was one
  return state;
}

config::Step step_at(const config::Rollout& policy, std::uint32_t weight_ppm) {
  const auto at = std::find_if(policy.steps.begin(), policy.steps.end(),
                               [&](const config::Step& step) { return step.weight_ppm == weight_ppm; });
  if (at != policy.steps.end()) return *at;
  if (policy.strategy != config::Strategy::kBlueGreen) return {.weight_ppm = weight_ppm, .stages = {config::Hold()}};
  // Another preview: it ends as the plan's does. At weight 0 no request can end it.
  if (weight_ppm == 0) return {.weight_ppm = 0, .stages = {config::Pause()}};
  return {.weight_ppm = weight_ppm, .stages = policy.steps.front().stages};
}

std::uint32_t weight_after(const config::Rollout& policy, std::uint32_t weight_ppm) {
  for (const config::Step& step : policy.steps) {
    if (step.weight_ppm > weight_ppm) return step.weight_ppm;
  }
  return kMillion;
}

std::uint32_t served_weight(const config::Rollout& policy, std::uint32_t weight_ppm) {
  return weight_ppm == kMillion ? kMillion - policy.analysis.holdback_ppm : weight_ppm;
}

RolloutState begin_step(const RolloutState& from, const config::Rollout& policy, std::uint32_t weight_ppm) {
  RolloutState state = from;
  state.weight_ppm = weight_ppm;
  state.served_ppm = served_weight(policy, weight_ppm);
  state.next_ppm = weight_after(policy, weight_ppm);
  state.salt = policy.salt;
  state.stage = 0;
  ++state.step;
  state.in_step = Seconds(0);
  state.in_stage = Seconds(0);
  // A candidate that nobody was sent to is cold; one that gets more than before is not.
  if (state.served_ppm == 0) state.warmup_left = Seconds(0);
  if (state.served_ppm > 0 && from.served_ppm == 0) state.warmup_left = Seconds(policy.analysis.warmup);
  take_phase(state, step_at(policy, weight_ppm));
  return state;
}

RolloutState begin_stage(const RolloutState& from, const config::Rollout& policy, std::uint32_t stage) {
  RolloutState state = from;
  state.stage = stage;
  state.in_stage = Seconds(0);
  take_phase(state, step_at(policy, state.weight_ppm));
  return state;
}

void pass_time(RolloutState& state, Seconds dt) {
  if (state.keeps_baseline) state.in_stage += dt;
  if (state.over() || state.step == 0) return;
  state.elapsed += dt;
  state.warmup_left = std::max(Seconds(0), state.warmup_left - dt);
  if (state.running()) state.in_step += dt;
  if (state.running() || state.cause == PauseCause::kPlan) state.in_stage += dt;
}

std::string fingerprint(const config::Rollout& policy) {
  json::Array steps;
  for (const config::Step& step : policy.steps) {
    json::Array stages;
    for (const auto& stage : step.stages) {
      if (const auto* hold = std::get_if<config::Hold>(&stage)) {
        stages.push_back(json::Array{hold->at_least.count(), hold->min_requests, hold->at_most.count(),
                                     static_cast<int>(hold->on_inconclusive)});
      } else {
        const std::optional<config::Duration>& duration = std::get<config::Pause>(stage).duration;
        stages.push_back(duration ? json::Value(duration->count()) : json::Value());
      }
    }
    json::Array described{step.weight_ppm, std::move(stages)};
    // A step that copies nothing is what it was before there were mirrors.
    if (step.mirror_ppm > 0) described.push_back(step.mirror_ppm);
    steps.push_back(std::move(described));
  }
  json::Array guards;
  for (const config::Guard& guard : policy.analysis.guards) {
    guards.push_back(json::Array{guard_name(guard), guard.relative, guard.absolute, guard.absolute_duration.count(),
                                 static_cast<int>(guard.action), guard.gate, guard.max_share.value_or(0),
                                 guard.max_duration.value_or(config::Duration(0)).count(), guard.cap,
                                 guard.scoring.binary, guard.scoring.lower_is_better, guard.scoring.from,
                                 guard.scoring.to});
  }
  const config::Analysis& analysis = policy.analysis;
  json::Array all{std::move(steps),           std::move(guards),     analysis.enabled, analysis.max_false_rollback,
                  analysis.max_false_advance, analysis.holdback_ppm, policy.salt,      policy.stickiness.by.empty()};
  // A plan without budgets is what it was before there were any.
  const config::MaxExposure& most = policy.max_exposure;
  if (most.limits()) {
    all.push_back(
        json::Array{most.excess_failures.value_or(0), most.extra_cost.value_or(0), most.failed_requests.value_or(0)});
  }
  return std::to_string(xxh3_64(json::write(all)));
}

}  // namespace weir::analysis
