// Pure functions. The smallest margin that is honest about a candidate which is no worse: one with which it advances in
// the time that there is, and with which what was seen of it is no harm.
//
// A margin is what a plan has one of: of a rate d, with a = 1; of a time the slowdown m; of an amount a - 1, with
// d = 0; of a score d, with a = 1. n50 and n95 are those of STATISTICS.md 4.12.
#pragma once

#include <optional>

#include "analysis/stats/forecast.h"
#include "config/guards.h"

namespace weir::analysis {

// The least margin with n95 <= `n`: with it an equal candidate advances within `n` observations of its own, 95 times in
// 100. What the outlook has for a margin is not looked at, but for the one of rates that a gate of times allows beside
// the slowdown. Nothing: no margin does (of times: none up to ten times as long), or there are fewer than three, by
// which nothing is decided. `family`: kAmount, kScore or kRatio.
std::optional<double> margin_to_advance(const RateOutlook& equal, double beta, double n);
std::optional<double> margin_to_advance(const MeanOutlook& equal, config::Family family, double beta, double n);
std::optional<double> slowdown_to_advance(const LatencyOutlook& times, const RateOutlook& equal, double beta, double n);
// The least with n50 > `n`: with it such arms would not have been taken for harm by `n` observations of the candidate.
double margin_to_stay(const RateOutlook& seen, double evidence, double n);
double margin_to_stay(const MeanOutlook& seen, config::Family family, double evidence, double n);

}  // namespace weir::analysis
