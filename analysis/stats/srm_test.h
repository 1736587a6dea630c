// Pure functions, and one accumulator that is confined to one thread. Do the arms get the share of users that the plan
// says? If not (a sample ratio mismatch), assignment or counting is broken and no comparison of the arms means
// anything: Fabijan et al., KDD 2019, "Diagnosing sample ratio mismatch in online controlled experiments".
//
// Within a step, the users of both arms are compared with the split by a Dirichlet mixture over what else the share
// might be, which may be watched (Lindon, Malek, arXiv 2011.03567). Over steps the evidence is averaged: the same users
// come again in each step, and a product would count them as if they were others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "analysis/stats/log_sum.h"
#include "analysis/stats/user_bitmap.h"
#include "analysis/stats/user_set.h"
#include "base/ids.h"

namespace weir::analysis {

// The logarithm of the evidence that so many users of each arm do not come from a split with the candidate's share `w`,
// between 0 and 1, both excluded.
double split_evidence(double candidate_users, double baseline_users, double w);

class SrmTest {
 public:
  static constexpr double kAlarmEvidence = 1'000;  // a false alarm in a thousand rollouts
  static constexpr double kBaselineShare = 0.05;   // of the baseline's bits set: enough users, the step's are frozen
  static constexpr double kCandidateShare = 0.95;  // of the candidate's: beyond, its number is too rough

  // All but the bitmaps.
  struct State {
    double weight = 0;  // of the current step
    std::uint32_t steps = 0;
    bool frozen = false;
    double log_past = kLogZero;  // sum of the evidence of the steps before
    double log_step = kLogZero;  // the current step's
    double log_most = kLogZero;  // the largest mean so far
    // Distinct users by arm, when a tick last ended in the current step.
    std::array<double, kArmCount> users{};
    // Under which split, and by which users, the mean became so large.
    double most_weight = 0;
    std::array<double, kArmCount> most_users{};
  };

  // `steps` is K: so many steps count, those beyond add nothing.
  explicit SrmTest(std::uint32_t steps) : steps_(steps) {}

  // Forgets the users, who are new to the step, and keeps what the steps before have said. With a weight of 0 or 1
  // there is no split to test.
  void begin_step(double weight);
  // Users assigned under the current step alone. All of a tick's come before end_tick(), in any order.
  void add(Arm arm, std::uint32_t user_hash) {
    if (counts()) users_[static_cast<std::size_t>(arm)].add(user_hash);
  }
  void merge(Arm arm, const UserSet& users) {
    if (counts()) users.merge_into(users_[static_cast<std::size_t>(arm)]);
  }
  void end_tick();
  // Somebody has looked at the alarm: evidence and users begin anew, within the same step.
  void restart();

  // The logarithm of the largest evidence so far. -infinity before any.
  double log_evidence() const { return state_.log_most; }
  // Stays until restart().
  bool alarm() const;
  // Users of the current step still count: there is a split to test, and they are not enough yet.
  bool counts() const { return runs() && !state_.frozen; }
  const UserBitmap& users(Arm arm) const { return users_[static_cast<std::size_t>(arm)]; }

  const State& state() const { return state_; }
  UserBitmap& bitmap(Arm arm) { return users_[static_cast<std::size_t>(arm)]; }
  void restore(const State& state) { state_ = state; }

 private:
  bool runs() const { return state_.steps <= steps_ && state_.weight > 0 && state_.weight < 1; }
  void forget_users();

  std::uint32_t steps_;
  State state_;
  std::array<UserBitmap, kArmCount> users_;
};

}  // namespace weir::analysis
