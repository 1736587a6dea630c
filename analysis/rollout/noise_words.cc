// What noise.h measures, in words and as JSON.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "analysis/judge/split_watch.h"
#include "analysis/judge/words.h"
#include "analysis/rollout/noise.h"
#include "analysis/rollout/record.h"

namespace weir::analysis {
namespace {

using config::Family;

// Two digits, rounded up, so that what is named is enough.
double rounded_up(double value) {
  if (value <= 0) return 0;
  const double unit = std::pow(10, std::floor(std::log10(value)) - 1);
  return std::ceil(value / unit - 1e-9) * unit;
}

std::string digits(const char* format, double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string percent_near(double share) { return digits("%.3g%%", 100 * share); }

std::string level_words(const GuardNoise& noise) {
  switch (noise.family) {
    case Family::kRate:
      return percent_near(noise.level) + " of requests";
    case Family::kTime:
      return digits("%.4g ms", noise.level / 1000);
    case Family::kAmount:
    case Family::kScore:
    case Family::kRatio:
      break;
  }
  return digits("%.4g", noise.level) + (noise.unit.empty() ? "" : " " + noise.unit) + " on average";
}

// A margin as a plan has it.
std::string margin_words(const GuardNoise& noise, double margin) {
  if (noise.family == Family::kScore) return digits("%.4g", margin);
  return (noise.family == Family::kRate ? "" : "+") + digits("%.4g%%", 100 * margin);
}

std::string difference_words(const GuardNoise& noise) {
  // The arms' shares beyond thresholds say nothing of how long a request takes.
  if (!noise.difference || noise.family == Family::kTime) return {};
  const auto words = [&](double value) {
    const bool share = noise.family == Family::kRate || noise.family == Family::kRatio;
    return share ? percent_near(value) : digits("%.3g", value);
  };
  return ", the arms differ by " + words(noise.difference->low) + " to " + words(noise.difference->high);
}

std::string honest_words(const GuardNoise& noise, double honest_from) {
  return margin_words(noise, rounded_up(honest_from));
}

std::string planned_words(const GuardNoise& noise) {
  return margin_words(noise, std::stod(digits("%.3g", noise.planned)));
}

json::Value in_measure(Family family, const std::optional<double>& margin) {
  if (!margin) return {};
  return family == Family::kScore ? *margin : 100 * *margin;
}

json::Object guard_json(const GuardNoise& noise) {
  const auto margin = [&](const std::optional<double>& value) { return in_measure(noise.family, value); };
  json::Object guard{{"name", noise.guard},
                     {"measure", measure_word(noise.family)},
                     {"requests", static_cast<std::uint64_t>(noise.requests)},
                     {"design_effect", noise.design_effect},
                     {"planned", margin(noise.planned)},
                     {"honest_from", margin(noise.smallest_honest())},
                     {"to_advance", margin(noise.to_advance)},
                     {"to_stay", noise.family == Family::kTime ? json::Value() : margin(noise.to_stay)},
                     {"too_tight", noise.too_tight()},
                     {"says", says(noise)}};
  if (noise.family == Family::kTime) {
    guard.set("quantile_ms", noise.level / 1000);
  } else if (noise.family == Family::kRate) {
    guard.set("level_percent", 100 * noise.level);
  } else {
    guard.set("mean", noise.level);
  }
  return guard;
}

}  // namespace

std::string_view measure_word(Family family) {
  switch (family) {
    case Family::kTime:
      return "slowdown_percent";
    case Family::kAmount:
    case Family::kRatio:
      return "increase_percent";
    case Family::kScore:
      return "points";
    case Family::kRate:
      break;
  }
  return "percent";
}

std::string says(const GuardNoise& noise) {
  if (!noise.known) return noise.guard + ": too few requests yet";
  std::string text = noise.guard + ": " + level_words(noise) + difference_words(noise) +
                     digits(", design effect %.3g", noise.design_effect);
  const std::optional<double> honest_from = noise.smallest_honest();
  if (!honest_from) return text + "; no margin lets an equal candidate advance after so few requests";
  text +=
      "; honest from a margin of " + honest_words(noise, *honest_from) + " on, the plan allows " + planned_words(noise);
  return noise.too_tight() ? text + ": too tight" : text;
}

std::string summary(std::span<const GuardNoise> noises) {
  std::string tight;
  for (const GuardNoise& noise : noises) {
    if (!noise.too_tight()) continue;
    tight += (tight.empty() ? "" : ", ") + noise.guard;
    if (const std::optional<double> honest_from = noise.smallest_honest()) {
      tight += " (" + planned_words(noise) + ", honest from " + honest_words(noise, *honest_from) + ")";
    }
  }
  return tight.empty() ? "every margin is honest" : "too tight for so many requests: " + tight;
}

namespace {

// With the rest of what status says of the split. `overdue`: Thresholds::overdue_us.
json::Value split_of(const SplitStatus& split, const config::Rollout& policy, std::chrono::microseconds overdue) {
  json::Value described = split_json(split, policy);
  if (described.is_null()) return described;
  const double all = split.users[0] + split.users[1];
  const std::string unit = " " + described["unit"].string();
  const std::string due = percent_near(split.weight) + " is due";
  json::Object out = described.object();
  const std::string later = digits("%.0f s", std::ceil(SplitWatch::added_after(overdue).count()));
  out.set("says", all <= 0 ? "no" + unit + " are compared yet: those of one moment are " + later +
                                 " later, once every request of it is known"
                           : with_commas(std::round(split.users[1])) + " of " + with_commas(std::round(all)) + unit +
                                 " in the second arm, " + percent_near(split.users[1] / all) + " where " + due +
                                 (split.alarm ? ": broken" : ""));
  return out;
}

}  // namespace

json::Value noise_json(const config::Rollout& policy, const RolloutState& state, const Judge* judge) {
  if (policy.strategy != config::Strategy::kAa || judge == nullptr) return {};
  const std::vector<GuardStatus> statuses = judge->guards();
  const BaselineMemory memory = judge->memory();
  const std::chrono::microseconds overdue(judge->thresholds().overdue_us);
  const std::vector<GuardNoise> noises = noise_of({.policy = policy, .guards = statuses, .memory = memory});
  json::Array guards;
  for (const GuardNoise& noise : noises) guards.emplace_back(guard_json(noise));
  const bool honest = std::none_of(noises.begin(), noises.end(), [](const GuardNoise& n) { return n.too_tight(); });
  return json::Object{{"alarms", state.alarms},
                      {"margins_honest", honest},
                      {"summary", summary(noises)},
                      {"split", split_of(judge->verdict().split, policy, overdue)},
                      {"guards", std::move(guards)}};
}

void say_noise(Decision& decision, const json::Value& noise) {
  if (decision.kind != Decision::Kind::kReport || noise.is_null()) return;
  decision.after.reason += "; " + noise["summary"].string();
  if (noise["split"].is_object()) decision.after.reason += "; split: " + noise["split"]["says"].string();
}

}  // namespace weir::analysis
