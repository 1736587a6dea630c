#include "analysis/forecast/outlook.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "analysis/judge/guard_rule.h"
#include "analysis/sim/trial.h"
#include "config/guards.h"

namespace weir::analysis {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kTwice = 0;
constexpr std::size_t kTenfold = 1;
constexpr std::size_t kAll = 2;
constexpr std::size_t kTailHalf = 3;
constexpr std::size_t kTailTwice = 4;
constexpr std::size_t kSlower = 5;
constexpr std::size_t kSlowInputs = 6;
constexpr std::size_t kMoreTokens = 7;
constexpr std::size_t kDearer = 8;
constexpr std::size_t kMoreBad = 9;
constexpr std::size_t kWorseScores = 10;

config::Guard latency(double quantile, double relative) {
  config::Guard guard;
  guard.metric = config::GuardMetric::kLatency;
  guard.quantile = quantile;
  guard.relative = relative;
  return guard;
}

// The default guards, those of the other two quantiles, and so many more that the shares are the table's own.
std::vector<config::Guard> table_guards() {
  std::vector<config::Guard> guards = config::default_guards();
  guards.push_back(latency(0.5, 0.05));
  guards.push_back(latency(0.9, 0.10));
  for (const double quantile : {0.1, 0.2, 0.3, 0.4, 0.6, 0.7}) guards.push_back(latency(quantile, 10));
  double sum = 0;
  for (const config::Guard& guard : guards) sum += table_weight(guard);
  EXPECT_NEAR(sum, 1, 1e-9);
  return guards;
}

config::Rollout at_weight(std::uint32_t ppm, std::uint32_t next_ppm) {
  config::Rollout rollout;
  rollout.analysis.guards = table_guards();
  rollout.steps = {{.weight_ppm = ppm, .stages = {config::Hold()}},
                   {.weight_ppm = next_ppm, .stages = {config::Hold()}}};
  if (next_ppm < kMillion) rollout.steps.push_back({.weight_ppm = kMillion, .stages = {config::Hold()}});
  return rollout;
}

BaselineTraffic traffic(double rps) {
  BaselineTraffic out;
  out.rps = rps;
  out.rates.fill(0.001);
  out.latency_history = 1e6;
  assume_latency(out, 100'000);
  return out;
}

void expect_within(double percent, double found, double wanted) {
  EXPECT_NEAR(found, wanted, percent / 100 * wanted) << "of " << wanted;
}

// STATISTICS.md 4.12: n50 and n95 at w = 5 %; 100 requests a second make five of the candidate's.
TEST(Outlook, AgreesWithWhatWasComparedWithSimulation) {
  const RolloutOutlook outlook = look_ahead(at_weight(50'000, 250'000), traffic(100));
  const auto& found = outlook.steps.front().regressions;
  expect_within(0.1, found[kTenfold].found_s.p50, 1058 / 5.0);
  expect_within(0.1, found[kTenfold].found_s.p95, 2538 / 5.0);
  EXPECT_EQ(found[kTenfold].guard, 0U);
  // From here on what simulation measured; the p50's share was twice this one.
  EXPECT_DOUBLE_EQ(found[kAll].found_s.p50, 0.6);
  expect_within(0.1, found[kAll].found_s.p95, 6.296 / 5);  // three by chance may come as late as six on average
  expect_within(20, found[kSlower].found_s.p50, 5285 / 5.0);
  expect_within(20, found[kSlower].found_s.p95, 9701 / 5.0);
  expect_within(15, found[kTailTwice].found_s.p50, 186);
  expect_within(15, found[kTailTwice].found_s.p95, 409);
  expect_within(15, found[kTailHalf].found_s.p50, 639);
  expect_within(15, found[kTailHalf].found_s.p95, 1329);
  expect_within(20, found[kSlowInputs].found_s.p50, 239 / 5.0);
  expect_within(20, found[kSlowInputs].found_s.p95, 550 / 5.0);
  BaselineTraffic worse = traffic(100);
  worse.rates.fill(0.01);
  const RolloutOutlook of_worse = look_ahead(at_weight(50'000, 250'000), worse);
  expect_within(0.1, of_worse.steps.front().regressions[kTwice].found_s.p50, 3683 / 5.0);
  expect_within(0.1, of_worse.steps.front().regressions[kTwice].found_s.p95, 7997 / 5.0);
}

TEST(Outlook, InsideTheMarginNothingIsFoundAndItSaysByWhom) {
  const Detection twice = look_ahead(at_weight(50'000, 250'000), traffic(100)).steps.front().regressions[kTwice];
  EXPECT_EQ(twice.why, Detection::Why::kWithinMargin);
  EXPECT_EQ(twice.guard, 0U);
  EXPECT_EQ(twice.found_s.p95, kNeverSeconds);
}

TEST(Outlook, WithoutAGuardThatIsAboutItNothingIsFound) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  std::erase_if(rollout.analysis.guards, [](const config::Guard& guard) { return is_time(guard); });
  EXPECT_EQ(look_ahead(rollout, traffic(100)).steps.front().regressions[kSlower].why, Detection::Why::kNoGuard);
  rollout.analysis.enabled = false;
  EXPECT_EQ(look_ahead(rollout, traffic(100)).steps.front().regressions[kAll].why, Detection::Why::kNotCompared);
}

// Answers that take longer begin later, and go on more slowly: simulated users' do, and people's.
TEST(Outlook, EveryGuardOfTimesTellsWhatIsSlow) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  const auto by = [&](config::GuardMetric metric) {
    config::Guard guard = latency(0.9, 0.10);
    guard.metric = metric;
    rollout.analysis.guards = {config::default_guard("errorRate", 0).value(), guard};
    return look_ahead(rollout, traffic(100)).steps.front().regressions;
  };
  const auto whole = by(config::GuardMetric::kLatency);
  for (const auto metric : {config::GuardMetric::kTimeToFirstOutput, config::GuardMetric::kChunkGap}) {
    const auto found = by(metric);
    EXPECT_EQ(found[kSlowInputs].guard, 1U);
    EXPECT_EQ(found[kSlower].why, whole[kSlower].why);
    EXPECT_EQ(found[kSlowInputs].why, Detection::Why::kFound);
    EXPECT_DOUBLE_EQ(found[kSlowInputs].found_s.p95, whole[kSlowInputs].found_s.p95) << "spread as latencies are";
  }
}

