#include "app/explain/document.h"

#include <gtest/gtest.h>

#include <chrono>

#include "config/guards.h"

namespace weir::app {
namespace {

using namespace std::chrono_literals;

config::Rollout rollout() {
  config::Rollout out;
  out.baseline = "v1";
  out.candidate = "v2";
  out.analysis.guards = config::default_guards();
  out.steps = {{.weight_ppm = 50'000, .stages = {config::Hold()}},
               {.weight_ppm = kMillion, .stages = {config::Hold()}}};
  return out;
}

Reckoning reckoned(const TrafficArguments& given) { return reckon({.given = given}); }

TEST(ExplainDocument, SaysWhatEachStepTakesAndSees) {
  const json::Value out = explain_document("chat", rollout(), reckoned({.rps = 100, .errors = {}, .p50 = {}}));
  EXPECT_EQ(out["traffic"]["requests_per_second_from"].string(), "--rps");
  EXPECT_EQ(out["traffic"]["error_percent_from"].string(), "assumed");
  EXPECT_EQ(out["steps"].array().size(), 2U);
  const json::Value& step = out["steps"].array()[0];
  EXPECT_EQ(step["candidate_requests_per_second"].number(), 5);
  EXPECT_EQ(step["waits_for"].string(), "errorRate");
  const json::Value& errors = step["guards"].array()[0];
  EXPECT_NEAR(errors["accepted"].number(), 0.21, 1e-9);
  EXPECT_GT(errors["smallest_found"]["before_at_most"].number(), 0.21);
  EXPECT_EQ(errors["passes_s"]["p95"].number(), step["lasts_s"]["p95"].number());
  const json::Value& twice = step["regressions"].array()[0];
  EXPECT_EQ(twice["name"].string(), "errors x2: 0.20 %");
  EXPECT_TRUE(twice["found_s"]["median"].is_null());
  EXPECT_EQ(twice["never_because"].string(), "within the margin of errorRate: up to 0.21 % is accepted");
  const json::Value& tail = step["regressions"].array()[4];
  EXPECT_EQ(tail["guard"].string(), "latency p99");
  EXPECT_TRUE(tail["never_because"].is_null());
  EXPECT_TRUE(out["warnings"].array().empty());
}

TEST(ExplainDocument, AStepThatOnlyAPersonEndsHasNoBound) {
  config::Rollout plan = rollout();
  plan.steps.insert(plan.steps.begin(), {.weight_ppm = 0, .stages = {config::Pause()}});
  const json::Value out = explain_document("chat", plan, reckoned({.rps = 100, .errors = {}, .p50 = {}}));
  const json::Value& step = out["steps"].array()[0];
  EXPECT_TRUE(step["waits_for_person"].boolean());
  EXPECT_EQ(step["waits_for"].string(), "a person");
  EXPECT_TRUE(step["at_most_s"].is_null());
  EXPECT_GT(out["steps"].array()[1]["at_most_s"].number(), 0);
}

TEST(ExplainDocument, TellsOfAnswersWhereAGuardIsAboutThem) {
  config::Rollout plan = rollout();
  const auto regressions = [&] {
    const json::Value out = explain_document("chat", plan, reckoned({.rps = 100, .errors = {}, .p50 = {}}));
    return out["steps"].array()[0]["regressions"].array();
  };
  EXPECT_EQ(regressions().size(), 7U);
  plan.analysis.guards.push_back(*config::default_guard("tokensPerRequest", 0));
  plan.analysis.guards.back().relative = 0.5;
  const json::Array found = regressions();
  ASSERT_EQ(found.size(), 8U);
  EXPECT_EQ(found[6]["name"].string(), "5 % of inputs x10");
  EXPECT_EQ(found[6]["guard"].string(), "latency p99");
  EXPECT_EQ(found[7]["name"].string(), "tokens +15 %");
  EXPECT_EQ(found[7]["never_because"].string(), "within the margin of tokensPerRequest: up to +50 % is accepted");
}

TEST(ExplainDocument, TellsOfADearerCandidateWhereCostIsGuarded) {
  config::Rollout plan = rollout();
  plan.analysis.guards.push_back(*config::default_guard("costPerRequest", 0));
  const json::Value out = explain_document("chat", plan, reckoned({.rps = 100, .errors = {}, .p50 = {}}));
  const json::Array& found = out["steps"].array()[0]["regressions"].array();
  ASSERT_EQ(found.size(), 8U);
  EXPECT_EQ(found[7]["name"].string(), "cost +15 %");
  EXPECT_EQ(found[7]["guard"].string(), "costPerRequest");
  EXPECT_GT(found[7]["found_s"]["median"].number(), 0);
}

TEST(ExplainDocument, TellsOfRatiosInPercent) {
  config::Rollout plan = rollout();
  plan.analysis.guards = {*config::default_guard("tokensPerSecond", 0)};
  const json::Value out = explain_document("chat", plan, reckoned({.rps = 100, .errors = {}, .p50 = {}}));
  const json::Value& guard = out["steps"].array()[0]["guards"].array()[0];
  EXPECT_EQ(guard["name"].string(), "tokensPerSecond");
  EXPECT_EQ(guard["measure"].string(), "increase_percent");
  EXPECT_NEAR(guard["accepted"].number(), 5, 1e-9);
}

TEST(ExplainDocument, SaysWhatABudgetComesTo) {
  config::Rollout plan = rollout();
  EXPECT_TRUE(explain_document("chat", plan, reckoned({.rps = 100, .errors = 0.01, .p50 = {}}))
                  .find("budgets")
                  ->array()
                  .empty());
  plan.max_exposure = {.excess_failures = 50, .extra_cost = 2.5, .failed_requests = 500};
  const json::Value out = explain_document("chat", plan, reckoned({.rps = 100, .errors = 0.01, .p50 = {}}));
  const json::Array& budgets = out["budgets"].array();
  ASSERT_EQ(budgets.size(), 3U);
  const json::Array& steps = out["steps"].array();
  const auto capacity = analysis::kAssumedRate;  // nobody has measured it
  // 5 requests a second, then 95; of all that fail, those that would have failed with the baseline are none too many.
  EXPECT_NEAR(steps[0]["budgets_spent_s"].array()[0].number(), 50 / (5 * (1 - 0.01 - capacity)), 1e-9);
  EXPECT_TRUE(steps[0]["budgets_spent_s"].array()[1].is_null());
  EXPECT_NEAR(steps[1]["budgets_spent_s"].array()[2].number(), 500 / 95.0, 1e-9);
  double failed = 0;
  for (const json::Value& step : steps) {
    failed += step["candidate_requests_per_second"].number() * step["lasts_s"]["median"].number() * (0.01 + capacity);
  }
  EXPECT_NEAR(budgets[2]["by_chance"].number(), failed, 1e-6);
  EXPECT_TRUE(budgets[1]["by_chance"].is_null());
  EXPECT_GT(budgets[0]["by_chance"].number(), 0);
  EXPECT_LT(budgets[0]["by_chance"].number(), budgets[2]["by_chance"].number());
}

TEST(ExplainDocument, WarnsAndNeverWritesInfinity) {
  config::Rollout plan = rollout();
  plan.steps[0].stages = {config::Hold{.at_least = 1s, .min_requests = 1, .at_most = 2s}};
  const json::Value out = explain_document("chat", plan, reckoned({.rps = 1, .errors = {}, .p50 = {}}));
  EXPECT_TRUE(out["total_s"]["median"].is_null());
  EXPECT_FALSE(out["steps"].array()[0]["in_time"]["median"].boolean());
  EXPECT_FALSE(out["warnings"].array().empty());
}

TEST(Reckoning, TheCommandLineOutranksWhatWasMeasuredThePlanAndWhatIsAssumed) {
  const TrafficArguments nothing;
  const config::ExpectedTraffic planned{.requests_per_second = 20, .errors = 0.02, .p50 = 300ms};
  const Reckoning by_plan = reckon({.given = nothing, .planned = &planned});
  EXPECT_EQ(by_plan.traffic.rps, 20);
  EXPECT_EQ(by_plan.errors_from, "the plan");
  MeasuredTraffic measured;
  measured.traffic.rps = 30;
  measured.traffic.rates.fill(0.03);
  measured.errors = true;
  const Reckoning by_weir =
      reckon({.given = nothing, .planned = &planned, .measured = &measured, .measured_at = "http://there"});
  EXPECT_EQ(by_weir.traffic.rps, 30);
  EXPECT_EQ(by_weir.traffic.rates[0], 0.03);
  EXPECT_EQ(by_weir.errors_from, "http://there");
  EXPECT_EQ(by_weir.latency_from, "the plan");
  const TrafficArguments all{.rps = 40, .errors = 0.04, .p50 = 1s, .design_effect = 2};
  const Reckoning typed = reckon({.given = all, .planned = &planned, .measured = &measured, .measured_at = "x"});
  EXPECT_EQ(typed.traffic.rps, 40);
  EXPECT_EQ(typed.traffic.rates[0], 0.04);
  EXPECT_EQ(typed.traffic.rates[1], 0.03);
  EXPECT_EQ(typed.traffic.design_effect, 2);
  EXPECT_NEAR(analysis::upper_quantile_us(typed.traffic.latency, typed.traffic.latency_total, 0.5), 1e6, 1e4);
}

TEST(Reckoning, WhatThePlanDoesNotNameIsAssumed) {
  const TrafficArguments nothing;
  const config::ExpectedTraffic planned{.requests_per_second = 20, .errors = {}, .p50 = {}};
  const Reckoning reckoning = reckon({.given = nothing, .planned = &planned});
  EXPECT_EQ(reckoning.rps_from, "the plan");
  EXPECT_EQ(reckoning.errors_from, "assumed");
  EXPECT_EQ(reckoning.latency_from, "assumed");
  EXPECT_EQ(reckoning.traffic.latency_history, 20 * 600) << "ten minutes of the baseline alone";
  EXPECT_EQ(reckoning.traffic.scored_share, 0.2);
  EXPECT_EQ(reckoning.traffic.scored_after_s, 120);
  MeasuredTraffic measured;
  measured.traffic.rps = 30;
  measured.traffic.latency_history = 7;
  EXPECT_EQ(reckon({.given = nothing, .measured = &measured, .measured_at = "x"}).traffic.latency_history, 7);
}

}  // namespace
}  // namespace weir::app
