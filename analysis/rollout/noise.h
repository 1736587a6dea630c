// Pure functions. What a run of the baseline against itself (`strategy: aa`) says about each guard: how noisy this
// service is, and the smallest margin that is honest about a candidate which is no worse.
//
// Both arms are one version, so whatever they differ by is noise. With n the observations of the second arm, whose
// share of the users is w, phi and phi_adv the divisors of 4.7, and n50 and n95 of STATISTICS.md 4.12:
//
//   to_advance   the least margin with n95(both arms alike; margin, w, phi_adv, B of a gate) <= n
//   to_stay      the least margin with n50(each arm as seen; margin, w, phi, B from the rollout's start on) > n,
//                whichever of the two arms is taken for the candidate
//
// Under the first a candidate that is equal would not have advanced by now, 95 times in 100; under the second what was
// seen would have been taken for harm. The smallest honest margin is the larger of the two; the first falls as requests
// come. Margins (honest_margin.h) are those of a last step, which allows for no more than the plan does. Of a time
// to_advance has the rates p_b = tau and p_c = P(time > (1 + m) q_tau), by the histogram of the first arm, and d = d_k
// of a last step (4.0); there is no to_stay, for which times an arm had is known against the plan's thresholds alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/judge/judge.h"
#include "analysis/judge/verdict.h"
#include "analysis/rollout/decide.h"
#include "analysis/rollout/rollout_state.h"
#include "analysis/window/baseline_memory.h"
#include "base/json.h"
#include "config/guards.h"

namespace weir::analysis {

// Margins are shares of requests, 0.001 for 0.1 %; of times and amounts by how much they are larger, 0.2 for 1.2 times
// as long; of scores points of their scale.
struct GuardNoise {
  std::string guard;
  config::Family family = config::Family::kRate;
  bool known = false;   // there is something to say of it
  double level = 0;     // seen, of both arms: a share of requests; a quantile in microseconds; a mean in its unit
  std::string unit;     // of a mean; empty: none
  double requests = 0;  // of the second arm; of a mean observations
  double planned = 0;   // what the plan allows beyond the level
  bool gates = false;   // it has to pass before a rollout advances
  double design_effect = 1;
  std::optional<GuardStatus::Bounds> difference;  // second arm less first, at all times within the bounds
  std::optional<double> to_advance;               // of a gate; nothing: not yet with any margin
  double to_stay = 0;

  // Nothing: too few requests to name one.
  std::optional<double> smallest_honest() const;
  bool too_tight() const;
};

struct NoiseSource {
  const config::Rollout& policy;
  std::span<const GuardStatus> guards;
  const BaselineMemory& memory;  // the judge's
};
// One entry a comparison; ceilings are none.
std::vector<GuardNoise> noise_of(const NoiseSource& source);

// What a number about a guard is a number of, as JSON has it.
std::string_view measure_word(config::Family family);
// In a sentence: "errorRate: 0.10 % of requests …".
std::string says(const GuardNoise& noise);
// What there is to say of all of them, in a few words: "every margin is honest", or which are too tight.
std::string summary(std::span<const GuardNoise> noises);
// As status, history and webhooks have it: from what the judge knows alone, so that a replay says the same. Null unless
// the policy compares a baseline with itself, and without a judge.
json::Value noise_json(const config::Rollout& policy, const RolloutState& state, const Judge* judge);
// A report says in its reason what it found, and whether the arms got their shares of users.
void say_noise(Decision& decision, const json::Value& noise);

}  // namespace weir::analysis
