// Of every guard that a plan can have: a better candidate never fails it, and a worse one does.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "analysis/judge/guard_rule.h"
#include "tests/unit/analysis/judge/fleet.h"

namespace weir::analysis {
namespace {

using config::GuardMetric;
using testing::Went;

constexpr double kBetter = 0.4;
constexpr double kUsual = 1;
constexpr double kWorse = 2.5;

// What a guard is about, of one request; `rank` of many goes evenly from 0 to 1, and there is `factor` times as much of
// what is bad.
struct Direction {
  config::Guard guard;
  std::function<void(Went&, double rank, double factor)> set;
};

config::Guard guard_of(GuardMetric metric, double quantile = 0) {
  return *config::default_guard(config::to_string(metric), quantile);
}

config::Guard feedback(const std::string& name, bool binary, bool lower) {
  config::Guard guard;
  guard.metric = GuardMetric::kFeedback;
  guard.scoring = {.name = name, .source = {}, .binary = binary, .lower_is_better = lower};
  config::set_default_margin(guard);
  return guard;
}

template <class T>
std::function<void(Went&, double, double)> scaled(T Went::*member) {
  return [member](Went& went, double rank, double factor) {
    went.*member = static_cast<T>(static_cast<double>(went.*member) * factor * (0.5 + rank));
  };
}

std::function<void(Went&, double, double)> ends(OutcomeClass outcome) {
  return [outcome](Went& went, double rank, double factor) {
    if (rank < 0.1 * factor) went.outcome = outcome;
  };
}

std::vector<Direction> rates() {
  config::Guard length = guard_of(GuardMetric::kFinishReason);
  length.finish = FinishReason::kLength;
  return {
      {guard_of(GuardMetric::kErrorRate), ends(OutcomeClass::kTimeout)},
      {guard_of(GuardMetric::kCapacityRate), ends(OutcomeClass::kCapacity)},
      {guard_of(GuardMetric::kClientErrorRate), ends(OutcomeClass::kHttp4xx)},
      {guard_of(GuardMetric::kClientAbortRate), ends(OutcomeClass::kClientAbort)},
      {guard_of(GuardMetric::kTruncated), ends(OutcomeClass::kTruncated)},
      {guard_of(GuardMetric::kEmptyOutput), [](Went& w, double rank, double f) { w.empty = rank < 0.1 * f; }},
      {guard_of(GuardMetric::kInvalidOutput), [](Went& w, double rank, double f) { w.invalid = rank < 0.1 * f; }},
      {length,
       [](Went& w, double rank, double f) {
         if (rank < 0.1 * f) w.finish = FinishReason::kLength;
       }},
      {feedback("hallucination", true, true), [](Went& w, double rank, double f) { w.hallucinated = rank < 0.1 * f; }},
      {feedback("relevance", true, false),
       [](Went& w, double rank, double f) { w.relevance = rank < 0.1 * f ? 0 : 1; }}};
}

std::vector<Direction> numbers() {
  std::vector<Direction> all;
  for (const double quantile : {0.5, 0.9, 0.99}) {
    all.push_back({guard_of(GuardMetric::kLatency, quantile), scaled(&Went::latency_us)});
    all.push_back({guard_of(GuardMetric::kTimeToHeaders, quantile), scaled(&Went::headers_us)});
    all.push_back({guard_of(GuardMetric::kTimeToFirstOutput, quantile), scaled(&Went::output_us)});
    all.push_back({guard_of(GuardMetric::kChunkGap, quantile), scaled(&Went::gap_us)});
  }
  all.push_back({guard_of(GuardMetric::kTokensPerRequest), scaled(&Went::tokens)});
  all.push_back({guard_of(GuardMetric::kCostPerRequest), scaled(&Went::cost_micros)});
  all.push_back({guard_of(GuardMetric::kTokensPerSecond), scaled(&Went::latency_us)});
  all.push_back({guard_of(GuardMetric::kCostPer1kTokens), scaled(&Went::cost_micros)});
  const auto relevance = [](Went& w, double rank, double f) { w.relevance = 1 - 0.2 * f * (0.5 + rank); };
  all.push_back({feedback("relevance", false, false), relevance});
  all.push_back({feedback("relevance", false, true),
                 [](Went& w, double rank, double f) { w.relevance = 0.2 * f * (0.5 + rank); }});
  return all;
}

struct Course {
  double most = -INFINITY;  // the largest evidence against the candidate
  bool failed = false;
  bool passed_gate = false;
};

// At a half, after half a minute that the baseline has to itself: until there is a verdict against it, or a minute at
// least and until the gate has passed.
Course course_of(const Direction& direction, double candidate) {
  Judge judge({.guards = {direction.guard}, .steps = 1});
  int second = 0;
  const auto tick = [&](StepId step) {
    Tick counts;
    const testing::Published published(judge);
    for (int i = 0; i < 100; ++i) {
      for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
        if (step == 0 && arm == Arm::kCandidate) continue;
        Went went;
        direction.set(went, (i + std::fmod(second * 0.618, 1)) / 100, arm == Arm::kBaseline ? kUsual : candidate);
        // Users are many, and have all kinds of requests.
        const auto cluster = static_cast<std::uint8_t>(i * 37 + second);
        testing::fold(testing::records_of(went, testing::request_of(arm, cluster, step), published), counts);
      }
    }
    testing::judge_tick(judge, counts);
  };
  for (; second < 30; ++second) tick(0);
  judge.begin_step({.step = 1, .weight = 0.5, .next_weight = 1, .seed = StepContext::Seed::kRolloutStart});
  Course course;
  for (; second < 330 && !course.failed && !(course.passed_gate && second >= 90); ++second) {
    if (second % 60 == 0) judge.begin_minute();
    tick(1);
    const Verdict verdict = judge.verdict();
    course.most = std::max(course.most, verdict.log_evidence_rollback);
    course.failed = verdict.kind == Verdict::Kind::kFail;
    course.passed_gate = course.passed_gate || judge.guards().at(0).gate_passed;
  }
  return course;
}

void expect_direction(const Direction& direction) {
  const std::string name = guard_name(direction.guard);
  const Course worse = course_of(direction, kWorse);
  EXPECT_TRUE(worse.failed) << name << " does not see a worse candidate: " << worse.most;
  EXPECT_FALSE(worse.passed_gate) << name;
  const Course better = course_of(direction, kBetter);
  EXPECT_FALSE(better.failed) << name;
  EXPECT_LT(better.most, 0) << name << " finds evidence against a better candidate";
  EXPECT_TRUE(better.passed_gate) << name << " does not let a better candidate go on";
}

TEST(Direction, OfRates) {
  for (const Direction& direction : rates()) expect_direction(direction);
}

TEST(Direction, OfTimesAndMeans) {
  for (const Direction& direction : numbers()) expect_direction(direction);
}

// That is the point of a ratio: who says more takes longer, and costs more, and is no worse for it.
TEST(Direction, LongerAnswersOfTheSameRatioAreNoWorse) {
  const auto set = [](Went& went, double rank, double factor) {
    const double spread = 0.8 + 0.4 * rank;
    for (std::uint32_t* tokens : {&went.tokens_in, &went.tokens}) {
      *tokens = static_cast<std::uint32_t>(*tokens * factor * (0.5 + std::fmod(rank * 7, 1)));
    }
    went.latency_us = static_cast<std::uint64_t>(500 * went.tokens * spread);
    went.cost_micros = static_cast<std::uint64_t>(5 * (went.tokens_in + went.tokens) * spread);
  };
  for (const GuardMetric metric : {GuardMetric::kTokensPerSecond, GuardMetric::kCostPer1kTokens}) {
    const Course longer = course_of({guard_of(metric), set}, kWorse);
    EXPECT_FALSE(longer.failed) << config::to_string(metric);
    EXPECT_LT(longer.most, 0) << config::to_string(metric);
    EXPECT_TRUE(longer.passed_gate) << config::to_string(metric);
  }
  for (const GuardMetric metric : {GuardMetric::kTokensPerRequest, GuardMetric::kCostPerRequest}) {
    EXPECT_TRUE(course_of({guard_of(metric), set}, kWorse).failed) << config::to_string(metric);
  }
}

// One minute after the other the baseline's answers take so much longer for each token, and the candidate's likewise.
struct Moving {
  double a_minute = 1;
  double longer = 1;  // the candidate's answers
  double worse = 1;   // each of its tokens
};

// Lengths have a tail; how long a token takes has nothing to do with them.
Went answer_of(const Moving& moving, Arm arm, double rank, double minutes) {
  const bool candidate = arm == Arm::kCandidate;
  const double turned = std::fmod(rank * 7, 1);
  const double length = std::exp(0.4 * std::log((turned + 0.01) / (1.01 - turned)));
  const double token_us = 2'000 * std::pow(moving.a_minute, minutes) * (candidate ? moving.worse : 1);
  Went went;
  went.tokens = static_cast<std::uint32_t>(went.tokens * length * (candidate ? moving.longer : 1));
  went.latency_us = static_cast<std::uint64_t>(token_us * (0.6 + 0.8 * rank) * went.tokens);
  return went;
}

Course course_of(const Moving& moving) {
  Judge judge({.guards = {guard_of(GuardMetric::kTokensPerSecond)}, .steps = 1});
  int second = 0;
  const auto tick = [&](StepId step) {
    if (second % 60 == 0) judge.begin_minute();
    Tick counts;
    const testing::Published published(judge);
    for (int i = 0; i < 50; ++i) {
      for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
        if (step == 0 && arm == Arm::kCandidate) continue;
        const Went went = answer_of(moving, arm, (i + std::fmod(second * 0.618, 1)) / 50, second / 60.0);
        const auto cluster = static_cast<std::uint8_t>(i * 37 + second);
        testing::fold(testing::records_of(went, testing::request_of(arm, cluster, step), published), counts);
      }
    }
    testing::judge_tick(judge, counts);
  };
  for (; second < 600; ++second) tick(0);
  judge.begin_step({.step = 1, .weight = 0.5, .next_weight = 1, .seed = StepContext::Seed::kRolloutStart});
  Course course;
  for (; second < 1'200 && !course.failed; ++second) {
    tick(1);
    const Verdict verdict = judge.verdict();
    course.most = std::max(course.most, verdict.log_evidence_rollback);
    course.failed = verdict.kind == Verdict::Kind::kFail;
    course.passed_gate = course.passed_gate || judge.guards().at(0).gate_passed;
  }
  return course;
}

