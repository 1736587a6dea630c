// What margins are honest: the formulas of noise.h against forecasts that are known, and which way they move.
#include "analysis/rollout/noise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "analysis/judge/guard_rule.h"
#include "analysis/rollout/honest_margin.h"
#include "base/histogram.h"
#include "config/guards.h"

namespace weir::analysis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kBeta = 0.05;

RateOutlook equal(double rate, double divisor = 1) {
  return {.truth = {rate, rate}, .weight = 0.5, .margin = {}, .divisor = divisor};
}

double n95(double rate, double margin) {
  RateOutlook outlook = equal(rate);
  outlook.margin = {1, margin};
  return forecast(outlook, TestSide::kAdvance, advance_evidence_of_rate(kBeta)).n95;
}

TEST(Noise, TheMarginToAdvanceIsTheOneWhoseForecastTakesSoManyRequests) {
  for (const double rate : {0.001, 0.01, 0.2}) {
    for (const double margin : {0.0005, 0.01, 0.1}) {
      const std::optional<double> least = margin_to_advance(equal(rate), kBeta, n95(rate, margin));
      ASSERT_TRUE(least);
      EXPECT_NEAR(*least, margin, 1e-6) << rate;
    }
  }
}

TEST(Noise, MoreRequestsAllowForLessAndADesignEffectAsksForMore) {
  const double few = *margin_to_advance(equal(0.01), kBeta, 1'000);
  const double many = *margin_to_advance(equal(0.01), kBeta, 100'000);
  EXPECT_LT(many, few / 5);
  EXPECT_NEAR(*margin_to_advance(equal(0.01, 4), kBeta, 400'000), many, 1e-9) << "four requests count as one";
  EXPECT_FALSE(margin_to_advance(equal(0.01), kBeta, 0.5)) << "by less than three nothing is decided";
}

TEST(Noise, WhatWasSeenAsksForTheMarginThatWouldHaveBorneIt) {
  const double evidence = rollback_evidence(0.01, 0.3, 0.5);
  EXPECT_EQ(margin_to_stay(equal(0.01), evidence, 1e6), 0) << "the arms were equal";
  const RateOutlook apart{.truth = {0.01, 0.03}, .weight = 0.5, .margin = {}, .divisor = 1};
  const double least = margin_to_stay(apart, evidence, 5'000);
  EXPECT_GT(least, 0);
  EXPECT_LT(least, 0.02) << "no more than they differ by";
  RateOutlook borne = apart;
  borne.margin = {1, least};
  EXPECT_NEAR(forecast(borne, TestSide::kRollback, evidence).n50, 5'000, 5);
  EXPECT_GT(margin_to_stay(apart, evidence, 50'000), least);
}

BaselineMemory lognormal_memory() {
  BaselineMemory memory;
  DecayedHistogram& times = memory.times[TimeMetric::kLatency];
  for (int i = 0; i < 20'000; ++i) {
    const double quantile = (i + 0.5) / 20'000;
    // A logistic's quantile function is close to a normal's.
    const double value_us = 100'000 * std::exp(0.35 * std::log(quantile / (1 - quantile)));
    times.counts[histogram_index(static_cast<std::uint64_t>(value_us))] += 1;
    times.total += 1;
  }
  return memory;
}

config::Rollout against_itself() {
  config::Rollout policy;
  policy.baseline = policy.candidate = "v1";
  policy.strategy = config::Strategy::kAa;
  policy.steps = {{.weight_ppm = 500'000, .stages = {config::Hold()}}};
  policy.analysis.guards = {*config::default_guard("errorRate", 0), *config::default_guard("latency", 0.99)};
  return policy;
}

std::vector<GuardStatus> status_after(const config::Rollout& policy, std::uint64_t requests) {
  std::vector<GuardStatus> guards;
  for (const config::Guard& guard : policy.analysis.guards) {
    GuardStatus status;
    status.guard = guard;
    status.weight = 0.5;
    status.gate = true;
    const Margin margin = rollback_margin(guard);
    status.margin_factor = margin.factor;
    status.margin = margin.absolute;
    status.in_step = {MetricCount{requests, requests / 1'000}, MetricCount{requests, requests / 1'000}};
    guards.push_back(status);
  }
  return guards;
}

TEST(Noise, SaysWhichMarginsAreTooTight) {
  const config::Rollout policy = against_itself();
  const BaselineMemory memory = lognormal_memory();
  const auto noises = [&](std::uint64_t requests) {
    const std::vector<GuardStatus> guards = status_after(policy, requests);
    return noise_of({.policy = policy, .guards = guards, .memory = memory});
  };
  const std::vector<GuardNoise> early = noises(2'000);
  ASSERT_EQ(early.size(), 2U);
  EXPECT_NEAR(early[0].planned, 0.1 * early[0].level + 0.001, 1e-12);
  EXPECT_NEAR(early[1].planned, 0.2, 1e-3);
  EXPECT_TRUE(early[0].too_tight());
  EXPECT_THAT(says(early[0]), HasSubstr(": too tight"));
  EXPECT_THAT(summary(early), HasSubstr("too tight for so many requests: errorRate ("));
  const std::vector<GuardNoise> late = noises(2'000'000);
  for (const GuardNoise& noise : late) {
    EXPECT_FALSE(noise.too_tight()) << says(noise);
    EXPECT_THAT(says(noise), Not(HasSubstr("too tight")));
    EXPECT_LE(*noise.smallest_honest(), noise.planned);
  }
  EXPECT_LT(*late[1].to_advance, *early[1].to_advance);
  EXPECT_EQ(summary(late), "every margin is honest");
}

// What is said to have been seen has been; the margin is reckoned as for a rate that is not known to be none.
TEST(Noise, SaysWhatWasSeenAndHowManyRequestsCountAsOne) {
  const config::Rollout policy = against_itself();
  std::vector<GuardStatus> guards = status_after(policy, 700);  // none of them fails
  guards[0].phi_div_advance = 3.416;
  const std::vector<GuardNoise> noises = noise_of({.policy = policy, .guards = guards, .memory = {}});
  EXPECT_EQ(noises[0].level, 0);
  EXPECT_DOUBLE_EQ(noises[0].planned, 0.001);
  EXPECT_THAT(says(noises[0]), HasSubstr("errorRate: 0% of requests, design effect 3.42; honest from"));
  EXPECT_DOUBLE_EQ(*noises[0].to_advance, *margin_to_advance(equal(0.5 / 1'450, 3.416), kBeta, 700));
}

TEST(Noise, WithoutRequestsNothingIsSaidToBeHonest) {
  const config::Rollout policy = against_itself();
  const std::vector<GuardStatus> guards = status_after(policy, 0);
  for (const GuardNoise& noise : noise_of({.policy = policy, .guards = guards, .memory = {}})) {
    EXPECT_FALSE(noise.smallest_honest());
    EXPECT_THAT(says(noise), HasSubstr("too few requests yet"));
  }
}

// A gate that is opened is held to no time, and a ceiling compares nothing.
TEST(Noise, AsksOfEachGuardWhatItIsFor) {
  config::Rollout policy = against_itself();
  std::vector<GuardStatus> guards = status_after(policy, 10);
  guards[0].gate = false;
  guards[1].is_limit = true;
  const BaselineMemory memory;
  const std::vector<GuardNoise> noises = noise_of({.policy = policy, .guards = guards, .memory = memory});
  ASSERT_EQ(noises.size(), 1U);
  EXPECT_EQ(noises[0].smallest_honest(), noises[0].to_stay);
  EXPECT_THAT(says(noises[0]), HasSubstr("honest from a margin of 0% on"));
}

// So many answers, half of each of two sizes about a mean y.
ValueSums sums_of(std::uint64_t n, double mean) {
  ValueSums sums;
  for (std::uint64_t i = 0; i < n; ++i) sums.add(value_of(mean * (i % 2 == 0 ? 0.5 : 1.5)));
  return sums;
}

TEST(Noise, TheMarginOfAMeanIsTheOneWhoseForecastTakesSoMany) {
  using config::Family;
  for (const Family family : {Family::kAmount, Family::kScore}) {
    MeanOutlook outlook{.baseline = {0.2, 0.02}, .candidate = {0.2, 0.02}, .weight = 0.5, .margin = {}, .divisor = 1};
    MeanOutlook planned = outlook;
    planned.margin = family == Family::kAmount ? Margin{1.05, 0} : Margin{1, 0.02};
    const double n = forecast(planned, TestSide::kAdvance, advance_evidence_of_mean(kBeta)).n95;
    EXPECT_NEAR(*margin_to_advance(outlook, family, kBeta, n), family == Family::kAmount ? 0.05 : 0.02, 1e-6);
    EXPECT_LT(*margin_to_advance(outlook, family, kBeta, 10 * n), *margin_to_advance(outlook, family, kBeta, n));
    EXPECT_FALSE(margin_to_advance(outlook, family, kBeta, 2));
    const double evidence = rollback_evidence(0.01, 0.1, 0.5);
    EXPECT_EQ(margin_to_stay(outlook, family, evidence, 1e6), 0) << "the arms were equal";
    outlook.candidate.mean = 0.3;
    EXPECT_GT(margin_to_stay(outlook, family, evidence, 1e4), 0);
  }
}

TEST(Noise, SaysMeansInTheirUnit) {
  config::Rollout policy = against_itself();
  config::Guard relevance;
  relevance.metric = config::GuardMetric::kFeedback;
  relevance.scoring = {.name = "relevance", .source = {}, .from = 1, .to = 5};
  config::set_default_margin(relevance);
  policy.analysis.guards = {*config::default_guard("tokensPerRequest", 0), relevance};
  std::vector<GuardStatus> guards = status_after(policy, 0);
  for (GuardStatus& guard : guards) {
    const bool tokens = guard.guard.metric == config::GuardMetric::kTokensPerRequest;
    guard.means.emplace();
    guard.means->at_best = tokens ? 0 : 5;
    guard.means->at_worst = tokens ? 4'000 : 1;
    guard.means->unit = tokens ? "tokens" : "";
    for (std::size_t arm = 0; arm < kArmCount; ++arm) {
      guard.means->in_step[arm] = sums_of(20'000, tokens ? 0.125 : 0.2);
      guard.in_step[arm] = {20'000, 0};
    }
  }
  const std::vector<GuardNoise> noises = noise_of({.policy = policy, .guards = guards, .memory = {}});
  ASSERT_EQ(noises.size(), 2U);
  EXPECT_NEAR(noises[0].level, 500, 1);
  EXPECT_NEAR(noises[0].planned, 0.05, 1e-9);
  EXPECT_THAT(says(noises[0]),
              HasSubstr("tokensPerRequest: 500 tokens on average, design effect 1; honest from a margin of +"));
  EXPECT_THAT(says(noises[0]), HasSubstr(" on, the plan allows +5%"));
  EXPECT_NEAR(noises[1].level, 4.2, 0.01);
  EXPECT_NEAR(noises[1].planned, 0.08, 1e-9) << "0.02 of four points";
  EXPECT_THAT(says(noises[1]),
              HasSubstr("feedback relevance: 4.2 on average, design effect 1; honest from a margin of 0."));
}

// A ratio's as a share of the baseline's, whichever way round people count it.
TEST(Noise, SaysRatiosAsPeopleCountThem) {
  config::Rollout policy = against_itself();
  policy.analysis.guards = {*config::default_guard("tokensPerSecond", 0)};
  std::vector<GuardStatus> guards = status_after(policy, 0);
  GuardStatus& guard = guards.at(0);
  guard.means.emplace();
  guard.means->at_best = 0.002 * (1 - 2.5);  // seconds a token; z_max is 2.5 times what an answer takes
  guard.means->at_worst = 0.002 * (1 + 2.5);
  guard.means->inverted = true;
  guard.means->unit = "tokens per second";
  guard.means->ratio_unit = 1e-6;
  guard.margin = 0.05 / 5;
  guard.armed = true;
  for (std::size_t arm = 0; arm < kArmCount; ++arm) {
    guard.means->in_step[arm] = sums_of(20'000, 0.5);
    guard.means->parts_in_step[arm] = {
        .n = 20'000, .numerator = 8'000'000'000, .denominator = arm == 0 ? 3'900'000U : 4'100'000U};
    guard.in_step[arm] = {20'000, 0};
  }
  guard.difference = {-0.05, -0.06, -0.04};
  const std::vector<GuardNoise> noises = noise_of({.policy = policy, .guards = guards, .memory = {}});
  ASSERT_EQ(noises.size(), 1U);
  EXPECT_NEAR(noises[0].level, 500, 1e-6) << "of both arms' tokens and time";
  EXPECT_NEAR(noises[0].planned, 0.05, 1e-9);
  EXPECT_THAT(says(noises[0]),
              HasSubstr("tokensPerSecond: 500 tokens per second on average, the arms differ by -6% to -4%, "
                        "design effect 1; honest"));
  EXPECT_THAT(says(noises[0]), HasSubstr("the plan allows +5%"));
}

// Of every family there is a word, or what is told has none.
TEST(Noise, SaysWhatEachNumberIsANumberOf) {
  config::Rollout policy = against_itself();
  config::Guard relevance;
  relevance.metric = config::GuardMetric::kFeedback;
  relevance.scoring.name = "relevance";
  for (const char* metric : {"tokensPerRequest", "tokensPerSecond", "costPer1kTokens"}) {
    policy.analysis.guards.push_back(*config::default_guard(metric, 0));
  }
  policy.analysis.guards.push_back(relevance);
  const Judge judge({.guards = policy.analysis.guards, .steps = 1});
  const json::Value told = noise_json(policy, {}, &judge);
  std::vector<std::string> words;
  for (const json::Value& guard : told["guards"].array()) words.push_back(guard["measure"].string());
  EXPECT_THAT(words, ::testing::ElementsAre("percent", "slowdown_percent", "increase_percent", "increase_percent",
                                            "increase_percent", "points"));
}

}  // namespace
}  // namespace weir::analysis
