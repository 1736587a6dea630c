#include "analysis/rollout/rollout_state.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <variant>

#include "tests/unit/analysis/rollout/policies.h"

namespace weir::analysis {
namespace {

using testing::in_phase;
using testing::kFirst;
using testing::kHoldback;
using testing::kSecond;
using testing::pause_for;
using testing::paused_by;
using testing::short_hold;
using testing::state_at;
using testing::three_steps;
using testing::with_first_stages;

RolloutState full_state() {
  RolloutState state;
  state.phase = Phase::kPaused;
  state.cause = PauseCause::kInconclusive;
  state.reason = "so \"it\" is\n\xc3\xa9";
  state.weight_ppm = 123'456;
  state.stage = 3;
  state.step = 4'000'000'000U;
  state.attempt = 5;
  state.steps_at_start = 6;
  state.decided_ms = 1'700'000'000'123;
  state.served_ppm = 123'455;
  state.next_ppm = 999'999;
  state.salt = "chat/v2/2026";
  state.plan = "18446744073709551615";
  state.exposure.steps.push_back({.step = 7});
  state.exposure.steps[0].arms[1] = {.met = {200, 30}, .cost = {7, 8}};
  state.elapsed = Seconds(1234.1);
  state.in_step = Seconds(0.1);
  state.in_stage = Seconds(1e-3);
  state.warmup_left = Seconds(2.5);
  return state;
}

TEST(RolloutState, IsReadAsItWasWritten) {
  for (int phase = 0; phase < kPhaseCount; ++phase) {
    for (int cause = 0; cause < 7; ++cause) {
      RolloutState state = full_state();
      state.phase = static_cast<Phase>(phase);
      state.cause = static_cast<PauseCause>(cause);
      const std::optional<RolloutState> again = read_state(write_state(state));
      ASSERT_TRUE(again.has_value());
      EXPECT_EQ(again->phase, state.phase);
      EXPECT_EQ(again->cause, state.cause);
      EXPECT_EQ(again->reason, state.reason);
      EXPECT_EQ(again->weight_ppm, state.weight_ppm);
      EXPECT_EQ(again->stage, state.stage);
      EXPECT_EQ(again->step, state.step);
      EXPECT_EQ(again->attempt, state.attempt);
      EXPECT_EQ(again->steps_at_start, state.steps_at_start);
      EXPECT_EQ(again->decided_ms, state.decided_ms);
      EXPECT_EQ(again->served_ppm, state.served_ppm);
      EXPECT_EQ(again->next_ppm, state.next_ppm);
      EXPECT_EQ(again->salt, state.salt);
      EXPECT_EQ(again->plan, state.plan);
      EXPECT_EQ(again->elapsed, state.elapsed);
      EXPECT_EQ(again->in_step, state.in_step);
      EXPECT_EQ(again->in_stage, state.in_stage);
      EXPECT_EQ(again->warmup_left, state.warmup_left);
      EXPECT_EQ(write_state(*again), write_state(state));
    }
  }
}

TEST(RolloutState, RefusesWhatIsNoState) {
  const std::string good = write_state(full_state());
  const char* bad[] = {"",
                       "null",
                       "[]",
                       "7",
                       "{}",
                       "{",
                       R"({"phase":"running","cause":"none"})",
                       R"({"phase":"running","cause":"none","step":"1"})",
                       R"({"phase":"sideways","cause":"none","step":1})",
                       R"({"phase":"running","cause":"weather","step":1})",
                       R"({"phase":1,"cause":"none","step":1})"};
  for (const char* text : bad) EXPECT_FALSE(read_state(text).has_value()) << text;
  for (std::size_t cut = 0; cut < good.size(); ++cut) EXPECT_FALSE(read_state(good.substr(0, cut)).has_value()) << cut;
  EXPECT_FALSE(read_state(good + "x").has_value());
}

TEST(RolloutState, HoldsWeightsWithinAll) {
  const std::optional<RolloutState> state = read_state(
      R"({"phase":"running","cause":"none","step":1,"weight_ppm":2000000,"served_ppm":2000000,"next_ppm":2000000})");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->weight_ppm, kMillion);
  EXPECT_EQ(state->served_ppm, kMillion);
  EXPECT_EQ(state->next_ppm, kMillion);
  EXPECT_EQ(state->steps_at_start, 1U);
}

TEST(RolloutState, ServesLessThanAllInTheBakeOnly) {
  const config::Rollout policy = three_steps();
  EXPECT_EQ(served_weight(policy, 0), 0U);
  EXPECT_EQ(served_weight(policy, kFirst), kFirst);
  EXPECT_EQ(served_weight(policy, kMillion - kHoldback), kMillion - kHoldback);
  EXPECT_EQ(served_weight(policy, kMillion), kMillion - kHoldback);
}

TEST(RolloutState, KnowsTheWeightAfter) {
  const config::Rollout policy = three_steps();
  EXPECT_EQ(weight_after(policy, 0), kFirst);
  EXPECT_EQ(weight_after(policy, kFirst - 1), kFirst);
  EXPECT_EQ(weight_after(policy, kFirst), kSecond);
  EXPECT_EQ(weight_after(policy, 100'000), kSecond);
  EXPECT_EQ(weight_after(policy, kSecond), kMillion);
  EXPECT_EQ(weight_after(policy, 300'000), kMillion);
  EXPECT_EQ(weight_after(policy, kMillion), kMillion);
}

TEST(RolloutState, FindsTheStepAtAWeight) {
  const config::Rollout policy = with_first_stages({pause_for({}), short_hold()});
  EXPECT_EQ(step_at(policy, kFirst).stages.size(), 2U);
  const config::Step own = step_at(policy, 100'000);
  EXPECT_EQ(own.weight_ppm, 100'000U);
  ASSERT_EQ(own.stages.size(), 1U);
  const auto& hold = std::get<config::Hold>(own.stages[0]);
  EXPECT_EQ(hold.at_least, std::chrono::minutes(2));
  EXPECT_EQ(hold.min_requests, 100U);
  EXPECT_EQ(hold.at_most, std::chrono::hours(6));
  EXPECT_EQ(hold.on_inconclusive, config::OnInconclusive::kPause);
}

TEST(RolloutState, PassesTheTimeOfItsPhase) {
  struct Case {
    const char* name;
    RolloutState state;
    bool elapsed;
    bool in_step;
    bool in_stage;
  };
  const RolloutState running = state_at(three_steps(), {});
  const config::Rollout pausing = with_first_stages({pause_for({})});
  const Case cases[] = {
      {"not begun", {}, false, false, false},
      {"running", running, true, true, true},
      {"baking", state_at(three_steps(), {.weight_ppm = kMillion}), true, true, true},
      {"plan", state_at(pausing, {}), true, false, true},
      {"operator", paused_by(running, PauseCause::kOperator), true, false, false},
      {"guard", paused_by(running, PauseCause::kGuard), true, false, false},
      {"counts", paused_by(running, PauseCause::kCounts), true, false, false},
      {"inconclusive", paused_by(running, PauseCause::kInconclusive), true, false, false},
      {"promoted", in_phase(running, Phase::kPromoted), false, false, false},
      {"rolledBack", in_phase(running, Phase::kRolledBack), false, false, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    RolloutState state = c.state;
    pass_time(state, Seconds(0.5));
    pass_time(state, Seconds(0.5));
    EXPECT_EQ(state.elapsed, Seconds(c.elapsed ? 1 : 0));
    EXPECT_EQ(state.in_step, Seconds(c.in_step ? 1 : 0));
    EXPECT_EQ(state.in_stage, Seconds(c.in_stage ? 1 : 0));
  }
}

TEST(RolloutState, TellsPlansApart) {
  const std::string plain = fingerprint(three_steps());
  EXPECT_EQ(plain, fingerprint(three_steps()));
  config::Rollout overridden = three_steps();
  overridden.overrides.emplace_back();
  EXPECT_EQ(plain, fingerprint(overridden)) << "who may choose a version is no part of the test";
  std::vector<config::Rollout> others(10, three_steps());
  others[0].salt = "other";
  others[1].steps[0].weight_ppm = 1;
  others[2].steps[0].stages = {pause_for({})};
  others[3].steps[0].stages = {pause_for(std::chrono::seconds(1))};
  std::get<config::Hold>(others[4].steps[1].stages[0]).min_requests = 11;
  others[5].analysis.enabled = false;
  others[6].analysis.holdback_ppm = 0;
  others[7].analysis.guards[0].action = config::GuardAction::kWarn;
  others[8].stickiness.by.emplace_back();
  others[9].max_exposure.failed_requests = 500;
  for (std::size_t i = 0; i < others.size(); ++i) EXPECT_NE(fingerprint(others[i]), plain) << i;
  EXPECT_NE(fingerprint(others[2]), fingerprint(others[3]));
}

struct WarmupCase {
  const char* what;
  std::uint32_t before_ppm;  // served
  std::uint32_t next_ppm;
  double left_before_s;
  double left_s;
};

TEST(RolloutState, WarmsUpACandidateThatBeginsToBeServed) {
  config::Rollout policy = three_steps();
  policy.analysis.warmup = std::chrono::seconds(30);
  const WarmupCase cases[] = {
      {"the first step", 0, kFirst, 0, 30},
      {"a first step without traffic", 0, 0, 0, 0},
      {"more of it while it warms up", kFirst, kSecond, 12, 12},
      {"more of it when it is warm", kFirst, kSecond, 0, 0},
      {"less of it", kSecond, kFirst, 0, 0},
      {"none of it", kSecond, 0, 12, 0},
  };
  for (const WarmupCase& one : cases) {
    RolloutState before;
    before.served_ppm = one.before_ppm;
    before.warmup_left = Seconds(one.left_before_s);
    EXPECT_EQ(begin_step(before, policy, one.next_ppm).warmup_left, Seconds(one.left_s)) << one.what;
  }
}

TEST(RolloutState, GoesOnWarmingUpInPausesAndNoLongerThanThat) {
  RolloutState state = paused_by(state_at(three_steps(), {}), PauseCause::kOperator);
  state.warmup_left = Seconds(1);
  pass_time(state, Seconds(0.75));
  EXPECT_EQ(state.warmup_left, Seconds(0.25));
  EXPECT_TRUE(state.warming());
  pass_time(state, Seconds(0.75));
  EXPECT_EQ(state.warmup_left, Seconds(0));
  EXPECT_FALSE(state.warming());
}

}  // namespace
}  // namespace weir::analysis
