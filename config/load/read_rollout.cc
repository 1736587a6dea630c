#include <algorithm>

#include "base/ids.h"
#include "base/text.h"
#include "config/guards.h"
#include "config/load/networks.h"
#include "config/load/read.h"
#include "config/load/read_guard.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

MaxExposure read_max_exposure(const Node& node) {
  MaxExposure most;
  const auto read_limit = [&](std::string_view key, std::optional<std::uint64_t>& into) {
    std::uint64_t value = 0;
    read_count(node, key, value);
    if (value > 0) into = value;  // what cannot be read was reported
  };
  read_limit("excessFailures", most.excess_failures);
  read_limit("failedRequests", most.failed_requests);
  most.extra_cost = decimal_of(node, "extraCost");
  return most;
}

// `unjudged`: what becomes of a bad candidate while nobody judges it.
Analysis read_analysis(const Node* node, const std::string& path, const std::string& unjudged, Report& report) {
  Analysis analysis;
  analysis.guards = default_guards();
  if (node == nullptr) return analysis;
  if (node->type == Node::Type::kScalar) {
    analysis.enabled = false;
    report.warn(node->position, path + " is off: nothing is judged, and a bad candidate " + unjudged, "guards");
    return analysis;
  }
  analysis.max_false_rollback = share_of(*node, "maxFalseRollback").value_or(analysis.max_false_rollback);
  analysis.max_false_advance = share_of(*node, "maxFalseAdvance").value_or(analysis.max_false_advance);
  analysis.holdback_ppm = percent_of(*node, "holdback").value_or(analysis.holdback_ppm);
  analysis.warmup = duration_of(*node, "warmup").value_or(analysis.warmup);
  if (const std::string* word = scalar(*node, "onGuardFail")) analysis.on_guard_fail = read_action(*word);
  analysis.rescue = read_rescue(*node, path, report);
  for (Guard& guard : analysis.guards) guard.action = analysis.on_guard_fail;
  const Node* const guards = node->find("guards");
  if (guards == nullptr) return analysis;
  std::vector<Guard> named;
  for (std::size_t i = 0; i < guards->list.size(); ++i) {
    const Node& entry = guards->list[i];
    const std::string inner = path + ".guards[" + std::to_string(i) + "]";
    const std::optional<ReadGuard> given = read_guard(entry, inner, analysis.on_guard_fail, report);
    if (!given) continue;
    const auto same = [&](const Guard& known) { return same_guard(known, given->guard); };
    if (std::any_of(named.begin(), named.end(), same)) {
      report.error(entry.position, inner + ": this guard is given twice", "each once");
      continue;
    }
    named.push_back(given->guard);
    const bool is_default = std::erase_if(analysis.guards, same) > 0;
    if (given->enabled) {
      analysis.guards.push_back(given->guard);
    } else if (!is_default) {
      report.error(entry.position, inner + ": there is no such default guard to take away", "the entry left out");
    }
  }
  if (analysis.guards.empty()) {
    report.warn(guards->position,
                path + ".guards takes every guard away: nothing is judged, and a bad candidate " + unjudged, "a guard");
  }
  return analysis;
}

std::vector<Override> read_overrides(const Node& node, const std::string& path, Report& report) {
  std::vector<Override> overrides;
  for (std::size_t i = 0; i < node.list.size(); ++i) {
    const Node& entry = node.list[i];
    Override rule;
    read(entry, "version", rule.version);
    const Node* const match = entry.find("match");
    const Node* const header = match != nullptr ? match->find("header") : nullptr;
    if (header != nullptr) {
      read(*header, "name", rule.header);
      read(*header, "exact", rule.exact);
      rule.header = lower_case(rule.header);
    }
    if (const Node* const model = match != nullptr ? match->find("model") : nullptr) read(*model, "exact", rule.model);
    if (const Node* const from = entry.find("from")) {
      rule.from = read_networks(*from, path + "[" + std::to_string(i) + "].from", report);
    }
    overrides.push_back(std::move(rule));
  }
  return overrides;
}

}  // namespace

Rollout read_rollout(const std::string& service, const Node& node, const Environment& environment, Report& report) {
  const std::string path = "rollouts." + service;
  Rollout rollout;
  read(node, "baseline", rollout.baseline);
  read(node, "candidate", rollout.candidate);
  read_strategy(node, path, rollout, report);
  read(node, "revision", rollout.revision);
  rollout.salt = service + "/" + rollout.candidate + "/" + rollout.revision;
  read(node, "salt", rollout.salt);
  if (const Node* const stickiness = node.find("stickiness")) rollout.stickiness = read_stickiness(*stickiness);
  if (const Node* const overrides = node.find("overrides")) {
    rollout.overrides = read_overrides(*overrides, path + ".overrides", report);
  }
  if (const Node* const most = node.find("maxExposure")) rollout.max_exposure = read_max_exposure(*most);
  const char* const unjudged =
      rollout.max_exposure.limits() ? "is taken back by maxExposure alone" : "is not taken back";
  rollout.analysis = read_analysis(node.find("analysis"), path + ".analysis", unjudged, report);
  // Nobody is served by the candidate, and so there is no evidence of it.
  if (rollout.strategy == Strategy::kShadow) rollout.analysis.enabled = false;
  if (const Node* const webhooks = node.find("webhooks")) {
    rollout.webhooks = read_webhooks(*webhooks, path + ".webhooks", environment, report);
  }
  return rollout;
}

}  // namespace weir::config