// 50 ms on top of a latency whose median is 100 ms is much less than on top of its first quarter.
TEST(Outlook, WhatATimeMayTakeMoreIsHeldAgainstThatTime) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  const auto accepted = [&](config::GuardMetric metric) {
    config::Guard guard = latency(0.5, 0);
    guard.metric = metric;
    guard.absolute_duration = 50ms;
    rollout.analysis.guards = {guard};
    return look_ahead(rollout, traffic(100)).steps.front().guards.front().accepted;
  };
  EXPECT_NEAR(accepted(config::GuardMetric::kLatency), 1.5, 0.01);
  EXPECT_NEAR(accepted(config::GuardMetric::kTimeToFirstOutput), 3, 0.02);
}

TEST(Outlook, TheSmallestIsAboveWhatIsAcceptedAndFallsWithTime) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  const auto sight = [&](std::size_t guard) { return look_ahead(rollout, traffic(100)).steps.front().guards[guard]; };
  EXPECT_NEAR(sight(0).accepted, 0.0021, 1e-9);
  EXPECT_GT(sight(0).at_the_most.value(), 0.0021);
  EXPECT_GT(sight(0).while_it_stays.value(), sight(0).at_the_most.value());
  const std::size_t p99 = 4;
  EXPECT_NEAR(sight(p99).accepted, 1.2, 1e-6);
  EXPECT_GT(sight(p99).at_the_most.value(), 1.2);
  EXPECT_GT(sight(p99).while_it_stays.value(), sight(p99).at_the_most.value());
  // In the time that the smallest takes, 2,538 candidate requests, it is the regression that was forecast.
  rollout.steps.front().stages = {config::Hold{.at_least = 507'604ms, .min_requests = 1, .at_most = 507'604ms}};
  EXPECT_NEAR(sight(0).at_the_most.value(), 0.01, 1e-5);
}

