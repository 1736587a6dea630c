// Pure functions. How long a healthy candidate stays in each step, and what it waits for there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "analysis/forecast/traffic.h"
#include "analysis/stats/forecast.h"
#include "config/rollout.h"

namespace weir::analysis {

inline constexpr double kNeverSeconds = std::numeric_limits<double>::infinity();

// Seconds: in half of all cases within `p50`, in 95 of 100 within `p95`. Infinity: never.
struct TimeSpan {
  double p50 = kNeverSeconds;
  double p95 = kNeverSeconds;
};

struct GuardTime {
  bool gate = false;     // it has to pass before the step is over
  double armed_s = 0;    // from the step's beginning until it is judged at all
  double limited_s = 0;  // likewise until it is held against its ceiling
  double told_rps = 0;   // how much of the candidate it is told: of scores, not of each answer one
  double told_after_s = 0;
  TimeSpan passes_s;     // from the step's beginning; of a gate alone
  bool possible = true;  // false: no traffic ever makes this gate pass

  // The same of its ceiling.
  GuardTime of_ceiling() const {
    GuardTime time = *this;
    time.armed_s = limited_s;
    return time;
  }
  // From the step's beginning until it is judged by as many of the candidate's observations as it takes, three at
  // least; and the other way round.
  TimeSpan seconds_until(const Forecast& n) const {
    const double begins_s = armed_s + told_after_s;
    return {begins_s + seconds_for(n.n50, 1, told_rps), begins_s + seconds_for_most(n.n95, 1, told_rps)};
  }
  double observations_within(double seconds) const {
    return std::max(0.0, seconds - armed_s - told_after_s) * told_rps;
  }
};

// What a step's end waits for.
struct Bottleneck {
  enum class Kind : std::uint8_t { kAtLeast, kMinRequests, kGate, kPause, kNoGate, kNoTraffic };
  Kind kind = Kind::kAtLeast;
  std::size_t guard = 0;  // kGate: which one of the plan
};

struct StepTime {
  double weight = 0;  // the candidate's share that is served, 0 to 1: less the holdback at 100 %
  double candidate_rps = 0;
  bool judged = false;    // the analysis is on
  bool compared = false;  // and both versions have requests
  bool limited = false;   // and the candidate has: it is held against ceilings
  bool at_full = false;   // no gate is asked
  bool endless = false;   // a version against itself: nothing ends it, nor is to
  std::vector<GuardTime> guards;
  TimeSpan lasts_s;        // without what a person takes; as if it had no `atMost`
  double most_s = 0;       // by its holds and pauses, how long it may last
  Bottleneck waits_for;    // where it takes long
  bool by_person = false;  // a pause without a duration is in it
  bool in_time_p50 = true;
  bool in_time_p95 = true;
};

std::vector<StepTime> step_times(const config::Rollout& rollout, const BaselineTraffic& traffic);

// What a ceiling on times allows for: the same, whatever the baseline does.
LatencyOutlook ceiling_outlook(const config::Guard& guard, const BaselineTraffic& traffic);
// A guard's rule about times, on what the baseline is expected to do: in terms of whole latencies.
LatencyOutlook latency_outlook(const config::Guard& guard, const BaselineTraffic& traffic);

}  // namespace weir::analysis
