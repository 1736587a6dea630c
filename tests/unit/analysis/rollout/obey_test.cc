// What an operator may say, and when: PRODUCT.md section 3.
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

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
using Verb = Command::Verb;

constexpr Verb kVerbs[] = {Verb::kPromote, Verb::kPromoteFull, Verb::kPause, Verb::kResume,
                           Verb::kAbort,   Verb::kRetry,       Verb::kUndo,  Verb::kWeight};

Command say(Verb verb, std::uint32_t weight_ppm = 100'000) {
  return {.verb = verb, .weight_ppm = weight_ppm, .actor = "ana"};
}

RolloutState running() { return state_at(three_steps(), {.in_stage = Seconds(3)}); }
RolloutState baking() { return state_at(three_steps(), {.weight_ppm = kMillion}); }

// What comes of a command; kHold where it is refused.
Kind kind_of(const RolloutState& state, const Command& command, const config::Rollout& policy) {
  const std::variant<Decision, Refusal> answer = obey(state, command, policy);
  if (const Refusal* refusal = std::get_if<Refusal>(&answer)) {
    EXPECT_FALSE(refusal->message.empty());
    return Kind::kHold;
  }
  return std::get<Decision>(answer).kind;
}

Decision decision_of(const RolloutState& state, const Command& command, const config::Rollout& policy) {
  const std::variant<Decision, Refusal> answer = obey(state, command, policy);
  if (const Refusal* refusal = std::get_if<Refusal>(&answer)) {
    ADD_FAILURE() << refusal->message;
    return {};
  }
  return std::get<Decision>(answer);
}

struct Row {
  const char* name;
  RolloutState state;
  config::Rollout policy;
  std::vector<Kind> expected;  // in the order of kVerbs; kHold: refused
};

std::vector<Row> every_phase() {
  const config::Rollout plain = three_steps();
  const config::Rollout manual = with_first_stages({pause_for({}), short_hold()});
  constexpr Kind kNo = Kind::kHold;
  std::vector<Row> rows = {
      {"not begun", {}, plain, std::vector<Kind>(8, kNo)},
      {"running",
       running(),
       plain,
       {Kind::kAdvance, Kind::kAdvance, Kind::kPause, kNo, Kind::kRollback, kNo, kNo, Kind::kSetWeight}},
      {"baking",
       baking(),
       plain,
       {Kind::kPromote, Kind::kPromote, Kind::kPause, kNo, Kind::kRollback, kNo, kNo, Kind::kSetWeight}},
      {"plan",
       state_at(manual, {}),
       manual,
       {Kind::kAdvance, Kind::kAdvance, Kind::kPause, Kind::kAdvance, Kind::kRollback, kNo, kNo, Kind::kSetWeight}},
      {"promoted", in_phase(baking(), Phase::kPromoted), plain, {kNo, kNo, kNo, kNo, kNo, kNo, Kind::kRollback, kNo}},
      {"rolledBack", in_phase(running(), Phase::kRolledBack), plain, {kNo, kNo, kNo, kNo, kNo, Kind::kStart, kNo, kNo}},
  };
  for (const PauseCause cause : kLatchedCauses) {
    rows.push_back({"latched",
                    paused_by(running(), cause),
                    plain,
                    {Kind::kAdvance, Kind::kAdvance, kNo, Kind::kResume, Kind::kRollback, kNo, kNo, Kind::kSetWeight}});
  }
  return rows;
}

TEST(Obey, EveryCommandInEveryPhase) {
  for (const Row& row : every_phase()) {
    for (std::size_t i = 0; i < row.expected.size(); ++i) {
      EXPECT_EQ(kind_of(row.state, say(kVerbs[i]), row.policy), row.expected[i])
          << row.name << " / verb " << i << " / cause " << static_cast<int>(row.state.cause);
    }
  }
}