// By the same formula as 4.12 has it; in the simulations of 6.3 such a relevance took 651 candidate requests, 1,133 at
// most 95 times in 100, and such an answer's length 2,383 and 3,935.
TEST(Outlook, MeansAreFoundByTheirOwnTest) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  config::Guard relevance;
  relevance.metric = config::GuardMetric::kFeedback;
  relevance.scoring = {
      .name = "relevance", .source = {}, .binary = false, .lower_is_better = false, .from = 1, .to = 5};
  ASSERT_TRUE(set_default_margin(relevance));
  rollout.analysis.guards.push_back(relevance);
  rollout.analysis.guards.push_back(*config::default_guard("tokensPerRequest", 0));
  const auto within = [&](double candidate_requests) {
    const auto ms = std::chrono::milliseconds(static_cast<int>(candidate_requests * 200));
    rollout.steps.front().stages = {config::Hold{.at_least = ms, .min_requests = 1, .at_most = ms}};
    return look_ahead(rollout, traffic(100)).steps.front();
  };
  const StepOutlook short_step = within(1'000);
  const StepOutlook step = within(4'000);
  const std::size_t scores = rollout.analysis.guards.size() - 2;
  const std::size_t tokens = scores + 1;
  EXPECT_NEAR(step.guards[scores].accepted, 0.08, 1e-9) << "points of a scale from 1 to 5";
  EXPECT_NEAR(short_step.guards[scores].at_the_most.value(), 4 * 0.05, 0.02);
  EXPECT_LT(step.guards[scores].at_the_most.value(), short_step.guards[scores].at_the_most.value());
  EXPECT_NEAR(step.guards[tokens].accepted, 1.05, 1e-9);
  EXPECT_NEAR(step.guards[tokens].at_the_most.value(), 1.15, 0.02);
  for (const std::size_t guard : {scores, tokens}) {
    EXPECT_TRUE(step.time.guards[guard].possible);
    EXPECT_GT(step.time.guards[guard].passes_s.p50, 0);
    EXPECT_GT(step.time.guards[guard].passes_s.p95, step.time.guards[guard].passes_s.p50);
  }
}

// The guards of STATISTICS.md 6.0, and 4.12's prediction in candidate requests; the simulation of 6.3 had 3,222, 651
// and 2,383.
TEST(Outlook, SaysWhenAnswersThatAreWorseAreFound) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  EXPECT_EQ(look_ahead(rollout, traffic(100)).steps.front().regressions[kMoreTokens].why, Detection::Why::kNoGuard);
  rollout.analysis.guards = sim::section_six_guards_of_quality();
  const auto found = look_ahead(rollout, traffic(100)).steps.front().regressions;
  expect_within(20, found[kMoreBad].found_s.p50, 3222 / 5.0);
  expect_within(20, found[kWorseScores].found_s.p50, 651 / 5.0);
  expect_within(20, found[kMoreTokens].found_s.p50, 2383 / 5.0);
  EXPECT_EQ(found[kMoreBad].guard, 4U);
  EXPECT_EQ(found[kWorseScores].guard, 5U);
  EXPECT_EQ(found[kMoreTokens].guard, 6U);
  EXPECT_EQ(found[kDearer].why, Detection::Why::kNoGuard);
  // Costs are reckoned to be spread as tokens are.
  rollout.analysis.guards.back().metric = config::GuardMetric::kCostPerRequest;
  const auto dearer = look_ahead(rollout, traffic(100)).steps.front().regressions;
  EXPECT_EQ(dearer[kDearer].found_s.p50, found[kMoreTokens].found_s.p50);
  EXPECT_EQ(dearer[kMoreTokens].why, Detection::Why::kNoGuard);
}

TEST(Outlook, RatiosAreReckonedInSharesOfTheBaselines) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  rollout.analysis.guards = {*config::default_guard("tokensPerSecond", 0),
                             *config::default_guard("costPer1kTokens", 0)};
  const StepOutlook step = look_ahead(rollout, traffic(100)).steps.front();
  for (const std::size_t guard : {0U, 1U}) {
    EXPECT_NEAR(step.guards[guard].accepted, 1.05, 1e-9);
    EXPECT_NEAR(step.time.guards[guard].armed_s, 200 / 95.0, 1e-9) << "as long as its scale takes";
    EXPECT_GT(step.time.guards[guard].passes_s.p95, step.time.guards[guard].passes_s.p50);
    EXPECT_GT(step.guards[guard].at_the_most.value(), 1.05);
    EXPECT_LT(step.guards[guard].at_the_most.value(), 1.3);
  }
  EXPECT_EQ(step.regressions[kDearer].guard, 1U);
  EXPECT_EQ(step.regressions[kSlower].guard, 0U);
  EXPECT_TRUE(std::isfinite(step.regressions[kDearer].found_s.p95));
  EXPECT_EQ(step.regressions[kMoreTokens].why, Detection::Why::kNoGuard) << "longer answers are no worse";
}

