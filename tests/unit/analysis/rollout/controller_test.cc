// A decision on its way to the disk, and what may not wait for one: ARCHITECTURE.md section 4.
#include "analysis/rollout/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "analysis/rollout/status.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kBaselineVersion;
using testing::kFirst;
using testing::kHoldback;
using testing::kSecond;
using testing::kService;
using testing::Mood;
using testing::plan_of;
using testing::three_steps;
using testing::World;

json::Value status_of(const World& world) { return rollout_status(world.rollout()); }

// Runs at its first weight.
void begin(World& world) {
  world.start({plan_of(three_steps())});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
}

// The disk no longer takes anything, and the advance to the second weight waits for it.
void wait_for_disk(World& world) {
  world.works = false;
  ASSERT_TRUE(world.tick_until([&] { return world.rollout().waits_for_disk(); }));
}

TEST(Controller, ServesTheBaselineUntilTheStoreTookAWrite) {
  World world;
  world.works = false;
  world.store.fail_with("no space left on device");
  world.start({plan_of(three_steps())});
  world.tick(50);
  EXPECT_FALSE(world.controller->open());
  EXPECT_FALSE(world.controller->durable());
  EXPECT_EQ(world.controller->store_health().problem, "no space left on device");
  for (const auto& plan : world.traffic.plans) {
    EXPECT_EQ(plan->of(kService).weight_ppm, 0U);
    EXPECT_EQ(plan->of(kService).identity, 42U);
  }
  const json::Value status = status_of(world);
  EXPECT_FALSE(status["durable"].boolean());
  EXPECT_THAT(status["waits"].array().at(0).string(), HasSubstr("has not taken a write"));
  world.store.flush();
  world.tick();
  EXPECT_TRUE(world.controller->open());
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
}

TEST(Controller, TheProofAloneOpensTheGate) {
  World world;
  world.works = false;
  world.start({plan_of(three_steps())});
  world.tick();
  world.store.flush(1);
  world.tick();
  EXPECT_TRUE(world.controller->open());
  EXPECT_EQ(world.shown().weight_ppm, 0U) << "its start is not durable";
}

TEST(Controller, ANewRolloutBeginsOnceItsStartIsDurable) {
  World world;
  world.works = false;
  world.start({plan_of(three_steps())});
  world.tick(3);
  EXPECT_EQ(world.state().step, 0U);
  EXPECT_THAT(world.decisions(), ElementsAre());
  world.store.flush();
  world.tick();
  EXPECT_EQ(world.state().step, 1U);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_EQ(world.shown().step, 1U);
  EXPECT_TRUE(world.shown().judged);
  EXPECT_FALSE(world.shown().candidate_closed);
  EXPECT_THAT(world.decisions(), ElementsAre("start"));
  EXPECT_EQ(world.controller->history().back()["actor"].string(), "weir");
}

TEST(Controller, AHealthyCandidateIsPromoted) {
  World world;
  begin(world);
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  EXPECT_THAT(world.decisions(), ElementsAre("start", "advance", "advance", "promote"));
  EXPECT_EQ(world.shown().weight_ppm, kMillion);
  EXPECT_FALSE(world.shown().judged);
  EXPECT_EQ(world.state().step, 4U);
  std::vector<std::uint32_t> weights;
  for (const auto& plan : world.traffic.plans) {
    const std::uint32_t weight = plan->of(kService).weight_ppm;
    if (weights.empty() || weights.back() != weight) weights.push_back(weight);
  }
  EXPECT_THAT(weights, ElementsAre(0U, kFirst, kSecond, kMillion - kHoldback, kMillion));
}

TEST(Controller, WithoutTrafficNothingAdvances) {
  World world;
  world.mood = Mood::kSilent;
  begin(world);
  ASSERT_TRUE(world.tick_until(Phase::kPaused));
  EXPECT_EQ(world.state().cause, PauseCause::kInconclusive);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_GE(world.state().elapsed, Seconds(60));
}

TEST(Controller, AnAdvanceIsNotVisibleBeforeItIsDurable) {
  World world;
  begin(world);
  wait_for_disk(world);
  const std::size_t plans = world.traffic.plans.size();
  world.tick(100);
  EXPECT_EQ(world.traffic.plans.size(), plans);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_EQ(world.state().step, 1U);
  EXPECT_THAT(world.decisions(), ElementsAre("start"));
  EXPECT_THAT(status_of(world)["waits"].array().at(0).string(), HasSubstr("not written yet"));
  const Seconds elapsed = world.state().elapsed;
  world.store.flush();
  world.tick();
  EXPECT_GT(world.state().elapsed, elapsed) << "time went on while it waited";
  EXPECT_EQ(world.shown().weight_ppm, kSecond);
  EXPECT_EQ(world.state().step, 2U);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "advance"));
}

