// What people are shown of a guard beside its evidence: by how much the versions differ, and who is hit worst.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/judge/words.h"
#include "base/random.h"
#include "config/guards.h"
#include "tests/unit/analysis/judge/counts.h"
#include "tests/unit/analysis/judge/fleet.h"

namespace weir::analysis {
namespace {

using testing::add;
using testing::binary_guards;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::tick;

JudgeSpec spec() {
  return {.guards = {binary_guards()[0]},
          .max_false_rollback = 0.01,
          .max_false_advance = 0.05,
          .steps = 4,
          .has_keys = true};
}

StepContext step_at(double weight, StepId id) {
  return {.step = id, .weight = weight, .next_weight = 1, .at_full = false, .seed = StepContext::Seed::kStep};
}

// One second of a thousand requests, spread over the clusters.
StepCounts second_of(Random& random, const Judge& judge, double weight, std::array<double, 2> rates) {
  StepCounts step;
  step.step = judge.step();
  for (int i = 0; i < 1'000; ++i) {
    const Arm arm = random.uniform() < weight ? Arm::kCandidate : Arm::kBaseline;
    const double rate = rates[static_cast<std::size_t>(arm)];
    const OutcomeClass outcome = random.uniform() < rate ? OutcomeClass::kHttp5xx : OutcomeClass::kOk;
    add(step, {arm, 1, outcome, static_cast<std::uint8_t>(random.below(256))});
  }
  return step;
}

TEST(Difference, IsNothingBeforeBothVersionsWereSeen) {
  Judge judge(spec());
  judge.begin_step(step_at(0.25, 1));
  EXPECT_FALSE(judge.guards()[0].difference);
  EXPECT_THAT(explain(judge.guards()[0], 4.6), Not(HasSubstr("difference")));
}

TEST(Difference, CoversWhatIsTrueInBothDirections) {
  Random random(1);
  for (const auto& rates : {std::array{0.02, 0.03}, std::array{0.03, 0.02}, std::array{0.02, 0.02}}) {
    Judge judge(spec());
    judge.begin_step(step_at(0.25, 1));
    for (int t = 0; t < 120; ++t) tick(judge, second_of(random, judge, 0.25, rates));
    const GuardStatus guard = judge.guards()[0];
    ASSERT_TRUE(guard.difference);
    const double truth = rates[1] - rates[0];
    EXPECT_LT(guard.difference->low, truth);
    EXPECT_GT(guard.difference->high, truth);
    EXPECT_LT(guard.difference->high - guard.difference->low, 0.02);
    EXPECT_THAT(explain(guard, 4.6), HasSubstr(truth < 0 ? "difference −" : "difference "));
  }
}

// Simpson's paradox: the same in either step, where the sums over both would show the candidate as worse.
TEST(Difference, ARampDoesNotMakeOne) {
  Random random(2);
  Judge judge(spec());
  judge.begin_step(step_at(0.05, 1));
  for (int t = 0; t < 90; ++t) tick(judge, second_of(random, judge, 0.05, {0.01, 0.01}));
  judge.begin_step(step_at(0.5, 2));
  for (int t = 0; t < 90; ++t) tick(judge, second_of(random, judge, 0.5, {0.08, 0.08}));
  const GuardStatus guard = judge.guards()[0];
  ASSERT_TRUE(guard.difference);
  EXPECT_LT(guard.difference->low, 0);
  EXPECT_GT(guard.difference->high, 0);
  EXPECT_LT(guard.difference->value, 0.01);
  const auto share = [](const MetricCount& count) {
    return static_cast<double>(count.x) / static_cast<double>(count.n);
  };
  EXPECT_GT(share(guard.since_start[1]) - share(guard.since_start[0]), 0.015) << "what the sums say";
}

TEST(Difference, SurvivesARestart) {
  Random random(3);
  Judge judge(spec());
  judge.begin_step(step_at(0.25, 1));
  for (int t = 0; t < 90; ++t) tick(judge, second_of(random, judge, 0.25, {0.02, 0.03}));
  const std::optional<Judge> restored = Judge::restore(spec(), judge.save());
  ASSERT_TRUE(restored);
  const GuardStatus before = judge.guards()[0];
  const GuardStatus after = restored->guards()[0];
  ASSERT_TRUE(after.difference);
  EXPECT_EQ(after.difference->value, before.difference->value);
  EXPECT_EQ(after.difference->low, before.difference->low);
  EXPECT_EQ(after.difference->high, before.difference->high);
}

TEST(WorstGroup, IsTheOneWithMostFailures) {
  Judge judge(spec());
  judge.begin_step(step_at(0.25, 1));
  StepCounts step;
  step.step = 1;
  EXPECT_EQ(judge.guards()[0].in_worst_cluster.x, 0U);
  add(step, {Arm::kBaseline, 50, OutcomeClass::kHttp5xx, 9});
  add(step, {Arm::kCandidate, 5, OutcomeClass::kOk, 17});
  add(step, {Arm::kCandidate, 30, OutcomeClass::kHttp5xx, 17});
  add(step, {Arm::kCandidate, 2, OutcomeClass::kHttp5xx, 18});
  tick(judge, step);
  const GuardStatus guard = judge.guards()[0];
  EXPECT_EQ(guard.worst_cluster, 17U);
  EXPECT_EQ(guard.in_worst_cluster.x, 30U);
  EXPECT_EQ(guard.in_worst_cluster.n, 35U);
  EXPECT_THAT(explain(guard, 4.6), HasSubstr("groups of users hit: 2 of 2, the worst 30 of 35 (85.7 %)"));
}

TEST(WorstGroup, OfAMeanIsTheOneThatRaisesItMost) {
  for (const char* metric : {"tokensPerRequest", "costPer1kTokens"}) {
    Judge judge({.guards = {*config::default_guard(metric, 0)}, .steps = 1});
    judge.begin_step(step_at(0.5, 1));
    for (int i = 0; i < 12; ++i) {
      Tick counts;
      const testing::Published published(judge);
      for (int request = 0; request < 100; ++request) {
        const auto cluster = static_cast<std::uint8_t>(request % 50);
        testing::Went went;
        testing::fold(testing::records_of(went, testing::request_of(Arm::kBaseline, cluster), published), counts);
        if (cluster == 17) went.tokens *= 3;
        if (cluster == 17) went.cost_micros *= 12;
        testing::fold(testing::records_of(went, testing::request_of(Arm::kCandidate, cluster), published), counts);
      }
      testing::judge_tick(judge, counts);
    }
    const GuardStatus guard = judge.guards()[0];
    ASSERT_TRUE(guard.means);
    EXPECT_EQ(guard.worst_cluster, 17U) << metric;
    EXPECT_EQ(guard.in_worst_cluster.n, guard.means->since_start[1].n / 50) << metric;
    const std::string said = explain(guard, 4.6);
    if (guard.means->is_ratio()) {
      EXPECT_GT(guard.means->in_worst_cluster, 0.5) << said;
      EXPECT_THAT(said, HasSubstr(", the worst " + percent(guard.means->in_worst_cluster) + " more on average of "));
    } else {
      EXPECT_NEAR(guard.means->in_worst_cluster, 600, 0.1);
      EXPECT_THAT(said, HasSubstr(", groups of users: 50, the worst 600 tokens on average of "));
    }
  }
}

FailedRequest failed_request(std::string_view id, OutcomeClass outcome, std::uint8_t over = 0) {
  FailedRequest request{.service = 3, .step = 1, .epoch = 0, .outcome = outcome, .over = over};
  request.set_id(id);
  return request;
}

TEST(FirstRequests, AreNamedByTheGuardsThatTheyFail) {
  JudgeSpec with_latency = spec();
  with_latency.guards = testing::default_guards();
  Judge judge(with_latency);
  judge.begin_step(step_at(0.25, 1));
  StepCounts step;
  step.step = 1;
  for (int t = 0; t < 3; ++t) {
    step.failed.push_back(failed_request("slow", OutcomeClass::kOk, 1));
    for (const char* id : {"a", "b", "a", "c", "d", "e", "f"}) {
      step.failed.push_back(failed_request(id, OutcomeClass::kHttp5xx));
    }
    tick(judge, step);
  }
  EXPECT_EQ(judge.guards()[0].failed, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(judge.guards()[4].failed, std::vector<std::string>{"slow"});
  EXPECT_TRUE(judge.guards()[1].failed.empty());
  EXPECT_THAT(explain(judge.guards()[0], 4.6), HasSubstr("; first requests: a, b, c"));
  EXPECT_THAT(explain(judge.guards()[0], 4.6), Not(HasSubstr("c, d")));
  judge.begin_step(step_at(0.5, 2));
  tick(judge, step);
  EXPECT_TRUE(judge.guards()[0].failed.empty()) << "of a step that is over";
}

TEST(FirstRequests, AreNamedByWhatTheirAnswersWereAndHowTheyWereScored) {
  JudgeSpec wanted = spec();
  config::Guard length = *config::default_guard("finishReason", 0);
  length.finish = FinishReason::kLength;
  config::Guard made_up;
  made_up.metric = config::GuardMetric::kFeedback;
  made_up.scoring = {.name = "hallucination", .binary = true, .lower_is_better = true};
  config::set_default_margin(made_up);
  config::Guard relevance = made_up;
  relevance.scoring = {.name = "relevance"};
  wanted.guards = {*config::default_guard("emptyOutput", 0), *config::default_guard("invalidOutput", 0), length,
                   made_up, relevance};
  Judge judge(wanted);
  judge.begin_step(step_at(0.25, 1));
  const unsigned guarded =
      1U << kEmptyOutputMetric | 1U << kInvalidOutputMetric | 1U << finish_metric(FinishReason::kLength);
  EXPECT_EQ(judge.thresholds().answer_metrics, guarded);
  StepCounts step;
  step.step = 1;
  const auto answered = [&](std::string_view id, unsigned answers, unsigned scores) {
    step.failed.push_back(failed_request(id, OutcomeClass::kOk));
    step.failed.back().answers = static_cast<std::uint16_t>(answers);
    step.failed.back().scores = static_cast<std::uint8_t>(scores);
  };
  answered("empty", 1U << kEmptyOutputMetric, 0);
  answered("invalid and long", 1U << kInvalidOutputMetric | 1U << finish_metric(FinishReason::kLength), 0);
  answered("made up", 0, 1U << judge.score("hallucination", "", 1).at(0).slot);
  answered("beside the point", 0, 1U << judge.score("relevance", "", 0).at(0).slot);
  ASSERT_TRUE(judge.names_failures());
  tick(judge, step);
  const std::vector<std::vector<std::string>> named = {
      {"empty"}, {"invalid and long"}, {"invalid and long"}, {"made up"}, {}};  // of a mean no request alone is bad
  for (std::size_t i = 0; i < named.size(); ++i) EXPECT_EQ(judge.guards()[i].failed, named[i]) << i;
}

}  // namespace
}  // namespace weir::analysis
