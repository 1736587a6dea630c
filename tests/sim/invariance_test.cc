// What must not matter, does not: the order of records within a tick, how time is cut into ticks, and, for a rollback,
// alarms, pauses and records that were lost.
#include <gtest/gtest.h>

#include <functional>

#include "analysis/sim/trial.h"
#include "config/guards.h"

namespace weir::analysis::sim {
namespace {

Trial busy() {
  Trial trial;
  trial.guards = section_six_guards_of_quality();
  trial.traffic.quality = true;
  trial.traffic.scored_after = Seconds(5);
  trial.traffic.sticky = true;
  trial.traffic.storm_share = 1.0 / 8;
  trial.traffic.error_rate = 0.01;
  trial.length = Seconds(300);
  trial.before = Seconds(60);
  trial.seed = 20'261'128;
  return trial;
}

// Each step begins while requests of the one before still run.
Trial climbing() {
  Trial trial = busy();
  trial.guards = section_six_guards();
  trial.traffic.quality = false;
  trial.weights = {0.05, 0.25, 0.5};
  return trial;
}

void expect_that_order_changes_nothing(const Trial& trial) {
  TrialRun ordered(trial);
  TrialRun shuffled(trial);
  shuffled.world().shuffle(7);
  while (ordered.tick() && shuffled.tick()) {
    const Verdict& a = ordered.world().rollout().verdict();
    const Verdict& b = shuffled.world().rollout().verdict();
    ASSERT_EQ(a.log_evidence_rollback, b.log_evidence_rollback) << "at " << ordered.world().now().count() << " s";
    ASSERT_EQ(a.lacks, b.lacks);
  }
  EXPECT_EQ(ordered.result().rolled_back, shuffled.result().rolled_back);
  EXPECT_EQ(ordered.result().because, shuffled.result().because);
  EXPECT_EQ(ordered.result().requests, shuffled.result().requests);
}

TEST(Invariance, TheOrderOfATicksRecordsChangesNoEvidence) { expect_that_order_changes_nothing(busy()); }

TEST(Invariance, TheOrderOfRecordsOfSeveralStepsChangesNoEvidence) { expect_that_order_changes_nothing(climbing()); }

TEST(Invariance, TheOrderOfRecordsChangesNoRollback) {
  Trial trial = climbing();
  trial.regression.errors.extra = 0.02;
  ASSERT_TRUE(run(trial).rolled_back);
  expect_that_order_changes_nothing(trial);
}

// Within the minute that the latency thresholds stay.
TEST(Invariance, ATickCutInTenCountsTheSame) {
  TrialRun whole(busy());
  TrialRun tenths(busy());
  // Proposed in the first tick, in force in the second, with thresholds from the third on.
  for (int i = 0; i < 3; ++i) {
    whole.tick();
    tenths.tick();
  }
  for (int second = 0; second < 50; ++second) {
    whole.world().tick(Milliseconds(1'000));
    for (int tenth = 0; tenth < 10; ++tenth) tenths.world().tick(Milliseconds(100));
  }
  EXPECT_EQ(whole.world().requests(), tenths.world().requests());
  const std::vector<GuardStatus> a = whole.world().rollout().guards();
  const std::vector<GuardStatus> b = tenths.world().rollout().guards();
  ASSERT_EQ(a.size(), b.size());
  const Verdict& of_whole = whole.world().rollout().verdict();
  const Verdict& of_tenths = tenths.world().rollout().verdict();
  EXPECT_EQ(of_whole.candidate_requests_in_step, of_tenths.candidate_requests_in_step);
  EXPECT_EQ(of_whole.baseline_requests_in_step, of_tenths.baseline_requests_in_step);
  for (std::size_t guard = 0; guard < a.size(); ++guard) {
    for (std::size_t arm = 0; arm < kArmCount; ++arm) {
      EXPECT_GT(a[guard].since_start[arm].n, 0U);
      EXPECT_EQ(a[guard].since_start[arm].n, b[guard].since_start[arm].n) << "guard " << guard;
      EXPECT_EQ(a[guard].since_start[arm].x, b[guard].since_start[arm].x) << "guard " << guard;
      EXPECT_EQ(a[guard].in_step[arm].n, b[guard].in_step[arm].n) << "guard " << guard;
      EXPECT_EQ(a[guard].in_step[arm].x, b[guard].in_step[arm].x) << "guard " << guard;
    }
    EXPECT_EQ(a[guard].clusters_hit, b[guard].clusters_hit) << "guard " << guard;
  }
}

Trial worse() {
  Trial trial = busy();
  trial.regression.errors.extra = 0.2;
  return trial;
}

// When it is rolled back, if something befalls the rollout after ten seconds.
std::optional<Seconds> rolled_back(const Trial& trial, const std::function<void(World&)>& befalls) {
  TrialRun run(trial);
  for (int second = 0; second < 10; ++second) run.tick();
  befalls(run.world());
  bool paused = false;
  while (run.tick()) paused = paused || run.world().rollout().state().phase == Phase::kPaused;
  EXPECT_TRUE(paused) << "nothing befell it";
  return run.result().rolled_back;
}

TEST(Invariance, NothingDelaysARollback) {
  Trial trial = worse();
  trial.weights = {0.01};
  trial.guards = {*config::default_guard("errorRate", 0)};
  const std::optional<Seconds> undisturbed = run(trial).rolled_back;
  ASSERT_TRUE(undisturbed);
  ASSERT_GT(*undisturbed, Seconds(12)) << "over before anything could befall it";

  EXPECT_EQ(rolled_back(trial, [](World& world) { world.say(Command::Verb::kPause); }), undisturbed);
  EXPECT_EQ(rolled_back(trial, [](World& world) { world.lose(3); }), undisturbed);

  // A guard of another pool pauses, with an alarm.
  Trial alarmed = trial;
  config::Guard alarm = *config::default_guard("clientErrorRate", 0);
  alarm.action = config::GuardAction::kPause;
  alarmed.guards.push_back(alarm);
  alarmed.regression.client_errors.extra = 0.79;
  EXPECT_EQ(rolled_back(alarmed, [](World&) {}), undisturbed);
}

}  // namespace
}  // namespace weir::analysis::sim
