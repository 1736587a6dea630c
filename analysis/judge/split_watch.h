// Confined to one thread. Which users each arm of a rollout got, for the test of the split (STATISTICS.md 4.9).
//
// The problem: a user is known once one of its requests ends or has passed a threshold, and the slower version's are
// known later. Counted as they become known, a step that begins with streams of thirty seconds looks as if one arm got
// fewer users than it was sent. Users are therefore counted by when their request was assigned: those of a span of time
// are added once every request of that span, of either arm, is known.
#pragma once

#include <array>
#include <cstdint>

#include "analysis/stats/srm_test.h"
#include "analysis/stats/user_set.h"
#include "analysis/window/baseline_memory.h"
#include "analysis/window/tick_counts.h"

namespace weir::analysis {

class SplitWatch {
 public:
  // After so long at the latest a request's user is added. `known_after` as in end_tick().
  static constexpr Seconds added_after(Seconds known_after) { return kShortestSpan + known_after + kGrace; }

  // `steps` is K.
  explicit SplitWatch(std::uint32_t steps) : test_(steps) {}

  void begin_step(double weight);
  void restart();

  // In order, a tick.
  void pass(Seconds dt) {
    waiting_.now += dt;
    waiting_.tick = dt;
  }
  void add(Arm arm, const ArmCounts& counts);
  // `known_after`: after so long a request that goes on has been told of as overdue.
  // True: users were added to the test.
  bool end_tick(Seconds known_after);

  const SrmTest& test() const { return test_; }
  // For saving and restoring. Users not yet added are those of both arms, and may be forgotten.
  SrmTest& saved() { return test_; }

  struct Span {
    Seconds since{0};
    Seconds known_after{0};
    std::array<UserSet, kArmCount> users;

    void clear();
  };
  // Users not yet added, and what tells when they are.
  struct Waiting {
    Seconds now{0};
    Seconds tick{0};
    Seconds known_after{0};
    Span open;
    Span closed;  // ended when `open` began; waits until all of its requests are known
    bool waits = false;
  };
  Waiting& waiting() { return waiting_; }

 private:
  static constexpr Seconds kShortestSpan{1};
  // What is told of takes a tick or two to come here, and thresholds as long to go there.
  static constexpr Seconds kGrace{2};

  void begin_spans();

  SrmTest test_;
  Waiting waiting_;
};

}  // namespace weir::analysis
