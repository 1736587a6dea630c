#include <algorithm>

#include "config/guards.h"
#include "config/write/writing.h"

namespace weir::config {
namespace {

json::Object write_override(const Override& rule, const Redaction& redaction) {
  json::Object match;
  if (!rule.header.empty()) {
    match.set("header", json::Object{{"name", rule.header}, {"exact", shown(rule.header, rule.exact, redaction)}});
  }
  if (!rule.model.empty()) match.set("model", json::Object{{"exact", rule.model}});
  json::Object section{{"match", std::move(match)}, {"version", rule.version}};
  set_list(section, "from", write_networks(rule.from));
  return section;
}

json::Object write_hold(const Hold& hold) {
  const bool rolls_back = hold.on_inconclusive == OnInconclusive::kRollback;
  return {{"atLeast", format_duration(hold.at_least)},
          {"minRequests", hold.min_requests},
          {"atMost", format_duration(hold.at_most)},
          {"onInconclusive", rolls_back ? "rollback" : "pause"}};
}

json::Object write_stage(const Hold& hold) { return {{"hold", write_hold(hold)}}; }

json::Object write_stage(const Pause& pause) {
  json::Object section;
  if (pause.duration) section.set("duration", format_duration(*pause.duration));
  return {{"pause", std::move(section)}};
}

json::Array write_steps(const std::vector<Step>& steps) {
  json::Array list;
  for (const Step& step : steps) {
    list.push_back(json::Object{{"setWeight", format_percent(step.weight_ppm)}});
    if (step.mirror_ppm > 0) {
      list.push_back(json::Object{{"mirror", json::Object{{"percent", format_percent(step.mirror_ppm)}}}});
    }
    for (const auto& stage : step.stages) {
      list.push_back(std::visit([](const auto& waits) { return write_stage(waits); }, stage));
    }
  }
  return list;
}

json::Object write_mirror(const Mirror& mirror) {
  return {{"percent", format_percent(mirror.share_ppm)},
          {"methods", write_texts(mirror.methods)},
          {"body", format_size(mirror.body)},
          {"inFlight", mirror.in_flight},
          {"timeout", format_duration(mirror.timeout)}};
}

// The keys of its strategy, from the steps that they were resolved into.
void write_strategy(json::Object& section, const Rollout& rollout) {
  const Step& first = rollout.steps.front();
  const Hold* const hold = std::get_if<Hold>(&first.stages.front());
  switch (rollout.strategy) {
    case Strategy::kCanary:
      section.set("steps", write_steps(rollout.steps));
      if (rollout.mirrors()) section.set("mirror", write_mirror(rollout.mirror));
      break;
    case Strategy::kBlueGreen:
      section.set("previewWeight", format_percent(first.weight_ppm));
      if (hold != nullptr) section.set("previewHold", write_hold(*hold));
      section.set("bakeHold", write_hold(std::get<Hold>(rollout.steps.back().stages.front())));
      section.set("scaleDownDelay", format_duration(rollout.scale_down_delay.value_or(Duration(0))));
      break;
    case Strategy::kAa:
      section.set("splitWeight", format_percent(first.weight_ppm));
      section.set("reportEvery", format_duration(std::get<Hold>(first.stages.front()).at_least));
      break;
    case Strategy::kShadow:
      section.set("mirror", write_mirror(rollout.mirror));
      section.set("reportEvery", format_duration(std::get<Hold>(first.stages.front()).at_least));
      break;
  }
}

std::string_view word_of(GuardAction action) {
  switch (action) {
    case GuardAction::kRollback:
      break;
    case GuardAction::kPause:
      return "pause";
    case GuardAction::kWarn:
      return "warn";
  }
  return "rollback";
}

// Which one it is.
json::Object name_guard(const Guard& guard) {
  json::Object section{{"metric", to_string(guard.metric)}};
  if (is_time(guard)) section.set("quantile", guard.quantile);
  if (guard.metric == GuardMetric::kFinishReason) section.set("is", to_string(guard.finish));
  if (guard.metric == GuardMetric::kFeedback) section.set("name", guard.scoring.name);
  set_text(section, "source", guard.scoring.source);
  return section;
}

void write_scoring(const Scoring& scoring, json::Object& section) {
  section.set("binary", scoring.binary).set("better", scoring.lower_is_better ? "lower" : "higher");
  if (!scoring.binary) section.set("scale", json::Object{{"from", scoring.from}, {"to", scoring.to}});
}

json::Object write_margin(const Guard& guard) {
  json::Object margin;
  if (family_of(guard) != Family::kScore || guard.scoring.lower_is_better) {
    margin.set("relative", format_share(guard.relative));
  }
  if (is_time(guard)) return margin.set("absolute", format_duration(guard.absolute_duration));
  if (is_ratio(guard)) return margin;
  if (is_mean(guard)) return margin.set("absolute", guard.absolute);
  return margin.set("absolute", format_share(guard.absolute));
}

json::Object write_guard(const Guard& guard) {
  json::Object section = name_guard(guard);
  if (guard.metric == GuardMetric::kFeedback) write_scoring(guard.scoring, section);
  if (guard.cap > 0) section.set("cap", guard.cap);
  section.set("allowedDegradation", write_margin(guard));
  if (guard.max_share) section.set("max", format_share(*guard.max_share));
  if (guard.max_duration) section.set("max", format_duration(*guard.max_duration));
  return section.set("onGuardFail", word_of(guard.action)).set("gate", guard.gate).set("enabled", true);
}

// Those in force, and behind them the default ones that the plan has taken away.
json::Array write_guards(const std::vector<Guard>& guards) {
  json::Array list;
  for (const Guard& guard : guards) list.push_back(write_guard(guard));
  for (const Guard& guard : default_guards()) {
    const auto same = [&](const Guard& other) { return same_guard(guard, other); };
    if (std::none_of(guards.begin(), guards.end(), same)) list.push_back(name_guard(guard).set("enabled", false));
  }
  return list;
}

json::Object write_max_exposure(const MaxExposure& most) {
  json::Object section;
  if (most.excess_failures) section.set("excessFailures", *most.excess_failures);
  if (most.extra_cost) section.set("extraCost", *most.extra_cost);
  if (most.failed_requests) section.set("failedRequests", *most.failed_requests);
  return section;
}

json::Value write_analysis(const Analysis& analysis) {
  if (!analysis.enabled) return "off";
  json::Object section{{"maxFalseRollback", format_share(analysis.max_false_rollback)},
                       {"maxFalseAdvance", format_share(analysis.max_false_advance)},
                       {"warmup", format_duration(analysis.warmup)},
                       {"holdback", format_percent(analysis.holdback_ppm)},
                       {"guards", write_guards(analysis.guards)},
                       {"onGuardFail", word_of(analysis.on_guard_fail)}};
  if (analysis.rescue.enabled) section.set("rescue", write_rescue(analysis.rescue));
  return section;
}

json::Object write_webhook(const Webhook& webhook, const Redaction& redaction) {
  const bool judges = webhook.type == Webhook::Type::kJudge;
  json::Object section{{"type", judges ? "judge" : "event"},
                       {"url", redaction.webhook(webhook)},
                       {"name", webhook.name},
                       {"timeout", format_duration(webhook.timeout)},
                       {"retries", webhook.retries}};
  if (judges) section.set("body", format_size(webhook.body));
  if (webhook.secret) section.set("secret", write_secret(*webhook.secret));
  return section;
}

}  // namespace

json::Object write_rollout(const Rollout& rollout, const Redaction& redaction) {
  json::Object section{{"baseline", rollout.baseline}, {"candidate", rollout.candidate}};
  set_text(section, "revision", rollout.revision);
  section.set("strategy", to_string(rollout.strategy)).set("salt", rollout.salt);
  set_section(section, "stickiness", write_stickiness(rollout.stickiness));
  json::Array overrides;
  for (const Override& rule : rollout.overrides) overrides.push_back(write_override(rule, redaction));
  set_list(section, "overrides", std::move(overrides));
  write_strategy(section, rollout);
  set_section(section, "maxExposure", write_max_exposure(rollout.max_exposure));
  if (rollout.strategy != Strategy::kShadow) section.set("analysis", write_analysis(rollout.analysis));
  json::Array webhooks;
  for (const Webhook& webhook : rollout.webhooks) webhooks.push_back(write_webhook(webhook, redaction));
  set_list(section, "webhooks", std::move(webhooks));
  return section;
}

}  // namespace weir::config