TEST(Controller, AFailingCandidateIsRolledBackAtOnce) {
  World world;
  begin(world);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until([&] { return world.rollout().waits_for_disk(); }));
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  world.tick();  // the disk has it
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  EXPECT_TRUE(world.shown().candidate_closed);
  EXPECT_FALSE(world.shown().judged);
  EXPECT_TRUE(world.rollout().durable());
  EXPECT_THAT(world.state().reason, HasSubstr("errorRate"));
  const json::Value& record = world.controller->history().back();
  EXPECT_EQ(record["decision"].string(), "rollback");
  EXPECT_EQ(record["rule"].string(), "guard");
  EXPECT_EQ(record["weight_before_percent"].number(), 5);
  EXPECT_EQ(record["weight_after_percent"].number(), 0);
  EXPECT_EQ(record["guards"].array().size(), 2U);
  EXPECT_EQ(world.rollout().guards().size(), 2U) << "the last numbers stay to be seen";
}

TEST(Controller, ARollbackDoesNotWaitForADiskThatHangs) {
  World world;
  begin(world);
  world.tick();
  world.works = false;
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until([&] { return world.rollout().waits_for_disk(); }));
  world.tick(2);  // 200 ms
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  world.tick();  // 300 ms
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  EXPECT_TRUE(world.shown().candidate_closed);
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  EXPECT_FALSE(world.rollout().durable());
  EXPECT_FALSE(status_of(world)["durable"].boolean());
  EXPECT_THAT(world.decisions(), ElementsAre("start", "rollback"));
  world.tick(20);
  EXPECT_FALSE(world.rollout().durable());
  world.store.flush();
  EXPECT_TRUE(world.rollout().durable());
  EXPECT_TRUE(status_of(world)["durable"].boolean());
  EXPECT_EQ(world.store.state_of(world.rollout().plan().key)->phase, Phase::kRolledBack);
}

TEST(Controller, ARollbackDiscardsAnAdvanceThatIsNotDurable) {
  World world;
  begin(world);
  wait_for_disk(world);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  world.store.flush();
  world.tick(5);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "rollback"));
  ASSERT_EQ(world.store.records().size(), 2U);
  EXPECT_EQ(json::parse(world.store.records()[1]).value["decision"].string(), "rollback");
  for (const auto& plan : world.traffic.plans) EXPECT_NE(plan->of(kService).weight_ppm, kSecond);
}

TEST(Controller, ARollbackDoesNotWaitBehindALowerWeight) {
  World world;
  begin(world);
  world.tick(5);
  world.works = false;
  const auto lowered = world.say(Command::Verb::kWeight, 10'000);
  const auto aborted = world.say(Command::Verb::kAbort);
  EXPECT_TRUE(lowered->given);
  EXPECT_FALSE(lowered->refusal.empty());
  EXPECT_FALSE(aborted->given);
  world.tick(3);
  EXPECT_TRUE(aborted->given);
  EXPECT_EQ(aborted->refusal, "");
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "rollback"));
}

