// How a rollout's weight moves: its strategy, and what that and the steps of the plan come to.
#include <algorithm>
#include <array>

#include "base/ids.h"
#include "config/load/read.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

Hold read_hold(const Node& node, const std::string& path, Report& report) {
  Hold hold;
  hold.at_least = duration_of(node, "atLeast").value_or(hold.at_least);
  hold.at_most = duration_of(node, "atMost").value_or(hold.at_most);
  read_count(node, "minRequests", hold.min_requests);
  const std::string* const word = scalar(node, "onInconclusive");
  if (word != nullptr && *word == "rollback") hold.on_inconclusive = OnInconclusive::kRollback;
  if (hold.at_least != kNever && hold.at_least > hold.at_most)  // "none" was complained of already
    report.error(node.position, path + ": atLeast is longer than atMost", "atLeast <= atMost");
  return hold;
}

bool waits_for_a_person(const std::variant<Hold, Pause>& stage) {
  const Pause* const pause = std::get_if<Pause>(&stage);
  return pause != nullptr && !pause->duration;
}

// A step without a hold gets the default one, before its pauses: what waits for a person has been judged. At weight 0
// nothing is, and the hold would never be over.
void finish_step(std::vector<Step>& steps) {
  if (steps.empty()) return;
  auto& stages = steps.back().stages;
  if (steps.back().weight_ppm == 0 && std::any_of(stages.begin(), stages.end(), waits_for_a_person)) return;
  const bool held =
      std::any_of(stages.begin(), stages.end(), [](const auto& stage) { return std::holds_alternative<Hold>(stage); });
  if (!held) stages.insert(stages.begin(), Hold());
}

// `rollout_share_ppm` is mirrored where a step says no share of its own.
std::vector<Step> read_steps(const Node& node, std::uint32_t rollout_share_ppm, const std::string& path,
                             Report& report) {
  std::vector<Step> steps;
  for (std::size_t i = 0; i < node.list.size(); ++i) {
    const Node& entry = node.list[i];
    const std::string inner = path + "[" + std::to_string(i) + "]";
    if (entry.find("setWeight") != nullptr && !percent_of(entry, "setWeight")) return steps;  // complained of already
    if (const std::optional<std::uint32_t> weight = percent_of(entry, "setWeight")) {
      finish_step(steps);
      if (!steps.empty() && *weight <= steps.back().weight_ppm) {
        report.error(entry.position, inner + ".setWeight does not rise above the step before it", "a higher weight");
      }
      steps.push_back({.weight_ppm = *weight, .stages = {}});
      continue;
    }
    const Node* const hold = entry.find("hold");
    const Node* const pause = entry.find("pause");
    const Node* const mirror = entry.find("mirror");
    if (hold == nullptr && pause == nullptr && mirror == nullptr) continue;
    if (steps.empty()) {
      report.error(entry.position, inner + " stands before the first setWeight", "a setWeight first");
      continue;
    }
    if (hold != nullptr) steps.back().stages.emplace_back(read_hold(*hold, inner + ".hold", report));
    if (pause != nullptr) steps.back().stages.emplace_back(Pause{duration_of(*pause, "duration")});
    if (mirror == nullptr) continue;
    if (steps.back().mirror_ppm > 0) {
      report.error(entry.position, inner + ": the step has a mirror already", "one at most behind each setWeight");
    }
    steps.back().mirror_ppm = percent_of(*mirror, "percent").value_or(rollout_share_ppm);
  }
  finish_step(steps);
  if (!steps.empty() && steps.back().weight_ppm != kMillion) steps.push_back({.weight_ppm = kMillion, .stages = {Hold()}});
  return steps;
}

