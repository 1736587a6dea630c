// What an edit of the plan does to a rollout that goes on: PRODUCT.md section 2, "The same rollout".
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "analysis/rollout/decide.h"
#include "tests/unit/analysis/rollout/policies.h"

namespace weir::analysis {
namespace {

using testing::in_phase;
using testing::kFirst;
using testing::kHoldback;
using testing::kLatchedCauses;
using testing::kSecond;
using testing::pause_for;
using testing::paused_by;
using testing::Place;
using testing::short_hold;
using testing::state_at;
using testing::three_steps;
using testing::with_first_stages;
using Kind = Decision::Kind;

constexpr Seconds kSpent{7};

config::Rollout changed(const std::function<void(config::Rollout&)>& change) {
  config::Rollout policy = three_steps();
  change(policy);
  return policy;
}

TEST(Edit, BeginsANewStepOnlyWhenTheTestIsAnother) {
  struct Case {
    const char* name;
    std::uint32_t weight_ppm;
    config::Rollout policy;
    bool new_step;
  };
  const auto no_holdback = [](config::Rollout& p) { p.analysis.holdback_ppm = 0; };
  const Case cases[] = {
      {"guards", kFirst, changed([](auto& p) { p.analysis.guards[0].absolute = 0.5; }), false},
      {"a longer hold", kFirst, with_first_stages({short_hold(), short_hold()}), false},
      {"a later step", kFirst, changed([](auto& p) { p.steps[1].stages = {pause_for({})}; }), false},
      {"a step below", kSecond, changed([](auto& p) { p.steps[0].weight_ppm = 10'000; }), false},
      {"an earlier step is gone", kSecond, changed([](auto& p) { p.steps.erase(p.steps.begin()); }), false},
      {"this step is gone", kFirst, changed([](auto& p) { p.steps.erase(p.steps.begin()); }), false},
      {"the next weight", kFirst, changed([](auto& p) { p.steps[1].weight_ppm = 300'000; }), true},
      {"the next step is gone", kFirst, changed([](auto& p) { p.steps.erase(p.steps.begin() + 1); }), true},
      {"the salt", kFirst, changed([](auto& p) { p.salt = "other"; }), true},
      {"the holdback, before the bake", kFirst, changed(no_holdback), false},
      {"the holdback, in the bake", kMillion, changed(no_holdback), true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const RolloutState before = state_at(three_steps(), {.weight_ppm = c.weight_ppm, .in_stage = kSpent});
    const Decision decision = edit(before, c.policy);
    ASSERT_EQ(decision.kind, Kind::kEdit);
    EXPECT_EQ(decision.rule, "file");
    EXPECT_FALSE(decision.new_judge);
    EXPECT_EQ(decision.after.weight_ppm, c.weight_ppm) << "the weight stays";
    EXPECT_EQ(decision.after.served_ppm, served_weight(c.policy, c.weight_ppm));
    EXPECT_EQ(decision.after.next_ppm, weight_after(c.policy, c.weight_ppm));
    EXPECT_EQ(decision.after.salt, c.policy.salt);
    EXPECT_EQ(decision.after.step, before.step + (c.new_step ? 1 : 0));
    EXPECT_EQ(decision.after.in_stage, c.new_step ? Seconds(0) : kSpent);
    EXPECT_EQ(decision.after.elapsed, kSpent);
  }
}

TEST(Edit, LeavesAloneWhatIsOverOrHasNotBegun) {
  const config::Rollout policy = changed([](auto& p) { p.salt = "other"; });
  const RolloutState running = state_at(three_steps(), {});
  EXPECT_EQ(edit(in_phase(running, Phase::kPromoted), policy).kind, Kind::kHold);
  EXPECT_EQ(edit(in_phase(running, Phase::kRolledBack), policy).kind, Kind::kHold);
  EXPECT_EQ(edit(RolloutState{}, policy).kind, Kind::kHold);
}

TEST(Edit, KeepsALatchedPause) {
  const config::Rollout same_test = with_first_stages({short_hold(), pause_for({})});
  const config::Rollout other_test = changed([](auto& p) { p.salt = "other"; });
  for (const PauseCause cause : kLatchedCauses) {
    const RolloutState before = paused_by(state_at(three_steps(), {.in_stage = kSpent}), cause);
    for (const config::Rollout& policy : {same_test, other_test}) {
      const Decision decision = edit(before, policy);
      EXPECT_EQ(decision.after.phase, Phase::kPaused);
      EXPECT_EQ(decision.after.cause, cause);
    }
    EXPECT_EQ(edit(before, same_test).after.in_stage, kSpent);
  }
}

TEST(Edit, TurnsAPauseIntoAHoldAndBack) {
  const config::Rollout pausing = with_first_stages({pause_for({})});
  const Decision freed = edit(state_at(pausing, {.in_stage = kSpent}), three_steps());
  EXPECT_EQ(freed.after.phase, Phase::kRunning);
  EXPECT_EQ(freed.after.cause, PauseCause::kNone);
  EXPECT_EQ(freed.after.in_stage, Seconds(0)) << "the hold begins";
  const Decision paused = edit(state_at(three_steps(), {.in_stage = kSpent}), pausing);
  EXPECT_EQ(paused.after.phase, Phase::kPaused);
  EXPECT_EQ(paused.after.cause, PauseCause::kPlan);
  EXPECT_EQ(paused.after.in_stage, Seconds(0));
  const config::Rollout timed = with_first_stages({pause_for(std::chrono::seconds(10))});
  EXPECT_EQ(edit(state_at(pausing, {.in_stage = kSpent}), timed).after.in_stage, kSpent) << "still a pause";
}

TEST(Edit, StaysWithinTheStagesThatAreLeft) {
  const config::Rollout long_step = with_first_stages({short_hold(), short_hold(), pause_for({})});
  const Decision decision = edit(state_at(long_step, Place{.stage = 2}), three_steps());
  EXPECT_EQ(decision.after.stage, 0U);
  EXPECT_EQ(decision.after.phase, Phase::kRunning);
}

TEST(Edit, OfTheHoldbackChangesWhatIsServedInTheBake) {
  const RolloutState before = state_at(three_steps(), {.weight_ppm = kMillion});
  ASSERT_EQ(before.served_ppm, kMillion - kHoldback);
  const Decision decision = edit(before, changed([](auto& p) { p.analysis.holdback_ppm = 100'000; }));
  EXPECT_EQ(decision.after.served_ppm, 900'000U);
  EXPECT_EQ(decision.after.phase, Phase::kBaking);
}

}  // namespace
}  // namespace weir::analysis
