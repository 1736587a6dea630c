// A guard's `max`: a fixed ceiling beside the comparison (STATISTICS.md 4.15).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "analysis/judge/guard_rule.h"
#include "base/random.h"
#include "tests/unit/analysis/judge/counts.h"

namespace weir::analysis {
namespace {

using testing::add;
using testing::binary_guards;
using ::testing::HasSubstr;
using testing::tick;

JudgeSpec spec_of(std::vector<config::Guard> guards) {
  return {
      .guards = std::move(guards), .max_false_rollback = 0.01, .max_false_advance = 0.05, .steps = 4, .has_keys = true};
}

StepContext step_at(double weight, StepId id = 1) {
  const bool full = weight == 1;
  return {.step = id,
          .weight = weight,
          .next_weight = 1,
          .at_full = full,
          .seed = id == 1 ? StepContext::Seed::kRolloutStart : StepContext::Seed::kStep};
}

config::Guard errors_with_max(double max) {
  config::Guard guard = binary_guards()[0];
  guard.max_share = max;
  return guard;
}

config::Guard latency_with_max(config::Duration max) {
  config::Guard guard = testing::default_guards()[4];
  guard.max_duration = max;
  return guard;
}

const GuardStatus& ceiling_of(const std::vector<GuardStatus>& guards) {
  for (const GuardStatus& guard : guards) {
    if (guard.is_limit) return guard;
  }
  ADD_FAILURE() << "no guard has a ceiling";
  return guards.front();
}

// Shares of requests that fail, of either arm.
struct Rates {
  double baseline = 0;
  double candidate = 0;
};

constexpr int kBaselineRequests = 75;
constexpr int kCandidateRequests = 25;

// Ticks until the verdict is to roll back; false when it is not within so many.
bool fails(Judge& judge, Random& random, const Rates& rates, int ticks) {
  for (int t = 0; t < ticks; ++t) {
    StepCounts step;
    step.step = judge.step();
    for (int i = 0; i < kBaselineRequests + kCandidateRequests; ++i) {
      const Arm arm = i < kBaselineRequests ? Arm::kBaseline : Arm::kCandidate;
      const double rate = arm == Arm::kBaseline ? rates.baseline : rates.candidate;
      const OutcomeClass outcome = random.uniform() < rate ? OutcomeClass::kHttp5xx : OutcomeClass::kOk;
      add(step, {arm, 1, outcome, static_cast<std::uint8_t>(random.below(256))});
    }
    tick(judge, step);
    if (judge.verdict().kind == Verdict::Kind::kFail) return true;
  }
  return false;
}

TEST(Ceiling, BlamesTheCandidateWhereTheBaselineIsAsBadAndSaysSo) {
  for (const bool limited : {false, true}) {
    std::vector<config::Guard> guards = {limited ? errors_with_max(0.01) : binary_guards()[0]};
    Judge judge(spec_of(guards));
    judge.begin_step(step_at(0.25));
    Random random(1);
    EXPECT_EQ(fails(judge, random, {.baseline = 0.04, .candidate = 0.04}, 400), limited);
    if (!limited) continue;
    const Verdict verdict = judge.verdict();
    EXPECT_TRUE(judge.guards()[static_cast<std::size_t>(verdict.worst_guard)].is_limit);
    EXPECT_THAT(verdict.because, HasSubstr("errorRate max: candidate "));
    EXPECT_THAT(verdict.because, HasSubstr("at most 1 % allowed whatever the baseline does ("));
  }
}

// Under the ceiling, whatever the baseline does, and on it, where a false rollback is most likely.
TEST(Ceiling, NeverFailsACandidateThatKeepsToIt) {
  Random random(2);
  int rolled_back = 0;
  for (int run = 0; run < 50; ++run) {
    Judge under(spec_of({errors_with_max(0.01)}));
    under.begin_step(step_at(0.25));
    EXPECT_FALSE(fails(under, random, {.baseline = 0.01, .candidate = 0.005}, 200)) << run;
    Judge on_it(spec_of({errors_with_max(0.01)}));
    on_it.begin_step(step_at(0.25));
    rolled_back += fails(on_it, random, {.baseline = 0.2, .candidate = 0.01}, 200) ? 1 : 0;
  }
  EXPECT_LE(rolled_back, 2);
}

TEST(Ceiling, IsOneMoreGuardOfItsPoolAndGatesNothing) {
  const Judge judge(spec_of({errors_with_max(0.01), binary_guards()[1]}));
  const std::vector<GuardStatus> guards = judge.guards();
  ASSERT_EQ(guards.size(), 3U);
  EXPECT_EQ(guard_name(guards[1]), "errorRate max");
  EXPECT_NEAR(guards[0].weight, 0.30 / 0.65, 1e-12);
  EXPECT_NEAR(guards[1].weight, 0.30 / 0.65, 1e-12);
  EXPECT_TRUE(guards[0].gate);
  EXPECT_FALSE(guards[1].gate);
  for (const std::string& lack : judge.verdict().lacks) EXPECT_EQ(lack.find(" max"), std::string::npos) << lack;
}

TEST(Ceiling, WorksWhereNobodyIsLeftToCompareWith) {
  Judge judge(spec_of({errors_with_max(0.01)}));
  judge.begin_step(step_at(0.25));
  Random random(3);
  ASSERT_FALSE(fails(judge, random, {.baseline = 0.001, .candidate = 0.001}, 100));
  judge.begin_step(step_at(1, 2));
  EXPECT_TRUE(fails(judge, random, {.baseline = 0, .candidate = 0.05}, 400));
  EXPECT_TRUE(judge.guards()[static_cast<std::size_t>(judge.verdict().worst_guard)].is_limit);
  const std::vector<GuardStatus> guards = judge.guards();
  EXPECT_LT(guards[0].since_start[1].n, guards[1].since_start[1].n) << "what was compared, and what was not";
}

// One cluster of users who retry: their failures count for less, as in the comparison, and three must have met any.
TEST(Ceiling, WeighsUsersNotRequests) {
  Judge judge(spec_of({errors_with_max(0.01)}));
  judge.begin_step(step_at(0.25));
  for (int t = 0; t < 40; ++t) {
    StepCounts step;
    step.step = 1;
    for (std::uint8_t i = 0; i < 100; ++i) add(step, {Arm::kCandidate, 1, OutcomeClass::kOk, i});
    add(step, {Arm::kCandidate, 2, OutcomeClass::kHttp5xx, static_cast<std::uint8_t>(t % 2)});
    tick(judge, step);
  }
  const GuardStatus ceiling = ceiling_of(judge.guards());
  EXPECT_FALSE(ceiling.speaks);
  EXPECT_GT(ceiling.phi_div, 1.5);
  EXPECT_NE(judge.verdict().kind, Verdict::Kind::kFail);
}

// Two hundred requests of either version, each in a cluster of its own; so many of them, from `first` on, took longer
// than the threshold of the second latency slot.
StepCounts latencies(std::uint64_t first, std::uint64_t slow) {
  constexpr std::uint64_t n = 200;
  constexpr std::size_t slot = 1;
  StepCounts step;
  step.step = 1;
  for (Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
    ArmCounts& counts = step.of(arm);
    counts.requests = n;
    for (std::uint64_t i = 0; i < n; ++i) {
      ClusterCounts& cluster = counts.clusters.of(static_cast<std::uint8_t>(i));
      ++cluster.requests;
      for (MetricCounts* metrics : {&counts.metrics, &cluster.metrics}) {
        ++(*metrics)[latency_metric_index(slot)].n;
        (*metrics)[latency_metric_index(slot)].x += (i + n - first % n) % n < slow ? 1 : 0;
      }
    }
  }
  return step;
}

TEST(Ceiling, OfALatencyNeedsNoHistory) {
  Judge judge(spec_of({latency_with_max(config::Duration(500))}));
  judge.begin_step(step_at(0.25));
  tick(judge, {});
  const Thresholds thresholds = judge.thresholds();
  ASSERT_EQ(thresholds.metrics, 2);
  EXPECT_EQ(thresholds.by_slot[0].candidate_us, 0U) << "the comparison is not armed";
  EXPECT_EQ(thresholds.by_slot[1].candidate_us, 500'000U);
  EXPECT_EQ(thresholds.by_slot[1].baseline_us, 500'000U);
  for (int t = 0; t < 50; ++t) tick(judge, latencies(static_cast<std::uint64_t>(t), 1));
  EXPECT_NE(judge.verdict().kind, Verdict::Kind::kFail) << "one in 200 is slower than what one in 100 may be";
  for (int t = 0; t < 50 && judge.verdict().kind != Verdict::Kind::kFail; ++t)
    tick(judge, latencies(static_cast<std::uint64_t>(t) * 20, 20));
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kFail);
  EXPECT_THAT(judge.verdict().because, HasSubstr("latency p99 max: candidate "));
  EXPECT_THAT(judge.verdict().because, HasSubstr("slower than 500 ms, at most 1 % allowed whatever the baseline does"));
}

// 4.0: what an edit leaves as it was keeps its evidence, the ceiling and the comparison each for itself.
TEST(Ceiling, AnEditTouchesOnlyWhatItChanges) {
  Judge judge(spec_of({errors_with_max(0.01)}));
  judge.begin_step(step_at(0.25));
  Random random(4);
  fails(judge, random, {.baseline = 0.02, .candidate = 0.02}, 5);
  const std::vector<GuardStatus> before = judge.guards();
  config::Guard guard = errors_with_max(0.02);
  judge.change_guards(spec_of({guard}));
  EXPECT_EQ(judge.guards()[0].log_evidence_rollback, before[0].log_evidence_rollback);
  EXPECT_NEAR(ceiling_of(judge.guards()).log_evidence_rollback, std::log(0.25 / 1440), 1e-9);
  EXPECT_NEAR(ceiling_of(judge.guards()).weight, 0.5, 1e-12);
  fails(judge, random, {.baseline = 0.02, .candidate = 0.02}, 5);
  const double kept = ceiling_of(judge.guards()).log_evidence_rollback;
  guard.relative = 0.5;
  judge.change_guards(spec_of({guard}));
  EXPECT_EQ(ceiling_of(judge.guards()).log_evidence_rollback, kept);
  judge.change_guards(spec_of({binary_guards()[0]}));
  EXPECT_EQ(judge.guards().size(), 1U);
}

TEST(Ceiling, SurvivesARestart) {
  const JudgeSpec spec = spec_of({errors_with_max(0.01), latency_with_max(config::Duration(500))});
  Judge judge(spec);
  judge.begin_step(step_at(0.25));
  Random random(5);
  fails(judge, random, {.baseline = 0.02, .candidate = 0.02}, 5);
  std::optional<Judge> restored = Judge::restore(spec, judge.save());
  ASSERT_TRUE(restored);
  Random same = random;
  fails(judge, random, {.baseline = 0.02, .candidate = 0.02}, 5);
  fails(*restored, same, {.baseline = 0.02, .candidate = 0.02}, 5);
  ASSERT_EQ(restored->guards().size(), judge.guards().size());
  for (std::size_t i = 0; i < judge.guards().size(); ++i) {
    EXPECT_EQ(restored->guards()[i].log_evidence_rollback, judge.guards()[i].log_evidence_rollback) << i;
    EXPECT_EQ(restored->guards()[i].is_limit, judge.guards()[i].is_limit) << i;
  }
  EXPECT_EQ(restored->thresholds().by_slot[1].candidate_us, 500'000U);
}

}  // namespace
}  // namespace weir::analysis
