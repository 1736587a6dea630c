// What another plan would have decided, by what was recorded of the one that ran.
#include "analysis/records/other_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "analysis/judge/guard_rule.h"
#include "analysis/records/relatch.h"
#include "base/histogram.h"
#include "config/guards.h"
#include "tests/unit/analysis/records/recorded.h"

namespace weir::analysis {
namespace {

using testing::of;
using testing::policy;
using testing::Recorded;
using testing::words;
using Kind = ReplayEvent::Kind;

// The same plan as the other one: in the same ticks, by the same numbers.
TEST(OtherPlan, ThatIsTheSameDecidesTheSame) {
  sim::Regression regression;
  regression.errors.extra = 0.05;
  regression.after = std::chrono::seconds(60);
  Recorded run(regression);
  run.tick_for(std::chrono::hours(1), [&] { return run.is(Phase::kRolledBack); });
  const config::Rollout same = policy();
  const Replayed replayed = run.replay({.other = &same});
  EXPECT_THAT(replayed.incomparable, ::testing::IsEmpty());
  std::vector<std::string> decided;
  for (const ReplayEvent* event : of(replayed, Kind::kDecided)) {
    if (event->ours) decided.push_back(json::write(event->record));
  }
  std::vector<std::string> would;
  for (const ReplayEvent* event : of(replayed, Kind::kWould)) {
    would.push_back(json::write(event->record));
    EXPECT_FALSE(event->approximate);
  }
  EXPECT_EQ(decided, would);
  EXPECT_THAT(words(replayed, Kind::kWouldNot), ::testing::IsEmpty());
}

TEST(OtherPlan, DecidesSoonerLaterOrNotAtAll) {
  sim::Regression regression;
  regression.errors.extra = 0.02;
  regression.after = std::chrono::seconds(60);
  Recorded run(regression);
  run.tick_for(std::chrono::hours(1), [&] { return run.is(Phase::kRolledBack); });
  ASSERT_TRUE(run.is(Phase::kRolledBack));
  const auto would = [&](const config::Rollout& other) { return run.replay({.other = &other}); };
  const auto rollback = [](const Replayed& replayed, Kind kind) -> const ReplayEvent* {
    for (const ReplayEvent* event : of(replayed, kind)) {
      if (event->record["decision"].string() == "rollback") return event;
    }
    return nullptr;
  };
  config::Rollout hasty = policy();
  hasty.analysis.max_false_rollback = 0.2;
  const Replayed sooner = would(hasty);
  ASSERT_NE(rollback(sooner, Kind::kWould), nullptr);
  EXPECT_LT(rollback(sooner, Kind::kWould)->unix_ms, rollback(sooner, Kind::kDecided)->unix_ms);

  config::Rollout lenient = policy();
  for (config::Guard& guard : lenient.analysis.guards) guard.absolute = 0.5;
  lenient.analysis.max_false_rollback = 1e-5;
  const Replayed never = would(lenient);
  EXPECT_EQ(rollback(never, Kind::kWould), nullptr);
  EXPECT_THAT(words(never, Kind::kWouldNot),
              ::testing::Contains(::testing::AllOf(::testing::HasSubstr("would not have been taken back"),
                                                   ::testing::HasSubstr(" of 1 : 100,000"))));

  config::Rollout patient = policy();
  for (config::Step& step : patient.steps) std::get<config::Hold>(step.stages[0]).at_least = std::chrono::hours(1);
  Recorded healthy({});
  healthy.tick_for(std::chrono::hours(1), [&] { return healthy.world().rollout().state().weight_ppm > 100'000; });
  EXPECT_THAT(words(healthy.replay({.other = &patient}), Kind::kWouldNot),
              ::testing::Contains(::testing::HasSubstr("it would have waited: held for ")));

  config::Rollout watching = policy();
  for (config::Guard& guard : watching.analysis.guards) guard.action = config::GuardAction::kPause;
  const Replayed paused = would(watching);
  EXPECT_EQ(rollback(paused, Kind::kWould), nullptr);
  ASSERT_FALSE(of(paused, Kind::kWould).empty());
  EXPECT_EQ(of(paused, Kind::kWould).back()->record["decision"].string(), "pause");
}

// Of another budget it is known exactly when it would have been spent.
TEST(OtherPlan, MayHaveOtherBudgets) {
  sim::Regression regression;
  regression.errors.extra = 0.05;
  regression.after = std::chrono::seconds(60);
  const auto limited = [](std::uint64_t most) {
    config::Rollout plan = policy();
    for (config::Guard& guard : plan.analysis.guards) guard.action = config::GuardAction::kWarn;
    plan.max_exposure.excess_failures = most;
    return plan;
  };
  Recorded run(regression, 1U << 30, 7, limited(40));
  run.tick_for(std::chrono::hours(1), [&] { return run.is(Phase::kRolledBack); });
  Recorded truth(regression, 1U << 30, 7, limited(15));
  truth.tick_for(std::chrono::hours(1), [&] { return truth.is(Phase::kRolledBack); });
  ASSERT_TRUE(run.is(Phase::kRolledBack) && truth.is(Phase::kRolledBack));
  const config::Rollout less = limited(15);
  const Replayed sooner = run.replay({.other = &less});
  EXPECT_THAT(sooner.incomparable, ::testing::IsEmpty());
  ASSERT_FALSE(of(sooner, Kind::kWould).empty());
  EXPECT_EQ(json::write(of(sooner, Kind::kWould).back()->record),
            json::write(truth.world().controller().history().back()));
  const config::Rollout more = limited(1'000);
  EXPECT_THAT(words(run.replay({.other = &more}), Kind::kWouldNot),
              ::testing::Contains(::testing::HasSubstr(" of 1,000 excessFailures")));
}

// A first step that lasts, with one guard that no gate waits for.
config::Rollout staying() {
  config::Rollout plan = policy();
  plan.analysis.guards.back().gate = false;
  auto& hold = std::get<config::Hold>(plan.steps[0].stages[0]);
  hold.at_least = std::chrono::hours(2);
  hold.at_most = std::chrono::hours(3);
  return plan;
}

// Against a world that ran under the other margin from its first request on.
TEST(OtherPlan, ReadsOtherLatencyMarginsFromTheHistogram) {
  sim::Regression regression;
  regression.latency_factor = 1.5;
  regression.after = std::chrono::seconds(60);
  const auto evidence = [](const json::Value& record) {
    for (const json::Value& guard : record["guards"].array()) {
      if (guard["name"].string() == "latency p99") return std::log(guard["evidence_rollback"].number());
    }
    return 0.0;
  };
  const auto with_margin = [](double relative) {
    config::Rollout plan = staying();
    plan.analysis.guards.back().relative = relative;
    return plan;
  };
  for (const auto& [ran, other] : {std::pair(0.4, 0.2), std::pair(0.1, 0.2)}) {
    Recorded truth(regression, 1U << 30, 7, with_margin(other));
    // That one only warns: what it would decide itself does not end the traffic.
    config::Rollout warns = with_margin(ran);
    warns.analysis.guards.back().action = config::GuardAction::kWarn;
    Recorded run(regression, 1U << 30, 7, warns);
    truth.tick_for(std::chrono::minutes(30), [&] { return truth.is(Phase::kRolledBack); });
    ASSERT_TRUE(truth.is(Phase::kRolledBack));
    run.tick_for(std::chrono::minutes(5));
    const config::Rollout plan = with_margin(other);
    const Replayed replayed = run.replay({.other = &plan});
    const std::vector<const ReplayEvent*> would = of(replayed, Kind::kWould);
    ASSERT_FALSE(would.empty()) << ran;
    EXPECT_TRUE(would.back()->approximate);
    EXPECT_EQ(would.back()->record["decision"].string(), "rollback");
    const json::Value& rolled_back = truth.world().controller().history().back();
    const double was_s = rolled_back["elapsed_s"].number() - 60;
    const double would_s = would.back()->record["elapsed_s"].number() - 60;
    std::printf("margin %.1f by counts of %.1f: after %.1f s, really %.1f s; evidence %.2f, really %.2f\n", other, ran,
                would_s, was_s, evidence(would.back()->record), evidence(rolled_back));
    EXPECT_NEAR(would_s, was_s, 0.3 * was_s + 1) << ran;
  }
}

config::Guard feedback(const std::string& name) {
  config::Guard guard;
  guard.metric = config::GuardMetric::kFeedback;
  guard.scoring.name = name;
  config::set_default_margin(guard);
  return guard;
}

// Means are counted as they are, whatever a plan allows: another margin of theirs is judged to the last bit, in
// whatever place the other judge counts them.
TEST(OtherPlan, JudgesMeansByOtherMarginsExactly) {
  sim::Regression regression;
  regression.tokens_factor = 1.5;
  regression.relevance_less = 0.1;
  regression.after = std::chrono::seconds(60);
  sim::Regression slower;
  slower.latency_factor = 1.5;
  slower.after = std::chrono::seconds(60);
  const config::Guard tokens = *config::default_guard("tokensPerRequest", 0);
  const config::Guard speed = *config::default_guard("tokensPerSecond", 0);
  for (const config::Guard& guard : {tokens, feedback("relevance"), speed}) {
    if (guard.metric == speed.metric) regression = slower;
    config::Rollout wanted = staying();
    wanted.analysis.guards.push_back(guard);
    Recorded truth(regression, 1U << 30, 7, wanted);
    // That one only warns, of what it hardly forbids, and has a guard before it that takes the same kind of place.
    config::Rollout warns = staying();
    warns.analysis.guards.push_back(guard.metric == config::GuardMetric::kFeedback
                                        ? feedback("hallucination")
                                        : *config::default_guard("costPerRequest", 0));
    warns.analysis.guards.push_back(guard);
    for (config::Guard& mean : warns.analysis.guards) {
      if (!is_mean(mean)) continue;
      mean.action = config::GuardAction::kWarn;
      (mean.metric == config::GuardMetric::kFeedback ? mean.absolute : mean.relative) = 0.9;
    }
    Recorded run(regression, 1U << 30, 7, warns);
    truth.tick_for(std::chrono::minutes(30), [&] { return truth.is(Phase::kRolledBack); });
    ASSERT_TRUE(truth.is(Phase::kRolledBack)) << guard_name(guard);
    run.tick_for(std::chrono::ceil<std::chrono::seconds>(truth.world().rollout().state().elapsed) +
                 std::chrono::seconds(2));
    ASSERT_TRUE(run.is(Phase::kRunning));
    const Replayed replayed = run.replay({.other = &wanted});
    EXPECT_THAT(replayed.incomparable, ::testing::IsEmpty());
    const std::vector<const ReplayEvent*> would = of(replayed, Kind::kWould);
    ASSERT_FALSE(would.empty());
    EXPECT_FALSE(would.back()->approximate);
    const json::Value& rolled_back = truth.world().controller().history().back();
    for (const char* same : {"decision", "reason", "elapsed_s", "guards"}) {
      EXPECT_EQ(json::write(would.back()->record[same]), json::write(rolled_back[same])) << same;
    }
  }
}

// From the midst of a rollout on it has what the judge had learnt of the baseline, and so the same thresholds and caps.
TEST(OtherPlan, IsTakenUpInTheMidst) {
  sim::Regression regression;
  regression.tokens_factor = 1.5;
  regression.after = std::chrono::minutes(3);
  config::Rollout ran = staying();
  ran.analysis.guards.push_back(*config::default_guard("tokensPerRequest", 0));
  ran.analysis.guards.back().action = config::GuardAction::kWarn;
  Recorded run(regression, 1U << 30, 7, ran);
  run.tick_for(std::chrono::minutes(12));
  ASSERT_TRUE(run.is(Phase::kRunning));
  const double cap = run.world().rollout().guards().back().cap;
  config::Rollout stricter = ran;
  stricter.analysis.guards.back().relative = 0.02;
  stricter.analysis.guards.back().action = config::GuardAction::kRollback;
  const std::int64_t begun_ms = run.replay().from_ms;
  const Replayed replayed = run.replay({.from_ms = begun_ms + 150'000, .other = &stricter});
  EXPECT_THAT(words(replayed, Kind::kBegins), ::testing::Contains(::testing::HasSubstr("as if the one that ran")));
  const std::vector<const ReplayEvent*> would = of(replayed, Kind::kWould);
  ASSERT_EQ(would.size(), 1U);
  EXPECT_EQ(would[0]->record["decision"].string(), "rollback");
  EXPECT_FALSE(would[0]->approximate) << "the margins of times are the same";
  const json::Value& tokens = would[0]->record["guards"].array().back();
  EXPECT_EQ(tokens["name"].string(), "tokensPerRequest");
  EXPECT_GT(cap, 0);
  EXPECT_EQ(tokens["cap"].number(), cap);
}

// What the one that ran was edited to is not the other plan's.
TEST(OtherPlan, GoesOnBehindAnEdit) {
  sim::Regression regression;
  regression.errors.extra = 0.02;
  regression.after = std::chrono::minutes(2);
  Recorded run(regression, 1U << 30, 7, staying());
  run.tick_for(std::chrono::minutes(1));
  config::Rollout edited = staying();
  edited.analysis.guards[0].absolute = 0.9;
  run.world().edit(edited);
  run.tick_for(std::chrono::minutes(8));
  ASSERT_TRUE(run.is(Phase::kRunning));
  const config::Rollout first = staying();
  const Replayed replayed = run.replay({.other = &first});
  const std::vector<const ReplayEvent*> would = of(replayed, Kind::kWould);
  ASSERT_EQ(would.size(), 1U);
  EXPECT_EQ(would[0]->record["decision"].string(), "rollback");
}

TEST(Relatch, CountsWhatIsAboveAThreshold) {
  HistogramDelta times;
  for (const std::uint64_t us : {500U, 1'000U, 2'000U, 2'000U, 4'000U}) times.add(histogram_index(us));
  EXPECT_EQ(above(times, 0), 5U);
  EXPECT_EQ(above(times, 1'500), 3U);
  EXPECT_EQ(above(times, 5'000), 0U);
}

// Which guard of a plan a bit stands for, another plan's guards do not have to agree with.
TEST(Relatch, NamesRequestsByTheOtherPlansGuards) {
  config::Guard made_up;
  made_up.metric = config::GuardMetric::kFeedback;
  made_up.scoring = {.name = "made up", .binary = true, .lower_is_better = true};
  config::set_default_margin(made_up);
  config::Guard rude = made_up;
  rude.scoring.name = "rude";
  const config::Guard p50 = *config::default_guard("latency", 0.5);
  const config::Guard p99 = *config::default_guard("latency", 0.99);
  const Judge ran({.guards = {p50, p99, made_up, rude}, .steps = 1});
  const Judge other({.guards = {p99, rude}, .steps = 1});
  StepCounts counts;
  const std::vector<std::pair<unsigned, unsigned>> bits = {{0b01, 0b01}, {0b10, 0b10}};
  for (const auto& [over, scores] : bits) {
    FailedRequest& request = counts.failed.emplace_back();
    request.over = static_cast<std::uint8_t>(over);
    request.scores = static_cast<std::uint8_t>(scores);
    request.answers = 5;
  }
  Relatch relatch;
  relatch.prepare(ran, other);
  relatch.apply(counts);
  EXPECT_EQ(counts.failed[0].over, 0U) << "of a quantile that the other plan does not look at";
  EXPECT_EQ(counts.failed[0].scores, 0U) << "of a score that it does not look at";
  EXPECT_EQ(counts.failed[1].over, 0b01U);
  EXPECT_EQ(counts.failed[1].scores, 0b01U);
  EXPECT_EQ(counts.failed[1].answers, 5U) << "those have the same bits in all plans";
}

TEST(OtherPlan, IsRefusedWhereNothingRecordedSpeaksForIt) {
  const config::Rollout ran = policy();
  const auto refused = [&](const std::function<void(config::Rollout&)>& change) {
    config::Rollout other = policy();
    change(other);
    std::vector<std::string> keys;
    for (const Incomparable& reason : incomparable(ran, other)) keys.push_back(reason.key.back());
    return keys;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(refused([](config::Rollout&) {}), ::testing::IsEmpty());
  EXPECT_THAT(refused([](config::Rollout& other) {
                other.analysis.max_false_rollback = 0.2;
                other.analysis.max_false_advance = 0.2;
                other.analysis.guards[0].relative = 3;
                other.analysis.guards[0].max_share = 0.1;
                other.analysis.guards.back().relative = 3;
                other.analysis.guards.back().action = config::GuardAction::kWarn;
                other.analysis.guards.erase(other.analysis.guards.begin() + 1);
                other.steps[0].stages.emplace_back(config::Pause{});
              }),
              ::testing::IsEmpty());
  EXPECT_THAT(refused([](config::Rollout& other) { other.steps[1].weight_ppm = 1; }), ElementsAre("steps"));
  EXPECT_THAT(refused([](config::Rollout& other) { other.steps.erase(other.steps.begin()); }), ElementsAre("steps"));
  EXPECT_THAT(refused([](config::Rollout& other) { other.stickiness.by.clear(); }), ElementsAre("stickiness"));
  EXPECT_THAT(refused([](config::Rollout& other) { other.salt = "x"; }), ElementsAre("salt"));
  EXPECT_THAT(refused([](config::Rollout& other) { other.candidate = "v3"; }), ElementsAre("candidate"));
  EXPECT_THAT(refused([](config::Rollout& other) { other.analysis.holdback_ppm = 0; }), ElementsAre("holdback"));
  EXPECT_THAT(refused([](config::Rollout& other) { other.analysis.warmup = std::chrono::seconds(1); }),
              ElementsAre("warmup"));
  EXPECT_THAT(refused([](config::Rollout& other) { other.analysis.enabled = false; }), ElementsAre("analysis"));
  EXPECT_THAT(refused([](config::Rollout& other) { other.analysis.guards.back().quantile = 0.5; }),
              ElementsAre("guards"));
}

// What was counted up to a cap, or on a scale, says nothing about another; nor what was not asked for.
TEST(OtherPlan, IsRefusedMeansThatWereCountedOtherwise) {
  config::Rollout ran = policy();
  ran.analysis.guards.push_back(*config::default_guard("tokensPerRequest", 0));
  ran.analysis.guards.push_back(*config::default_guard("timeToFirstOutput", 0.9));
  ran.analysis.guards.push_back(feedback("relevance"));
  const auto why = [&](const config::Guard& guard) {
    config::Rollout other = ran;
    std::erase_if(other.analysis.guards, [&](const config::Guard& was) { return same_guard(was, guard); });
    other.analysis.guards.push_back(guard);
    const std::vector<Incomparable> reasons = incomparable(ran, other);
    return reasons.empty() ? std::string() : reasons.front().why;
  };
  config::Guard tokens = *config::default_guard("tokensPerRequest", 0);
  tokens.relative = 0.5;
  EXPECT_EQ(why(tokens), "");
  tokens.cap = 1'000;
  EXPECT_EQ(why(tokens), "amounts were counted up to another cap");
  EXPECT_EQ(why(*config::default_guard("costPerRequest", 0)), "no amount was counted up to a cap of it");
  EXPECT_EQ(why(*config::default_guard("tokensPerSecond", 0)), "nothing was counted by a scale of that ratio");
  ran.analysis.guards.push_back(*config::default_guard("tokensPerSecond", 0));
  EXPECT_EQ(why(*config::default_guard("tokensPerSecond", 0)), "");
  config::Guard score = feedback("relevance");
  score.absolute = 0.2;
  EXPECT_EQ(why(score), "");
  score.scoring.to = 5;
  EXPECT_EQ(why(score), "scores were counted on another scale");
  EXPECT_EQ(why(feedback("toxicity")), "no score of that name and source was counted");
  EXPECT_EQ(why(*config::default_guard("timeToFirstOutput", 0.5)),
            "nothing was counted by a threshold of that quantile");
  EXPECT_EQ(why(*config::default_guard("timeToHeaders", 0.9)), "nothing was counted by a threshold of that quantile");
  for (const char* counted : {"emptyOutput", "invalidOutput", "truncated", "finishReason"}) {
    EXPECT_EQ(why(*config::default_guard(counted, 0)), "") << counted;
  }
}

}  // namespace
}  // namespace weir::analysis