TEST(Obey, PromoteLeavesTheStepWithAllItsStages) {
  const config::Rollout policy = with_first_stages({short_hold(), pause_for({}), short_hold()});
  const RolloutState state = state_at(policy, Place{.stage = 1});
  const Decision decision = decision_of(state, say(Verb::kPromote), policy);
  EXPECT_EQ(decision.after.weight_ppm, kSecond);
  EXPECT_EQ(decision.after.phase, Phase::kRunning);
  EXPECT_EQ(decision.after.step, state.step + 1);
  EXPECT_EQ(decision.rule, "operator");
  EXPECT_EQ(decision.after.reason, "promoted by an operator");
}

TEST(Obey, PromoteEndsALatchedPauseToo) {
  for (const PauseCause cause : kLatchedCauses) {
    const Decision decision = decision_of(paused_by(running(), cause), say(Verb::kPromote), three_steps());
    EXPECT_EQ(decision.after.phase, Phase::kRunning);
    EXPECT_EQ(decision.after.cause, PauseCause::kNone);
    EXPECT_TRUE(decision.resumes) << "what the judge latched is let go";
  }
}

// Evidence for a pause that has not fired yet is not an alarm that somebody has seen.
TEST(Obey, PromoteOfARunningRolloutLetsNothingGo) {
  EXPECT_FALSE(decision_of(running(), say(Verb::kPromote), three_steps()).resumes);
  EXPECT_FALSE(decision_of(running(), say(Verb::kPromoteFull), three_steps()).resumes);
}

TEST(Obey, PromoteFullGoesToTheBakeFirst) {
  const Decision decision = decision_of(running(), say(Verb::kPromoteFull), three_steps());
  EXPECT_EQ(decision.after.phase, Phase::kBaking);
  EXPECT_EQ(decision.after.weight_ppm, kMillion);
  EXPECT_EQ(decision.after.served_ppm, kMillion - kHoldback);
  const Decision end = decision_of(baking(), say(Verb::kPromoteFull), three_steps());
  EXPECT_EQ(end.after.phase, Phase::kPromoted);
  EXPECT_EQ(end.after.served_ppm, kMillion);
}

TEST(Obey, PauseKeepsTheWeightAndTheStep) {
  const Decision decision = decision_of(running(), say(Verb::kPause), three_steps());
  EXPECT_EQ(decision.after.phase, Phase::kPaused);
  EXPECT_EQ(decision.after.cause, PauseCause::kOperator);
  EXPECT_EQ(decision.after.served_ppm, kFirst);
  EXPECT_EQ(decision.after.step, running().step);
}

TEST(Obey, PauseTakesThePlansPauseOver) {
  const config::Rollout policy = with_first_stages({pause_for(std::chrono::seconds(10)), short_hold()});
  const Decision decision = decision_of(state_at(policy, {}), say(Verb::kPause), policy);
  EXPECT_EQ(decision.after.cause, PauseCause::kOperator) << "its duration no longer ends it";
  const Decision resumed = decision_of(decision.after, say(Verb::kResume), policy);
  EXPECT_EQ(resumed.after.cause, PauseCause::kPlan) << "and then it is the plan's again";
}

TEST(Obey, ResumeBeginsTheStageAnew) {
  for (const PauseCause cause : kLatchedCauses) {
    const RolloutState state = paused_by(running(), cause);
    const Decision decision = decision_of(state, say(Verb::kResume), three_steps());
    EXPECT_EQ(decision.after.phase, Phase::kRunning);
    EXPECT_EQ(decision.after.cause, PauseCause::kNone);
    EXPECT_EQ(decision.after.in_stage, Seconds(0)) << "or atMost would pause it again at once";
    EXPECT_EQ(decision.after.step, state.step);
    EXPECT_TRUE(decision.resumes);
  }
  const RolloutState bake = paused_by(baking(), PauseCause::kGuard);
  EXPECT_EQ(decision_of(bake, say(Verb::kResume), three_steps()).after.phase, Phase::kBaking);
}