TEST(Outlook, ScoresThatFewGiveLateAreWaitedFor) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  rollout.analysis.guards = sim::section_six_guards_of_quality();
  const StepOutlook all = look_ahead(rollout, traffic(100)).steps.front();
  BaselineTraffic few = traffic(100);
  few.scored_share = 0.2;
  few.scored_after_s = 120;
  const StepOutlook step = look_ahead(rollout, few).steps.front();
  for (const std::size_t kind : {kMoreBad, kWorseScores}) {
    EXPECT_NEAR(step.regressions[kind].found_s.p50, 120 + 5 * all.regressions[kind].found_s.p50, 1e-6);
  }
  EXPECT_EQ(step.regressions[kMoreTokens].found_s.p50, all.regressions[kMoreTokens].found_s.p50);
  const std::size_t relevance = 5;
  EXPECT_NEAR(step.time.guards[relevance].passes_s.p95, 120 + 5 * all.time.guards[relevance].passes_s.p95, 1e-6);
  EXPECT_GT(step.guards[relevance].at_the_most.value(), all.guards[relevance].at_the_most.value());
}

// Their gate asks what all steps have shown. Medians of 60 simulated rollouts with this guard alone, 10 requests/s.
TEST(Outlook, ScoresOfEarlierStepsCount) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  rollout.analysis.guards = {sim::section_six_guards_of_quality().at(5)};
  BaselineTraffic few = traffic(10);
  few.scored_share = 0.2;
  few.scored_after_s = 120;
  const RolloutOutlook outlook = look_ahead(rollout, few);
  expect_within(20, outlook.steps[0].time.guards[0].passes_s.p50, 60 * 18.2);
  rollout.steps.insert(rollout.steps.begin() + 2, {.weight_ppm = 500'000, .stages = {config::Hold()}});
  const RolloutOutlook more = look_ahead(rollout, few);
  expect_within(20, more.steps[1].time.guards[0].passes_s.p50, 60 * 6.8);
  // So long before this one that they are not on their way, and so many that they are enough.
  few.rps = 1000;
  few.scored_after_s = 1;
  EXPECT_EQ(look_ahead(rollout, few).steps[1].time.guards[0].passes_s.p95, 0);
}

TEST(Outlook, WhoComesBackMakesItLonger) {
  BaselineTraffic sticky = traffic(100);
  sticky.design_effect = 3;
  const auto found = [](const BaselineTraffic& of) {
    return look_ahead(at_weight(50'000, 250'000), of).steps.front().regressions;
  };
  expect_within(0.1, found(sticky)[kTenfold].found_s.p50, 3 * found(traffic(100))[kTenfold].found_s.p50);
  EXPECT_DOUBLE_EQ(found(sticky)[kAll].found_s.p50, 0.6);
}

TEST(Outlook, TheTotalIsTheSumOfTheStepsOrNever) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  const RolloutOutlook whole = look_ahead(rollout, traffic(100));
  double sum = 0;
  for (const StepOutlook& step : whole.steps) sum += step.time.lasts_s.p95;
  EXPECT_DOUBLE_EQ(whole.total_s.p95, sum);
  EXPECT_TRUE(std::isfinite(sum));
  rollout.steps[1].stages = {config::Hold{.at_least = 1s, .min_requests = 1, .at_most = 1s}};
  EXPECT_EQ(look_ahead(rollout, traffic(100)).total_s.p50, kNeverSeconds);
}

config::Guard error_ceiling(double max_share) {
  config::Guard guard = config::default_guard("errorRate", 0).value();
  guard.max_share = max_share;
  return guard;
}

