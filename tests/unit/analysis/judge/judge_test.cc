// The judge as a whole: the decision cases of STATISTICS.md section 5, and each sentence of 4.8.
#include "analysis/judge/judge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "analysis/judge/guard_rule.h"
#include "analysis/stats/rate_test.h"
#include "tests/unit/analysis/judge/counts.h"

namespace weir::analysis {
namespace {

using testing::add;
using testing::binary_guards;
using testing::default_guards;
using testing::Requests;
using testing::tick;

BaselineMemory memory_of(double x, double n) {
  BaselineMemory memory;
  for (DecayedRate& rate : memory.rates) rate = {0, n};
  memory.rates[0] = {x, n};
  return memory;
}

JudgeSpec spec_of(std::vector<config::Guard> guards, int steps = 4) {
  return {.guards = std::move(guards),
          .max_false_rollback = 0.01,
          .max_false_advance = 0.05,
          .steps = steps,
          .has_keys = true};
}

StepContext first_step(double weight, double next = 1) {
  return {.step = 1, .weight = weight, .next_weight = next, .at_full = false, .seed = StepContext::Seed::kRolloutStart};
}

bool lacks(const Verdict& verdict, const std::string& word) {
  for (const std::string& lack : verdict.lacks) {
    if (lack.starts_with(word)) return true;
  }
  return false;
}

// One tick of healthy traffic spread over the clusters, from `first` on.
StepCounts healthy(std::uint64_t baseline, std::uint64_t candidate, std::uint8_t first = 0, StepId id = 1) {
  StepCounts step;
  step.step = id;
  for (std::uint64_t i = 0; i < baseline; ++i)
    add(step, {Arm::kBaseline, 1, OutcomeClass::kOk, static_cast<std::uint8_t>(first + i)});
  for (std::uint64_t i = 0; i < candidate; ++i)
    add(step, {Arm::kCandidate, 1, OutcomeClass::kOk, static_cast<std::uint8_t>(first + i)});
  return step;
}

TEST(Judge, ReproducesTheDecisionCases) {
  struct Case {
    double weight;
    BaselineMemory memory;
    std::uint64_t baseline_n;
    std::vector<double> log_e;
  };
  const Case cases[] = {{0.05, memory_of(7, 7000), 19, {1.101001, 3.796723, 6.816067, 9.939696}},
                        {0.01, memory_of(0, 0), 99, {1.863871, 6.039101, 10.528121, 15.066592}}};
  for (const Case& c : cases) {
    JudgeSpec spec = spec_of(binary_guards());
    spec.refresh = Refresh::kEveryTick;
    Judge judge(spec, c.memory);
    judge.begin_step(first_step(c.weight));
    std::uint8_t cluster = 0;
    for (const double expected : c.log_e) {
      StepCounts step;
      step.step = 1;
      add(step, {Arm::kBaseline, c.baseline_n, OutcomeClass::kOk, cluster});
      add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, cluster++});
      tick(judge, step);
      EXPECT_NEAR(judge.guards()[0].log_evidence_rollback, expected, 1e-6);
    }
    EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kFail);
    EXPECT_EQ(judge.verdict().worst_guard, 0);
  }
}

TEST(Judge, WeighsGuardsWithinTheirPool) {
  std::vector<config::Guard> guards = default_guards();
  guards[1].action = config::GuardAction::kPause;
  const Judge judge(spec_of(guards));
  const std::vector<GuardStatus> status = judge.guards();
  EXPECT_NEAR(status[0].weight, 0.30 / 0.55, 1e-12);
  EXPECT_NEAR(status[1].weight, 1, 1e-12);
  EXPECT_NEAR(status[4].weight, 0.15 / 0.55, 1e-12);
}

TEST(Judge, WaitsForThreeClustersThatFail) {
  Judge judge(spec_of(binary_guards()), memory_of(7, 7000));
  judge.begin_step(first_step(0.05));
  for (std::uint8_t i = 0; i < 40; ++i) {
    StepCounts step = healthy(19, 1, i);
    add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, static_cast<std::uint8_t>(i % 2)});
    tick(judge, step);
  }
  EXPECT_FALSE(judge.guards()[0].speaks);
  EXPECT_EQ(judge.verdict().log_evidence_rollback, -INFINITY);
  for (int i = 0; i < 10; ++i) {
    StepCounts step;
    step.step = 1;
    add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, 7});
    tick(judge, step);
  }
  EXPECT_TRUE(judge.guards()[0].speaks);
  EXPECT_EQ(judge.guards()[0].clusters_hit, 3U);
}