std::vector<Step> default_steps() {
  std::vector<Step> steps;
  for (const std::uint32_t percent : {1U, 5U, 25U, 50U, 100U}) {
    steps.push_back({.weight_ppm = percent * 10'000, .stages = {Hold()}});
  }
  return steps;
}

// Nothing where the word is none; that was complained of already.
std::optional<Strategy> strategy_of(const Node& node) {
  if (node.find("strategy") == nullptr) return Strategy::kCanary;
  const std::string* const word = scalar(node, "strategy");
  for (const Strategy known : {Strategy::kCanary, Strategy::kBlueGreen, Strategy::kAa, Strategy::kShadow}) {
    if (word != nullptr && *word == to_string(known)) return known;
  }
  return {};
}

struct OwnKey {
  std::string_view name;
  Strategy of;
  std::optional<Strategy> also = {};
};
constexpr std::array<OwnKey, 8> kOwnKeys = {{{"steps", Strategy::kCanary},
                                             {"previewWeight", Strategy::kBlueGreen},
                                             {"previewHold", Strategy::kBlueGreen},
                                             {"bakeHold", Strategy::kBlueGreen},
                                             {"scaleDownDelay", Strategy::kBlueGreen},
                                             {"splitWeight", Strategy::kAa},
                                             {"reportEvery", Strategy::kAa, Strategy::kShadow},
                                             {"mirror", Strategy::kShadow, Strategy::kCanary}}};

std::string_view instead_of_steps(Strategy strategy) {
  if (strategy == Strategy::kAa) return "splitWeight in their place, or strategy: canary";
  if (strategy == Strategy::kShadow) return "mirror in their place, or strategy: canary";
  return "previewWeight, previewHold and bakeHold in their place, or strategy: canary";
}

void refuse_foreign_keys(const Node& node, Strategy strategy, const std::string& path, Report& report) {
  for (const OwnKey& key : kOwnKeys) {
    const Node* const given = node.find(key.name);
    if (given == nullptr || key.of == strategy || key.also == strategy) continue;
    const std::string name = path + "." + std::string(key.name);
    if (key.of == Strategy::kCanary) {
      report.error(given->position, name + ": strategy " + std::string(to_string(strategy)) + " has steps of its own",
                   std::string(instead_of_steps(strategy)));
    } else {
      std::string owner(to_string(key.of));
      if (key.also) owner += " or " + std::string(to_string(*key.also));
      report.error(given->position, name + " belongs to strategy " + owner,
                   "strategy: " + owner + ", or the key left out");
    }
  }
}

Hold hold_of(const Node& node, std::string_view key, const std::string& path, Report& report) {
  const Node* const hold = node.find(key);
  return hold == nullptr ? Hold() : read_hold(*hold, path + "." + std::string(key), report);
}

// The preview, and everybody at once. Where nobody is judged, the preview ends when a person says so.
void read_blue_green(const Node& node, const std::string& path, Rollout& rollout, Report& report) {
  constexpr std::uint32_t kPreview = 10'000;
  constexpr std::chrono::seconds kScaleDownDelay{30};
  Step preview{.weight_ppm = percent_of(node, "previewWeight").value_or(kPreview), .stages = {}};
  const Hold hold = hold_of(node, "previewHold", path, report);
  if (preview.weight_ppm > 0) {
    preview.stages.emplace_back(hold);
  } else {
    preview.stages.emplace_back(Pause());
    if (const Node* const given = node.find("previewHold")) {
      report.error(given->position,
                   path + ".previewHold: at previewWeight 0 nothing is judged, and the switch waits for a person",
                   "a previewWeight above 0, or the key left out");
    }
  }
  rollout.steps = {std::move(preview), {.weight_ppm = kMillion, .stages = {hold_of(node, "bakeHold", path, report)}}};
  rollout.scale_down_delay = duration_of(node, "scaleDownDelay").value_or(Duration(kScaleDownDelay));
}

// One step that no evidence ends; its hold is the time from one report to the next.
Step measuring_step(const Node& node, std::uint32_t weight_ppm) {
  Hold until_report;
  until_report.at_least = duration_of(node, "reportEvery").value_or(std::chrono::hours(24));
  until_report.at_most = kNever;
  until_report.min_requests = 0;
  return {.weight_ppm = weight_ppm, .stages = {until_report}};
}

void read_aa(const Node& node, Rollout& rollout) {
  constexpr std::uint32_t kSplit = 500'000;
  rollout.steps = {measuring_step(node, percent_of(node, "splitWeight").value_or(kSplit))};
  if (node.find("candidate") == nullptr) rollout.candidate = rollout.baseline;
}

Mirror read_mirror(const Node& node) {
  Mirror mirror;
  mirror.share_ppm = percent_of(node, "percent").value_or(mirror.share_ppm);
  if (const Node* const methods = node.find("methods")) {
    mirror.methods.clear();
    if (methods->type == Node::Type::kScalar) mirror.methods.push_back(methods->scalar);
    for (const Node& element : methods->list) mirror.methods.push_back(element.scalar);
  }
  mirror.body = size_of(node, "body").value_or(mirror.body);
  read_count(node, "inFlight", mirror.in_flight);
  mirror.timeout = duration_of(node, "timeout").value_or(mirror.timeout);
  return mirror;
}

void read_shadow(const Node& node, Rollout& rollout) {
  rollout.steps = {measuring_step(node, 0)};
  rollout.steps.front().mirror_ppm = rollout.mirror.share_ppm;
}

}  // namespace

void read_strategy(const Node& node, const std::string& path, Rollout& rollout, Report& report) {
  const std::optional<Strategy> strategy = strategy_of(node);
  if (strategy) refuse_foreign_keys(node, *strategy, path, report);
  rollout.strategy = strategy.value_or(Strategy::kCanary);
  if (const Node* const mirror = node.find("mirror")) rollout.mirror = read_mirror(*mirror);
  if (rollout.strategy == Strategy::kBlueGreen) {
    read_blue_green(node, path, rollout, report);
  } else if (rollout.strategy == Strategy::kAa) {
    read_aa(node, rollout);
  } else if (rollout.strategy == Strategy::kShadow) {
    read_shadow(node, rollout);
  } else {
    const Node* const steps = node.find("steps");
    rollout.steps =
        steps != nullptr ? read_steps(*steps, rollout.mirror.share_ppm, path + ".steps", report) : default_steps();
  }
  // Of a strategy that cannot be read nobody knows whether it needs one.
  if (strategy && *strategy != Strategy::kAa && node.find("candidate") == nullptr) {
    report.error(node.position, path + ".candidate is missing", "a text");
  }
}

}  // namespace weir::config