// STATISTICS.md 4.15, 4.12: n50 = B / I of the fastest of the ten alternatives, here by hand.
TEST(Ceilings, FindWhatTheMarginAllowsFor) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  rollout.analysis.guards = {error_ceiling(0.0012)};
  const StepOutlook step = look_ahead(rollout, traffic(100)).steps.front();
  const Detection& twice = step.regressions[kTwice];
  EXPECT_EQ(twice.why, Detection::Why::kFound);
  EXPECT_TRUE(twice.by_ceiling);
  // Its half of the pool, which the comparison shares.
  const double evidence = std::log(1 / 0.01) + std::log(2) + std::log(2) + std::log(10 / 3.0);
  double n50 = kNeverSeconds;
  for (const double odds : {1.1, 1.2, 1.35, 1.6, 2.0, 3.0, 5.0, 10.0, 30.0, 300.0}) {
    const double alternative = odds * 0.0012 / (1 - 0.0012 + odds * 0.0012);
    const double drift = 0.002 * std::log(alternative / 0.0012) + 0.998 * std::log((1 - alternative) / (1 - 0.0012));
    if (drift > 0) n50 = std::min(n50, evidence / drift);
  }
  expect_within(0.1, twice.found_s.p50, n50 / 5);
  EXPECT_NEAR(step.guards.front().accepted, 0.0012, 1e-12);
  EXPECT_GT(step.guards.front().at_the_most.value(), 0.0012);
  EXPECT_LT(step.guards.front().at_the_most.value(), 0.0021) << "what the comparison accepts";
  // One far above what any candidate does changes nothing but the share of alpha.
  rollout.analysis.guards = {error_ceiling(0.5)};
  const Detection loose = look_ahead(rollout, traffic(100)).steps.front().regressions[kTwice];
  EXPECT_EQ(loose.why, Detection::Why::kWithinMargin);
}

TEST(Ceilings, TakeTheirShareOfAlphaFromTheOthersOfTheirPool) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  const auto tenfold = [&] {
    return look_ahead(rollout, traffic(100)).steps.front().regressions[kTenfold].found_s.p50;
  };
  const double alone = tenfold();
  for (config::Guard& guard : rollout.analysis.guards) {
    if (is_time(guard)) guard.max_duration = 1h;
  }
  double sum = 1;
  for (const config::Guard& guard : rollout.analysis.guards) sum += guard.has_max() ? table_weight(guard) : 0;
  const double before = std::log(1 / 0.01) + std::log(1 / 0.3) + std::log(2) + std::log(10 / 3.0);
  expect_within(0.1, tenfold() / alone, (before + std::log(sum)) / before);
  for (config::Guard& guard : rollout.analysis.guards) guard.action = config::GuardAction::kPause;
  rollout.analysis.guards.front().action = config::GuardAction::kRollback;
  EXPECT_LT(tenfold(), alone) << "the ceilings of another pool take nothing";
}