TEST(Judge, BelievesASingleUserWhoMeetsNothingButFailures) {
  Judge judge(spec_of(binary_guards()), memory_of(7, 7000));
  judge.begin_step(first_step(0.05));
  for (int i = 1; i <= 10; ++i) {
    StepCounts step = healthy(19, 0);
    add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, 3});
    tick(judge, step);
    EXPECT_EQ(judge.verdict().kind == Verdict::Kind::kFail, i >= 10) << i;
  }
  EXPECT_FALSE(judge.guards()[0].alpha_promised);
}

// One tick in which one user of each arm has a storm of errors.
StepCounts storm() {
  StepCounts step = healthy(190, 10);
  add(step, {Arm::kBaseline, 30, OutcomeClass::kHttp5xx, 3});
  add(step, {Arm::kCandidate, 4, OutcomeClass::kHttp5xx, 3});
  add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, 1});
  add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, 2});
  return step;
}

double evidence_of(TestSide side, const Margin& margin, double divisor) {
  RateTest test(side);
  if (side == TestSide::kRollback) test.inject(std::log(0.5));
  if (side == TestSide::kAdvance) test.restart();
  test.add({.baseline_n = 220, .baseline_x = 30, .candidate_n = 16, .candidate_x = 6}, margin,
           {.baseline_rate = baseline_rate(7, 7'000), .allocation = allocation(0, 0, 0.05), .divisor = divisor});
  return test.log_evidence();
}

// 4.7: refreshed before the increments, or a storm in the first minutes would enter at weight 1; the advance side
// divides by its own design effect, which asks how much the baseline's users differ, too.
TEST(Judge, AStormDampsItsOwnWeightOnBothSides) {
  Judge judge(spec_of(binary_guards()), memory_of(7, 7'000));
  judge.begin_step(first_step(0.05, 0.25));
  tick(judge, storm());
  const GuardStatus errors = judge.guards()[0];
  EXPECT_GT(errors.phi_div, 1.2);
  EXPECT_GT(errors.phi_div_advance, 1.2 * errors.phi_div);
  const Margin back = rollback_margin(errors.guard);
  EXPECT_NEAR(errors.log_evidence_rollback, evidence_of(TestSide::kRollback, back, errors.phi_div), 1e-9);
  EXPECT_LT(errors.log_evidence_rollback, evidence_of(TestSide::kRollback, back, 1) - 0.5);
  const Margin on = advance_margin(errors.guard, 0.25);
  EXPECT_NEAR(errors.log_evidence_advance, evidence_of(TestSide::kAdvance, on, errors.phi_div_advance), 1e-9);
  EXPECT_GT(std::abs(errors.log_evidence_advance - evidence_of(TestSide::kAdvance, on, errors.phi_div)), 1e-3);
}

// The baseline's requests under another judge's step tell what it is like, and compare nothing.
TEST(Judge, WhatTheBaselineDoesElsewhereIsNoEvidence) {
  Judge judge(spec_of(default_guards()), memory_of(0, 7'000));
  judge.begin_step(first_step(0.05));
  tick(judge, healthy(0, 0));
  const std::vector<GuardStatus> before = judge.guards();
  StepCounts other = healthy(0, 0);
  add(other, {Arm::kBaseline, 2'500, OutcomeClass::kOk, 1});
  add(other, {Arm::kBaseline, 500, OutcomeClass::kHttp5xx, 2});
  other.of(Arm::kBaseline).times[TimeMetric::kLatency].add(histogram_index(10'000), 3'000);
  const ArmCounts* elsewhere[] = {&other.of(Arm::kBaseline)};
  judge.tick({.steps = {}, .elsewhere = elsewhere, .outside = nullptr, .malformed = 0, .dt = Seconds(1)});
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(judge.guards()[i].log_evidence_rollback, before[i].log_evidence_rollback);
    EXPECT_EQ(judge.guards()[i].log_evidence_advance, before[i].log_evidence_advance);
    EXPECT_EQ(judge.guards()[i].since_start[0].n, 0U);
  }
  EXPECT_EQ(judge.verdict().baseline_requests_in_step, 0U);
  EXPECT_TRUE(lacks(judge.verdict(), "baseline_unhealthy")) << "500 of 3,000 fail";
  tick(judge, healthy(1, 0));
  EXPECT_FALSE(lacks(judge.verdict(), "not_armed")) << "its latencies are its latencies";
}

// Enough requests that every binary gate passes at 5 % -> 100 %.
void let_binary_gates_pass(Judge& judge) {
  for (int i = 0; i < 700; ++i) tick(judge, healthy(190, 10, static_cast<std::uint8_t>(i)));
}

TEST(Judge, PassesWhenEveryGateHas) {
  Judge judge(spec_of(binary_guards()), memory_of(0, 7000));
  judge.begin_step(first_step(0.05));
  tick(judge, healthy(190, 10));
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kInconclusive);
  EXPECT_TRUE(lacks(judge.verdict(), "gate: errorRate"));
  let_binary_gates_pass(judge);
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kPass)
      << (judge.verdict().lacks.empty() ? "" : judge.verdict().lacks[0]);
  EXPECT_EQ(judge.verdict().candidate_requests_in_step, 7010U);
}

TEST(Judge, HoldsWhileFewUsersSpeak) {
  Judge judge(spec_of(binary_guards()), memory_of(0, 7000));
  judge.begin_step(first_step(0.05));
  for (int i = 0; i < 700; ++i) {
    StepCounts step = healthy(190, 0);
    add(step, {Arm::kCandidate, 10, OutcomeClass::kOk, static_cast<std::uint8_t>(i % 4)});
    tick(judge, step);
  }
  EXPECT_TRUE(lacks(judge.verdict(), "few_users: 4 of 5"));
  JudgeSpec unkeyed = spec_of(binary_guards());
  unkeyed.has_keys = false;
  judge.change_guards(unkeyed);
  EXPECT_FALSE(lacks(judge.verdict(), "few_users"));
}

TEST(Judge, AtWeightZeroItLacksRequestsAndNoListOfGates) {
  Judge judge(spec_of(default_guards()), memory_of(0, 7000));
  judge.begin_step(first_step(0));
  tick(judge, healthy(100, 0));
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kInconclusive);
  EXPECT_EQ(judge.verdict().lacks,
            std::vector<std::string>{"no_traffic: at weight 0 nobody is sent to the candidate"});
}

TEST(Judge, AGateThatIsNotArmedHasNotPassed) {
  Judge judge(spec_of(default_guards()), memory_of(0, 7000));
  judge.begin_step(first_step(0.05));
  StepCounts step = healthy(190, 10);
  step.of(Arm::kBaseline).times[TimeMetric::kLatency].add(histogram_index(10'000), 1'200);
  tick(judge, step);
  EXPECT_TRUE(lacks(judge.verdict(), "not_armed: 1,200 of 2,000 (latency p99)"));
  EXPECT_EQ(judge.thresholds().by_slot[0].baseline_us, 0U);
  tick(judge, step);
  const std::uint32_t before = judge.thresholds().version;
  tick(judge, healthy(1, 0));
  EXPECT_FALSE(lacks(judge.verdict(), "not_armed"));
  EXPECT_GT(judge.thresholds().version, before);
  const LatencyThreshold armed = judge.thresholds().by_slot[0];
  EXPECT_NEAR(static_cast<double>(armed.baseline_us), 10'000, 320);
  EXPECT_NEAR(static_cast<double>(armed.candidate_us), 1.2 * static_cast<double>(armed.baseline_us), 1);
  EXPECT_EQ(judge.thresholds().overdue_us, armed.candidate_us);
}

TEST(Judge, FindsASlowCandidateByItsQuantile) {
  Judge judge(spec_of(default_guards()), memory_of(0, 7000));
  judge.begin_step(first_step(0.05));
  StepCounts history = healthy(1, 0);
  history.of(Arm::kBaseline).times[TimeMetric::kLatency].add(histogram_index(10'000), 3'000);
  tick(judge, history);
  const std::size_t p99 = latency_metric_index(0);
  for (std::uint8_t i = 0; i < 60; ++i) {
    StepCounts step = healthy(190, 10, i);
    const auto enter = [&](Arm arm, std::uint64_t n, std::uint64_t x) {
      step.of(arm).metrics[p99] = {n, x};
      step.of(arm).clusters.of(i).metrics[p99] = {n, x};
    };
    enter(Arm::kBaseline, 190, 2);
    enter(Arm::kCandidate, 10, 3);
    tick(judge, step);
  }
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kFail);
  EXPECT_EQ(judge.guards()[static_cast<std::size_t>(judge.verdict().worst_guard)].guard.metric,
            config::GuardMetric::kLatency);
}

TEST(Judge, HoldsInAnOutageThatBothShare) {
  Judge judge(spec_of(binary_guards()), memory_of(7, 7000));
  judge.begin_step(first_step(0.05));
  for (std::uint8_t i = 0; i < 30; ++i) {
    StepCounts step = healthy(80, 5, i);
    add(step, {Arm::kBaseline, 110, OutcomeClass::kHttp5xx, i});
    add(step, {Arm::kCandidate, 5, OutcomeClass::kHttp5xx, i});
    tick(judge, step);
  }
  EXPECT_TRUE(lacks(judge.verdict(), "baseline_unhealthy"));
  EXPECT_NE(judge.verdict().kind, Verdict::Kind::kFail);
  const std::optional<Judge> again = Judge::restore(spec_of(binary_guards()), judge.save());
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(lacks(again->verdict(), "baseline_unhealthy")) << "an outage outlives a restart";
  for (int i = 0; i < 61; ++i) tick(judge, healthy(190, 10));
  EXPECT_FALSE(lacks(judge.verdict(), "baseline_unhealthy"));
}

// 4.13: what coefficients were computed from is saved with the rest. Were it not, the next tick would compute them
// anew.
TEST(Judge, RestoredSaysTheSameBitForBit) {
  Judge judge(spec_of(binary_guards()), memory_of(7, 7'000));
  judge.begin_step(first_step(0.05, 0.25));
  const auto some = [](std::uint8_t i, StepId step) {
    StepCounts counts = healthy(90U + i % 7U, 4U + i % 3U, i, step);
    if (i % 20 == 0) add(counts, {Arm::kBaseline, 1, OutcomeClass::kHttp5xx, i});
    if (i % 16 == 0) add(counts, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, i});
    return counts;
  };
  for (std::uint8_t i = 0; i < 100; ++i) tick(judge, some(i, 1));
  judge.begin_step({.step = 2, .weight = 0.25, .next_weight = 1, .at_full = false, .seed = StepContext::Seed::kStep});
  std::optional<Judge> restored;
  for (std::uint8_t i = 0; i < 200; ++i) {
    const StepCounts late = some(i, 1);  // of the step before
    const StepCounts now = some(static_cast<std::uint8_t>(i + 5), 2);
    const StepCounts* steps[] = {&now, &late};
    for (Judge* each : {&judge, restored ? &*restored : nullptr}) {
      if (each == nullptr) continue;
      each->tick(
          {.steps = std::span(steps).first(i % 3 == 0 ? 2 : 1), .outside = nullptr, .malformed = 0, .dt = Seconds(1)});
    }
    if (i % 10 == 3) restored = Judge::restore(spec_of(binary_guards()), judge.save());
    if (!restored) continue;
    for (std::size_t g = 0; g < 4; ++g) {
      ASSERT_EQ(restored->guards()[g].log_evidence_rollback, judge.guards()[g].log_evidence_rollback) << int{i};
      ASSERT_EQ(restored->guards()[g].log_evidence_advance, judge.guards()[g].log_evidence_advance) << int{i};
      ASSERT_EQ(restored->guards()[g].phi_div, judge.guards()[g].phi_div);
    }
  }
}

TEST(Judge, SaysWhenATickWithoutRecordsChangesSomething) {
  Judge judge(spec_of(binary_guards()), memory_of(0, 7'000));
  judge.begin_step(first_step(0.05));
  const auto idle = [&] { return judge.tick({.steps = {}, .outside = nullptr, .malformed = 0, .dt = Seconds(1)}); };
  EXPECT_TRUE(idle()) << "the step is new";
  EXPECT_FALSE(idle());
  StepCounts outage = healthy(10, 5);
  add(outage, {Arm::kBaseline, 20, OutcomeClass::kHttp5xx, 7});
  tick(judge, outage);
  EXPECT_TRUE(lacks(judge.verdict(), "baseline_unhealthy"));
  int told = 0;
  for (int i = 0; i < 61; ++i) {
    const std::vector<std::string> before = judge.verdict().lacks;
    const bool changes = idle();
    told += changes ? 1 : 0;
    ASSERT_TRUE(changes || judge.verdict().lacks == before) << i;
  }
  EXPECT_FALSE(lacks(judge.verdict(), "baseline_unhealthy"));
  EXPECT_LE(told, 2) << "a minute later the outage is over, and once the users have been counted";
  judge.change_guards(spec_of(binary_guards()));
  EXPECT_TRUE(idle());
  judge.begin_minute();
  EXPECT_TRUE(idle());
}

TEST(Judge, HoldsWhileTheCandidatesRequestsHang) {
  Judge judge(spec_of(binary_guards()), memory_of(0, 7000));
  judge.begin_step(first_step(0.05));
  let_binary_gates_pass(judge);
  StepCounts hanging = healthy(0, 0);
  hanging.of(Arm::kCandidate).overdue_change = 160;
  tick(judge, hanging);
  EXPECT_TRUE(lacks(judge.verdict(), "in_flight"));
  hanging.of(Arm::kCandidate).overdue_change = -159;
  tick(judge, hanging);
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kPass);
}

TEST(Judge, DropsWhatCannotBeAndHoldsUntilResume) {
  Judge judge(spec_of(binary_guards()), memory_of(0, 7000));
  judge.begin_step(first_step(0.05));
  StepCounts broken = healthy(190, 10);
  broken.of(Arm::kCandidate).metrics[0] = {3, 4};
  tick(judge, broken);
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kError);
  EXPECT_EQ(judge.guards()[0].since_start[1].n, 0U);
  judge.resume();
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kInconclusive);
}

TEST(Judge, AMalformedTickNeverPreventsARollback) {
  Judge judge(spec_of(binary_guards()), memory_of(7, 7000));
  judge.begin_step(first_step(0.05));
  for (std::uint8_t i = 0; i < 6; ++i) {
    StepCounts step = healthy(19, 0, i);
    add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, i});
    const StepCounts* steps[] = {&step};
    judge.tick({.steps = steps, .outside = nullptr, .malformed = 1, .dt = Seconds(1)});
  }
  EXPECT_EQ(judge.verdict().kind, Verdict::Kind::kFail);
}

TEST(Judge, ThePausePoolLatchesUntilResume) {
  std::vector<config::Guard> guards = binary_guards();
  guards[2].action = config::GuardAction::kPause;
  Judge judge(spec_of(guards), memory_of(0, 7000));
  judge.begin_step(first_step(0.05));
  for (std::uint8_t i = 0; i < 10; ++i) {
    StepCounts step = healthy(19, 0, i);
    add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp4xx, i});
    tick(judge, step);
  }
  EXPECT_TRUE(judge.verdict().pause_pool_fired);
  EXPECT_NE(judge.verdict().kind, Verdict::Kind::kFail);
  judge.resume();
  EXPECT_FALSE(judge.verdict().pause_pool_fired);
  EXPECT_LT(judge.guards()[2].log_evidence_rollback, 0);
}

TEST(Judge, SeedsByWhatBegins) {
  Judge judge(spec_of(binary_guards(), 2));
  const auto evidence = [&] { return std::exp(judge.guards()[0].log_evidence_rollback); };
  judge.begin_step(first_step(0.05));
  EXPECT_NEAR(evidence(), 0.5, 1e-9);
  judge.begin_minute();  // in the same tick: nothing more
  EXPECT_NEAR(evidence(), 0.5, 1e-9);
  tick(judge, healthy(0, 0));
  judge.begin_minute();
  EXPECT_NEAR(evidence(), 0.5 + 0.25 / 1440, 1e-9);
  StepContext step = first_step(0.25);
  step.seed = StepContext::Seed::kStep;
  step.step = 2;
  judge.begin_step(step);
  EXPECT_NEAR(evidence(), 0.5 + 0.25 / 1440 + 0.125, 1e-9);
  step.step = 3;  // K - 1 step seeds are spent
  judge.begin_step(step);
  EXPECT_NEAR(evidence(), 0.5 + 0.5 / 1440 + 0.125, 1e-9);
}

TEST(Judge, TestsRestOnNobodyAtFullOrZeroWeight) {
  for (const double weight : {0.0, 1.0}) {
    Judge judge(spec_of(binary_guards()), memory_of(0, 7000));
    judge.begin_step(first_step(weight));
    const double before = judge.guards()[0].log_evidence_rollback;
    StepCounts step = healthy(0, 0);
    for (std::uint8_t i = 0; i < 50; ++i) add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, i});
    tick(judge, step);
    EXPECT_EQ(judge.guards()[0].log_evidence_rollback, before);
  }
}

TEST(Judge, EditsKeepWhatTheyDoNotTouch) {
  Judge judge(spec_of(default_guards()), memory_of(7, 7000));
  judge.begin_step(first_step(0.05));
  for (std::uint8_t i = 0; i < 3; ++i) tick(judge, healthy(190, 10, i));
  const std::vector<GuardStatus> before = judge.guards();
  std::vector<config::Guard> guards = default_guards();
  guards[1].absolute = 0.5;
  guards[0].gate = false;
  guards.push_back(guards[4]);
  guards.back().quantile = 0.9;
  judge.change_guards(spec_of(guards));
  const std::vector<GuardStatus> after = judge.guards();
  ASSERT_EQ(after.size(), 6U);
  double sum = 0;
  for (const GuardStatus& now : after) {
    sum += now.weight;
    const bool fresh = now.guard.absolute == 0.5 || now.guard.quantile == 0.9;
    if (fresh) {
      EXPECT_NEAR(std::exp(now.log_evidence_rollback), 0.25 / 1440, 1e-9);
      EXPECT_EQ(now.log_evidence_advance, 0);
    }
    for (const GuardStatus& old : before) {
      if (fresh || old.guard.metric != now.guard.metric) continue;
      EXPECT_EQ(old.log_evidence_rollback, now.log_evidence_rollback);
      EXPECT_EQ(old.weight, now.weight);
    }
  }
  EXPECT_NEAR(sum, 1 + 0.05 / 0.6, 1e-12);
  EXPECT_NEAR(judge.verdict().promised_alpha, 0.01 * sum, 1e-12);
}

TEST(Judge, TakesUpExactlyWhereItWasSaved) {
  Judge judge(spec_of(default_guards()), memory_of(7, 7000));
  judge.begin_step(first_step(0.05, 0.25));
  StepCounts history = healthy(1, 0);
  history.of(Arm::kBaseline).times[TimeMetric::kLatency].add(histogram_index(10'000), 3'000);
  tick(judge, history);
  for (std::uint8_t i = 0; i < 40; ++i) tick(judge, healthy(190, 10, i));
  const std::string bytes = judge.save();
  std::optional<Judge> again = Judge::restore(spec_of(default_guards()), bytes);
  ASSERT_TRUE(again.has_value());
  for (int i = 0; i < 5; ++i) {
    StepCounts step = healthy(19, 0);
    add(step, {Arm::kCandidate, 1, OutcomeClass::kHttp5xx, static_cast<std::uint8_t>(i)});
    tick(judge, step);
    tick(*again, step);
  }
  for (std::size_t i = 0; i < judge.guards().size(); ++i) {
    EXPECT_EQ(judge.guards()[i].log_evidence_rollback, again->guards()[i].log_evidence_rollback);
    EXPECT_EQ(judge.guards()[i].log_evidence_advance, again->guards()[i].log_evidence_advance);
    EXPECT_EQ(judge.guards()[i].threshold.candidate_us, again->guards()[i].threshold.candidate_us);
  }
  EXPECT_EQ(judge.verdict().candidate_requests_in_step, again->verdict().candidate_requests_in_step);
}

TEST(Judge, RefusesDamagedBytes) {
  Judge judge(spec_of(default_guards()));
  judge.begin_step(first_step(0.05));
  const std::string bytes = judge.save();
  for (std::size_t cut = 0; cut < bytes.size(); cut += 7) {
    EXPECT_FALSE(Judge::restore(spec_of(default_guards()), bytes.substr(0, cut)).has_value()) << cut;
  }
  EXPECT_FALSE(Judge::restore(spec_of(default_guards()), bytes + "x").has_value());
}

}  // namespace
}  // namespace weir::analysis