// The ratio that values are made by is the baseline's of some minutes ago. While it moves all values are off, and those
// of longer answers by more.
TEST(Direction, AnswersOfAnotherLengthAreNoWorseWhileTheBaselineMoves) {
  const auto of = [](const Moving& moving) {
    return std::to_string(moving.a_minute) + " a minute, answers " + std::to_string(moving.longer) + ", tokens " +
           std::to_string(moving.worse);
  };
  for (const double better : {1.0, 0.96}) {
    for (const auto& [a_minute, longer] : {std::pair(1.01, 2.5), {0.99, 0.4}, {0.99, 2.5}, {1.01, 0.4}, {1.0, 6.0}}) {
      const Moving moving{a_minute, longer, better};
      const Course course = course_of(moving);
      EXPECT_FALSE(course.failed) << of(moving);
      EXPECT_LT(course.most, 0) << of(moving);
      EXPECT_TRUE(course.passed_gate) << of(moving);
    }
  }
  for (const Moving& moving : {Moving{0.99, 2.5, 1.2}, Moving{1.01, 0.4, 1.2}, Moving{1, 6, 1.2}}) {
    const Course course = course_of(moving);
    EXPECT_TRUE(course.failed) << of(moving);
    EXPECT_FALSE(course.passed_gate) << of(moving);
  }
}

// A metric that is not in this table has no direction that anybody has shown.
TEST(Direction, IsShownForEveryMetric) {
  std::set<GuardMetric> shown;
  for (const Direction& direction : rates()) shown.insert(direction.guard.metric);
  for (const Direction& direction : numbers()) shown.insert(direction.guard.metric);
  EXPECT_EQ(shown.size(), static_cast<std::size_t>(config::kLastGuardMetric) + 1);
}

}  // namespace
}  // namespace weir::analysis
