// Confined to one thread. A tick's counts as another plan's judge would have had them.
//
// What outcomes and answers tell is counted for every plan alike. Times, amounts and scores are counted for the guards
// of the plan that ran, each in a slot that its judge gave it: the other judge has other slots. An amount is a share of
// its cap, and both judges have the same (Judge::take_baseline()). A time is counted when it passes a threshold; where
// the other plan's margin is another, so is the candidate's threshold, and what lies between the two is taken from the
// tick's histogram: to 1/32 of the time, for requests that have ended, and spread over the groups of users that the
// tick has seen, since nobody knows which of them met it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/judge/judge.h"

namespace weir::analysis {

class Relatch {
 public:
  // Both as they are before the tick.
  void prepare(const Judge& ran, const Judge& other);
  // From what the first would count to what the other would.
  void apply(StepCounts& counts);
  // Some of what the other counts is taken from the histogram.
  bool approximate() const;

 private:
  // A threshold of the other judge.
  struct TimeSlot {
    std::size_t to = 0;
    std::size_t from = 0;
    bool counted = false;  // `from` says something
    TimeMetric time = TimeMetric::kLatency;
    LatencyThreshold wanted = {};
    LatencyThreshold had = {};
    bool exact() const;
  };
  // An amount or a score: what was counted is what is wanted.
  struct ValueSlot {
    std::size_t to = 0;  // index into a ValueTable
    std::size_t from = 0;
  };
  struct Was;  // an arm's counts by the slots of the judge that ran

  bool changes_nothing() const;
  void rename(FailedRequest& request) const;
  void fill_times(ArmCounts& arm, const Was& was, const TimeSlot& slot, Arm which);
  void move_values(ArmCounts& arm) const;

  std::vector<TimeSlot> times_;
  std::vector<ValueSlot> values_;
  std::uint32_t ran_version_ = 0;
  std::uint32_t other_version_ = 0;
  bool prepared_ = false;
  std::size_t turn_ = 0;  // which cluster is the next to get one
};

// How many of the bucketed are above a threshold: those of buckets that begin there or beyond.
std::uint64_t above(const HistogramDelta& times, std::uint64_t threshold_us);

}  // namespace weir::analysis