TEST(Ceilings, HoldTheCandidateWhereThereIsNobodyToCompareItWith) {
  config::Rollout rollout = at_weight(50'000, kMillion);
  rollout.analysis.holdback_ppm = 0;
  rollout.analysis.guards = {error_ceiling(0.01)};
  const StepOutlook whole = look_ahead(rollout, traffic(100)).steps.back();
  EXPECT_FALSE(whole.time.compared);
  EXPECT_EQ(whole.regressions[kAll].why, Detection::Why::kFound);
  EXPECT_NEAR(whole.regressions[kAll].found_s.p50, 0.03, 1e-9) << "three of a hundred a second";
  EXPECT_EQ(whole.regressions[kSlower].why, Detection::Why::kNotCompared);
  EXPECT_GT(whole.guards.front().at_the_most.value(), 0.01);
}

// A lognormal around 100 ms of sigma 0.6 is above 404 ms once in a hundred times.
TEST(Ceilings, OfTimesAreHeldAgainstTheQuantile) {
  config::Rollout rollout = at_weight(50'000, 250'000);
  config::Guard p99 = latency(0.99, 0.5);
  p99.max_duration = 440ms;
  rollout.analysis.guards = {p99};
  const StepOutlook step = look_ahead(rollout, traffic(100)).steps.front();
  EXPECT_EQ(step.regressions[kTailTwice].why, Detection::Why::kFound);
  EXPECT_TRUE(step.regressions[kTailHalf].by_ceiling);
  EXPECT_NEAR(step.guards.front().accepted, 440 / 404.0, 0.01);
}

TEST(Ceilings, BelowTheBaselineTakeBackAHealthyCandidate) {
  config::Rollout rollout = at_weight(50'000, kMillion);
  const auto cautions_at = [&](double max_share, const BaselineTraffic& of) {
    rollout.analysis.guards = {error_ceiling(max_share)};
    return look_ahead(rollout, of);
  };
  BaselineTraffic known = traffic(100);
  known.rates_known[0] = true;
  const RolloutOutlook half = cautions_at(0.0001, known);
  ASSERT_EQ(half.ceilings.size(), 1U);
  EXPECT_EQ(half.ceilings[0].kind, Caution::Kind::kOverCeiling);
  EXPECT_GT(half.ceilings[0].after_s, 0);
  EXPECT_EQ(half.total_s.p50, kNeverSeconds) << "it does not get through";
  EXPECT_EQ(cautions_at(0.00099, known).ceilings.at(0).kind, Caution::Kind::kNearCeiling);
  EXPECT_TRUE(cautions_at(0.001, known).ceilings.empty());
  EXPECT_TRUE(cautions_at(0.0001, traffic(100)).ceilings.empty()) << "nobody has said what the baseline does";
}

std::vector<Caution::Kind> kinds(const config::Rollout& rollout, const BaselineTraffic& of) {
  std::vector<Caution::Kind> out;
  for (const Caution& caution : cautions(step_times(rollout, of))) out.push_back(caution.kind);
  return out;
}

TEST(Cautions, NameTheStepThatCannotConclude) {
  config::Rollout rollout = at_weight(50'000, kMillion);
  EXPECT_TRUE(kinds(rollout, traffic(100)).empty());
  const TimeSpan lasts = step_times(rollout, traffic(100)).front().lasts_s;
  const auto within = [&](double seconds) {
    const config::Duration most(static_cast<std::int64_t>(seconds * 1000));
    rollout.steps[0].stages = {config::Hold{.at_least = 1s, .min_requests = 1, .at_most = most}};
    return kinds(rollout, traffic(100));
  };
  EXPECT_EQ(within(lasts.p50 - 1), std::vector{Caution::Kind::kTooSlow});
  EXPECT_EQ(within(lasts.p95 - 1), std::vector{Caution::Kind::kMaybeSlow});
  EXPECT_TRUE(within(lasts.p95 + 1).empty());
}

TEST(Cautions, NameTheQuantileThatIsNotArmed) {
  config::Rollout rollout = at_weight(50'000, kMillion);
  rollout.analysis.guards = {config::default_guard("errorRate", 0).value(), latency(0.9999, 1)};
  rollout.steps[0].stages = {config::Hold{.at_least = 1s, .min_requests = 1, .at_most = 30min}};
  BaselineTraffic fresh = traffic(100);
  fresh.latency_history = 0;
  // 200,000 of the baseline's 95 a second: 35 minutes.
  EXPECT_NEAR(step_times(rollout, fresh).front().guards[1].armed_s, 200'000 / 95.0, 1e-6);
  EXPECT_EQ(kinds(rollout, fresh), std::vector{Caution::Kind::kNotArmed});
  fresh.latency_history = 200'000;
  for (const Caution::Kind kind : kinds(rollout, fresh)) EXPECT_NE(kind, Caution::Kind::kNotArmed);
}

TEST(Cautions, NameTheStepThatNothingCanEnd) {
  config::Rollout rollout = at_weight(0, kMillion);
  EXPECT_EQ(kinds(rollout, traffic(100)), std::vector{Caution::Kind::kNobody});
  rollout = at_weight(50'000, kMillion);
  for (config::Guard& guard : rollout.analysis.guards) guard.gate = false;
  EXPECT_EQ(kinds(rollout, traffic(100)), std::vector{Caution::Kind::kNoGate});
  rollout.strategy = config::Strategy::kAa;
  EXPECT_TRUE(kinds(rollout, traffic(100)).empty()) << "a version against itself is not to end";
  rollout.strategy = config::Strategy::kCanary;
  // Less than doubles can tell from nothing.
  rollout.analysis.guards = {config::default_guard("errorRate", 0).value()};
  rollout.analysis.guards[0].relative = 0;
  rollout.analysis.guards[0].absolute = 1e-13;
  EXPECT_EQ(kinds(rollout, traffic(100)), std::vector{Caution::Kind::kImpossible});
}

}  // namespace
}  // namespace weir::analysis