TEST(Obey, ResumeEndsThePlansPauseOnly) {
  const config::Rollout policy = with_first_stages({pause_for({}), short_hold()});
  const RolloutState state = state_at(policy, {});
  const Decision decision = decision_of(state, say(Verb::kResume), policy);
  EXPECT_EQ(decision.after.stage, 1U);
  EXPECT_EQ(decision.after.weight_ppm, kFirst);
  EXPECT_EQ(decision.after.step, state.step);
  EXPECT_EQ(decision.after.reason, "resumed by an operator");
}

TEST(Obey, AbortAndUndoReturnToTheBaseline) {
  const RolloutState promoted = in_phase(baking(), Phase::kPromoted);
  for (const auto& [state, verb] : {std::pair{running(), Verb::kAbort}, std::pair{promoted, Verb::kUndo}}) {
    const Decision decision = decision_of(state, say(verb), three_steps());
    EXPECT_EQ(decision.rule, "operator");
    EXPECT_EQ(decision.after.phase, Phase::kRolledBack);
    EXPECT_EQ(decision.after.served_ppm, 0U);
    EXPECT_EQ(decision.after.step, state.step + 1);
  }
}

TEST(Obey, RetryStartsAnew) {
  const RolloutState state = in_phase(running(), Phase::kRolledBack);
  const Decision decision = decision_of(state, say(Verb::kRetry), three_steps());
  EXPECT_TRUE(decision.new_judge);
  EXPECT_EQ(decision.rule, "operator");
  EXPECT_EQ(decision.after.phase, Phase::kRunning);
  EXPECT_EQ(decision.after.weight_ppm, kFirst);
  EXPECT_EQ(decision.after.attempt, 2U);
  EXPECT_EQ(decision.after.step, state.step + 1);
}

TEST(Obey, WeightIsAStepOfItsOwn) {
  const Decision decision = decision_of(running(), say(Verb::kWeight, 100'000), three_steps());
  EXPECT_EQ(decision.after.weight_ppm, 100'000U);
  EXPECT_EQ(decision.after.served_ppm, 100'000U);
  EXPECT_EQ(decision.after.next_ppm, kSecond);
  EXPECT_EQ(decision.after.step, running().step + 1);
  EXPECT_EQ(decision.after.in_step, Seconds(0));
  EXPECT_EQ(decision.after.phase, Phase::kRunning);
  const Decision full = decision_of(running(), say(Verb::kWeight, kMillion), three_steps());
  EXPECT_EQ(full.after.phase, Phase::kBaking);
  EXPECT_EQ(full.after.served_ppm, kMillion - kHoldback);
}

TEST(Obey, WeightKeepsALatchedPauseAndEndsAPlannedOne) {
  for (const PauseCause cause : kLatchedCauses) {
    const Decision decision = decision_of(paused_by(running(), cause), say(Verb::kWeight), three_steps());
    EXPECT_EQ(decision.after.phase, Phase::kPaused);
    EXPECT_EQ(decision.after.cause, cause);
  }
  const config::Rollout policy = with_first_stages({pause_for({})});
  EXPECT_EQ(decision_of(state_at(policy, {}), say(Verb::kWeight), policy).after.phase, Phase::kRunning);
}

TEST(Obey, WeightLeavesTheHoldbackOnTheBaseline) {
  struct Case {
    std::uint32_t weight_ppm;
    Kind expected;
  };
  const std::uint32_t bake = kMillion - kHoldback;
  const Case cases[] = {{0, Kind::kSetWeight},      {1, Kind::kSetWeight},       {bake, Kind::kSetWeight},
                        {bake + 1, Kind::kHold},    {kMillion - 1, Kind::kHold}, {kMillion, Kind::kSetWeight},
                        {kMillion + 1, Kind::kHold}};
  for (const Case& c : cases) {
    EXPECT_EQ(kind_of(running(), say(Verb::kWeight, c.weight_ppm), three_steps()), c.expected) << c.weight_ppm;
  }
  config::Rollout policy = three_steps();
  policy.analysis.holdback_ppm = 0;
  EXPECT_EQ(kind_of(running(), say(Verb::kWeight, kMillion - 1), policy), Kind::kSetWeight);
}

}  // namespace
}  // namespace weir::analysis
