// Pure functions. What a rollout's guards will see in each step, and what they never will.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/forecast/step_time.h"
#include "analysis/forecast/traffic.h"
#include "config/rollout.h"

namespace weir::analysis {

// What may be wrong with a candidate from a step's beginning on.
struct Regression {
  enum class Kind : std::uint8_t {
    kErrors,        // so many times the baseline's
    kTotalFailure,  // every request fails
    kSlowTail,      // the slowest 5 % are stretched by what grows from 1 at the 95th percentile to so much at the 99th
    kSlower,        // every request takes so many times as long
    kSlowInputs,    // such a share of the inputs takes ten times as long
    kMoreTokens,    // answers have so many times as many tokens
    kDearer,        // answers cost so many times as much
    kMoreBad,       // so many times as many answers are told to be bad
    kWorseScores,   // answers are worth so much less, as a share of the scale
  };
  Kind kind = Kind::kErrors;
  double degree = 1;
};
inline constexpr std::array<Regression, 11> kRegressions = {{{Regression::Kind::kErrors, 2},
                                                             {Regression::Kind::kErrors, 10},
                                                             {Regression::Kind::kTotalFailure, 1},
                                                             {Regression::Kind::kSlowTail, 1.5},
                                                             {Regression::Kind::kSlowTail, 2},
                                                             {Regression::Kind::kSlower, 1.1},
                                                             {Regression::Kind::kSlowInputs, 0.05},
                                                             {Regression::Kind::kMoreTokens, 1.15},
                                                             {Regression::Kind::kDearer, 1.15},
                                                             {Regression::Kind::kMoreBad, 2},
                                                             {Regression::Kind::kWorseScores, 0.05}}};

// Whether a guard would tell: it is about what this changes.
bool tells(const config::Guard& guard, const Regression& regression);

// When it is found, and by which guard.
struct Detection {
  enum class Why : std::uint8_t {
    kFound,
    kWithinMargin,  // a regression that the guard allows for
    kNoGuard,       // none is about it
    kNotCompared,   // one of the versions has no requests, or nothing is judged, and no ceiling is about it
  };
  Why why = Why::kNoGuard;
  std::optional<std::size_t> guard;  // the fastest, or the one that allows for it
  bool by_ceiling = false;           // of that guard
  TimeSpan found_s;
};

// What one guard sees in one step. Rates are shares of requests, slowdowns factors of a time, increases factors of an
// amount, all of them what the candidate has: 0.01 errors, or 1.2 times as long. Of scores, by how much they are worse,
// on their scale.
struct GuardSight {
  double baseline = 0;  // a rate; of a time the quantile in microseconds; of a mean y
  double accepted = 0;  // never found: so high a rate, or slowdown, and all below
  // The smallest that is found 95 times in 100 while a healthy candidate stays, and before the step's time is over.
  // Nothing: none is.
  std::optional<double> while_it_stays;
  std::optional<double> at_the_most;
};

struct StepOutlook {
  StepTime time;
  std::vector<GuardSight> guards;  // as in the plan
  std::array<Detection, kRegressions.size()> regressions;
};

// What a plan's author should know, most of it at this traffic.
struct Caution {
  enum class Kind : std::uint8_t {
    kImpossible,   // the gate passes at no traffic
    kTooSlow,      // half of all healthy candidates are not through before the step's time is over
    kMaybeSlow,    // more than 5 in 100 are not
    kNotArmed,     // the quantile is not judged before the step's time is over
    kNobody,       // at weight 0 nothing is judged, and the step does not end by itself
    kNoGate,       // the step does not end by itself
    kOverCeiling,  // half of all healthy candidates are found to pass it before the rollout is over
    kNearCeiling,  // it is below what the baseline does, but takes longer to be found passed
  };
  Kind kind = Kind::kTooSlow;
  std::size_t step = 0;
  std::optional<std::size_t> guard;  // that it is about
  double after_s = kNeverSeconds;    // kOverCeiling: of the rollout's time, in half of all cases
};
struct RolloutOutlook {
  std::vector<StepOutlook> steps;
  // Of all steps, without what people take; infinity where a step does not end in time, or a ceiling is passed before.
  TimeSpan total_s;
  std::vector<Caution> ceilings;  // of ceiling_cautions()
};
RolloutOutlook look_ahead(const config::Rollout& rollout, const BaselineTraffic& traffic);
// In the first step in which the candidate is judged.
Detection first_detection(const config::Rollout& rollout, const BaselineTraffic& traffic, const Regression& regression);

std::vector<Caution> cautions(const std::vector<StepTime>& steps);
// Of ceilings that the baseline itself passes, by what is known of it: a candidate that is as good would, too. `steps`
// are the rollout's.
std::vector<Caution> ceiling_cautions(const config::Rollout& rollout, const BaselineTraffic& traffic,
                                      const std::vector<StepTime>& steps);

}  // namespace weir::analysis