TEST(Controller, ALowerWeightDoesNotWaitForADiskThatHangs) {
  World world;
  begin(world);
  world.tick(5);
  world.works = false;
  const auto answer = world.say(Command::Verb::kWeight, 10'000);
  world.tick(2);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  world.tick();
  EXPECT_EQ(world.shown().weight_ppm, 10'000U);
  EXPECT_TRUE(answer->given);
  EXPECT_FALSE(world.rollout().durable());
}

TEST(Controller, AHigherWeightWaitsForTheDisk) {
  World world;
  begin(world);
  world.works = false;
  const auto answer = world.say(Command::Verb::kWeight, 100'000);
  world.tick(20);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_FALSE(answer->given);
  world.store.flush();
  world.tick();
  EXPECT_EQ(world.shown().weight_ppm, 100'000U);
  EXPECT_TRUE(answer->given);
  EXPECT_EQ(world.controller->history().back()["actor"].string(), "ana");
}

TEST(Controller, CommandsAreRefusedWhileADecisionWaitsButAbortWorks) {
  using Verb = Command::Verb;
  World world;
  begin(world);
  wait_for_disk(world);
  for (const Verb verb : {Verb::kPromote, Verb::kPromoteFull, Verb::kWeight}) {
    const auto answer = world.say(verb, kSecond);
    EXPECT_TRUE(answer->given);
    EXPECT_THAT(answer->refusal, HasSubstr("not on the disk yet"));
  }
  const auto abort = world.say(Verb::kAbort);
  EXPECT_FALSE(abort->given);
  EXPECT_THAT(world.say(Verb::kAbort)->refusal, HasSubstr("not on the disk yet")) << "it is on its way";
  world.tick(3);
  EXPECT_TRUE(abort->given);
  EXPECT_EQ(abort->refusal, "");
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  EXPECT_TRUE(world.shown().candidate_closed);
}

// An operator who wants less, or no more, need not wait for what would give more.
TEST(Controller, APauseOrALowerWeightGoesBeforeAnAdvanceThatWaits) {
  using Verb = Command::Verb;
  for (const Verb verb : {Verb::kPause, Verb::kWeight}) {
    World world;
    begin(world);
    wait_for_disk(world);
    const auto answer = world.say(verb, 10'000);
    EXPECT_FALSE(answer->given);
    world.works = true;
    world.tick(3);
    EXPECT_TRUE(answer->given);
    EXPECT_EQ(answer->refusal, "");
    EXPECT_EQ(world.shown().weight_ppm, verb == Verb::kPause ? kFirst : 10'000U);
  }
}

TEST(Controller, ALowerWeightGoesBeforeWhateverKeepsTheWeight) {
  using Verb = Command::Verb;
  World world;
  begin(world);
  world.tick(2);
  world.works = false;
  const auto pause = world.say(Verb::kPause);
  const auto lower = world.say(Verb::kWeight, 10'000);
  EXPECT_FALSE(pause->refusal.empty());
  EXPECT_FALSE(lower->given);
  EXPECT_FALSE(world.say(Verb::kWeight, 20'000)->refusal.empty()) << "what takes traffic away is on its way";
  world.tick(3);
  EXPECT_TRUE(lower->given);
  EXPECT_EQ(lower->refusal, "");
  EXPECT_EQ(world.shown().weight_ppm, 10'000U);
}

TEST(Controller, ARetryThatWaitsForTheDiskCanBeAborted) {
  using Verb = Command::Verb;
  World world;
  begin(world);
  world.say(Verb::kAbort);
  world.tick(2);
  ASSERT_EQ(world.state().phase, Phase::kRolledBack);
  world.works = false;
  const auto retry = world.say(Verb::kRetry);
  world.store.begin_write();
  const auto abort = world.say(Verb::kAbort);
  EXPECT_FALSE(retry->refusal.empty());
  EXPECT_TRUE(abort->given);
  EXPECT_EQ(abort->refusal, "");
  world.store.end_write();
  world.store.flush();
  world.works = true;
  world.tick(20);
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  EXPECT_EQ(world.store.state_of(world.rollout().plan().key)->phase, Phase::kRolledBack);
  EXPECT_THAT(world.decisions(), ElementsAre("start", "rollback"));
}

// STATISTICS.md 4.13: every second while some pool's evidence is above 10.
TEST(Controller, SavesEachSecondNearAVerdict) {
  for (const config::GuardAction action : {config::GuardAction::kRollback, config::GuardAction::kPause}) {
    config::Rollout policy = three_steps();
    policy.analysis.guards[0].action = action;
    policy.analysis.max_false_rollback = 1e-12;
    World world;
    world.start({plan_of(policy)});
    ASSERT_TRUE(world.tick_until_weight(kFirst));
    world.tick(2);
    const auto near = [&] {
      const Verdict& verdict = world.rollout().verdict();
      return std::max(verdict.log_evidence_rollback, verdict.log_evidence_pause) > std::log(10.0);
    };
    ASSERT_FALSE(near());
    world.mood = Mood::kFailing;
    ASSERT_TRUE(world.tick_until(near));
    world.mood = Mood::kSilent;
    const Ticket before = world.store.last();
    world.tick(50);
    ASSERT_EQ(world.state().phase, Phase::kRunning);
    EXPECT_GE(world.store.last() - before, 4U);
    EXPECT_LE(world.store.last() - before, 5U);
  }
}

TEST(Controller, ACommandWhoseDecisionIsDiscardedIsRefused) {
  World world;
  begin(world);
  world.works = false;
  const auto promote = world.say(Command::Verb::kPromote);
  EXPECT_FALSE(promote->given);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  EXPECT_TRUE(promote->given);
  EXPECT_FALSE(promote->refusal.empty());
}

TEST(Controller, CommandsBeforeTheStartAndForNobodyAreRefused) {
  World world;
  world.works = false;
  world.start({plan_of(three_steps())});
  world.tick();
  EXPECT_THAT(world.say(Command::Verb::kAbort)->refusal, HasSubstr("has not begun"));
  bool refused = false;
  world.controller->command("other", {}, [&](const auto& refusal) { refused = refusal.has_value(); });
  EXPECT_TRUE(refused);
}

TEST(Controller, ARetryBeginsWithNewEvidence) {
  World world;
  begin(world);
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  const StepId before = world.state().step;
  world.mood = Mood::kHealthy;
  world.tick(50);
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
  const auto answer = world.say(Command::Verb::kRetry);
  world.tick(2);
  EXPECT_TRUE(answer->given);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_FALSE(world.shown().candidate_closed);
  EXPECT_EQ(world.state().attempt, 2U);
  EXPECT_GT(world.state().step, before);
  EXPECT_LT(world.rollout().verdict().log_evidence_rollback, 0);
  EXPECT_TRUE(world.tick_until(Phase::kPromoted));
}

TEST(Controller, AGuardThatPausesIsLetGoByResume) {
  config::Rollout policy = three_steps();
  policy.analysis.guards[0].action = config::GuardAction::kPause;
  World world;
  world.start({plan_of(policy)});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  world.mood = Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kPaused));
  EXPECT_EQ(world.state().cause, PauseCause::kGuard);
  EXPECT_THAT(world.state().reason, HasSubstr("errorRate"));
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  world.mood = Mood::kSilent;
  world.tick(20);
  EXPECT_EQ(world.state().phase, Phase::kPaused);
  world.say(Command::Verb::kResume);
  world.tick(10);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  world.mood = Mood::kFailing;
  EXPECT_TRUE(world.tick_until(Phase::kPaused)) << "and fires again";
}

TEST(Controller, PlansAreOnlyMadeWhenSomethingChanges) {
  World world;
  world.mood = Mood::kSilent;
  begin(world);
  world.tick();
  const std::size_t plans = world.traffic.plans.size();
  world.tick(30);
  EXPECT_EQ(world.traffic.plans.size(), plans);
}

TEST(Controller, SavesEvidenceAndSaysWhenAllOfItIsDurable) {
  World world;
  begin(world);
  world.tick(5);
  world.works = false;
  world.controller->save();
  EXPECT_FALSE(world.controller->durable());
  world.store.flush();
  EXPECT_TRUE(world.controller->durable());
}

TEST(Controller, KeepsSoManyRecords) {
  World world;
  Controller::Past past;
  for (std::size_t i = 0; i < Controller::kHistoryKept + 5; ++i) past.history.emplace_back(i);
  const Controller controller({world.clock, world.source, world.traffic, world.store}, std::move(past));
  EXPECT_EQ(controller.history().size(), Controller::kHistoryKept);
  EXPECT_EQ(controller.history().front().integer(), 5);
  EXPECT_EQ(controller.history_version(), Controller::kHistoryKept + 5);
}

// The plan of a guard on errors that pauses, beside a gate that lets everybody through.
config::Rollout pausing_on_errors() {
  config::Rollout policy = three_steps();
  policy.analysis.guards[0].action = config::GuardAction::kPause;
  return policy;
}

TEST(Controller, APauseOutranksAnAdvanceThatWaitsForTheDisk) {
  World world;
  world.start({plan_of(pausing_on_errors())});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  wait_for_disk(world);
  world.mood = Mood::kFailing;
  world.tick(50);
  world.works = true;
  world.tick(5);
  EXPECT_EQ(world.state().phase, Phase::kPaused);
  EXPECT_EQ(world.state().cause, PauseCause::kGuard);
  EXPECT_EQ(world.shown().weight_ppm, kFirst) << "what waited is not applied after all";
}

void add_baseline(World& world, int requests, OutcomeClass what) {
  for (int i = 0; i < requests; ++i) {
    Outcome outcome;
    outcome.service = kService;
    outcome.version = kBaselineVersion;
    outcome.judged = true;
    outcome.step = world.shown().step;
    outcome.epoch = world.shown().epoch;
    outcome.cluster = static_cast<std::uint8_t>(i);
    outcome.outcome = what;
    world.source.outcomes.push_back(outcome);
  }
}

// The baseline breaks while the disk hangs: in an outage that both share nothing is proved (STATISTICS.md 4.8).
TEST(Controller, AnAdvanceThatWaitsForTheDiskIsLookedAtAgain) {
  World world;
  begin(world);
  add_baseline(world, 2'000, OutcomeClass::kOk);
  wait_for_disk(world);
  for (int i = 0; i < 20; ++i) {
    add_baseline(world, 40, OutcomeClass::kHttp5xx);
    world.tick();
  }
  EXPECT_FALSE(world.rollout().waits_for_disk());
  world.works = true;
  world.tick(3);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_EQ(world.store.state_of(world.rollout().plan().key)->weight_ppm, kFirst) << "nor after a restart";
}

// What still runs of a rollout that was replaced is no evidence about the one that replaced it.
TEST(Controller, RequestsOfAnEarlierRolloutAreNoEvidence) {
  World world;
  world.start({plan_of(three_steps(), "a")});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  const RolloutTraffic before = world.shown();
  world.mood = Mood::kSilent;
  world.controller->set_plans({plan_of(three_steps(), "b")});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  ASSERT_EQ(world.shown().step, before.step);
  for (std::uint8_t user = 0; user < 200; ++user) {
    Outcome late;
    late.service = kService;
    late.version = testing::kCandidateVersion;
    late.arm = Arm::kCandidate;
    late.judged = true;
    late.step = before.step;
    late.epoch = before.epoch;
    late.cluster = user;
    late.outcome = OutcomeClass::kTruncated;
    world.source.outcomes.push_back(late);
  }
  world.tick(3);
  EXPECT_EQ(world.state().phase, Phase::kRunning);
  EXPECT_EQ(world.rollout().verdict().candidate_requests_in_step, 0U);
}

// Records that found their ring full: nobody knows whose they were, so nobody's counts are whole.
TEST(Controller, LostRecordsHoldUntilResume) {
  World world;
  begin(world);
  world.source.lost = 3;
  world.tick(3);
  EXPECT_EQ(world.state().phase, Phase::kPaused);
  EXPECT_EQ(world.state().cause, PauseCause::kCounts);
  const auto answer = world.say(Command::Verb::kResume);
  world.tick(2);
  EXPECT_EQ(answer->refusal, "");
  EXPECT_EQ(world.state().phase, Phase::kRunning);
}

// Taken out of the file and put back while it served its candidate.
TEST(Controller, APromotedRolloutThatComesBackServesItsCandidateAtOnce) {
  World world;
  world.start({plan_of(three_steps())});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  world.controller->set_plans({});
  world.controller->set_plans({plan_of(three_steps())});
  EXPECT_EQ(world.shown().weight_ppm, kMillion);
}

TEST(Controller, AsksForConnectionsBeforeTheCandidateGetsTraffic) {
  World world;
  world.works = false;
  world.start({plan_of(three_steps())});
  world.tick(2);
  world.store.flush(1);
  world.tick();
  EXPECT_TRUE(world.shown().opening);
  EXPECT_EQ(world.shown().weight_ppm, 0U);
  world.store.flush();
  world.tick();
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  EXPECT_FALSE(world.shown().opening);
  wait_for_disk(world);  // for the next step, of a candidate that has traffic
  EXPECT_FALSE(world.shown().opening);
}

TEST(Controller, CountsNoLatencyWhileTheCandidateWarmsUp) {
  config::Rollout policy = three_steps();
  policy.analysis.guards.push_back({.metric = config::GuardMetric::kLatency, .quantile = 0.99, .relative = 0.2});
  policy.analysis.guards.back().gate = false;
  policy.analysis.warmup = std::chrono::seconds(1);
  World world;
  world.start({plan_of(policy)});
  ASSERT_TRUE(world.tick_until_weight(kFirst));
  EXPECT_TRUE(world.shown().judged);  // errors count
  EXPECT_EQ(world.shown().latency_metrics, 0);
  EXPECT_THAT(status_of(world)["waits"].array().at(1).string(), HasSubstr("warmup: 1s to go"));
  world.tick(8);
  EXPECT_EQ(world.shown().latency_metrics, 0);
  ASSERT_TRUE(world.tick_until([&] { return !world.state().warming(); }));
  EXPECT_EQ(world.shown().latency_metrics, 1);
  EXPECT_EQ(world.shown().weight_ppm, kFirst);
  ASSERT_TRUE(world.tick_until_weight(kSecond));
  EXPECT_EQ(world.shown().latency_metrics, 1);  // it is warm
}

}  // namespace
}  // namespace weir::analysis
