// What each strategy of a rollout takes, and what its keys come to.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/load/load.h"

namespace weir::config {
namespace {

const Environment kNothing{[](const std::string&) { return std::optional<std::string>(); },
                           [](const std::string&) { return std::optional<std::string>(); }};

// The rollout's keys from line 11 on.
LoadResult load_rollout(const std::string& keys) {
  return load(
      "listeners: [ { address: 127.0.0.1:8080 } ]\n"
      "routes: [ { match: { pathPrefix: / }, service: chat } ]\n"
      "services:\n"
      "  chat:\n"
      "    versions:\n"
      "      v1: { endpoints: [\"http://127.0.0.1:9001\"] }\n"
      "      v2: { endpoints: [\"http://127.0.0.1:9002\"] }\n"
      "rollouts:\n"
      "  chat:\n"
      "    baseline: v1\n" +
          keys,
      kNothing);
}

Rollout rollout_of(const std::string& keys) {
  LoadResult result = load_rollout(keys);
  for (const Problem& problem : result.problems) ADD_FAILURE() << format(problem, "plan");
  return result.ok() ? result.config->rollouts.at("chat") : Rollout();
}

constexpr const char* kBlueGreen = "    candidate: v2\n    strategy: blueGreen\n";

TEST(Strategy, BlueGreenIsAPreviewAndASwitch) {
  const Rollout rollout = rollout_of(kBlueGreen);
  EXPECT_EQ(rollout.strategy, Strategy::kBlueGreen);
  ASSERT_EQ(rollout.steps.size(), 2U);
  EXPECT_EQ(rollout.steps[0].weight_ppm, 10'000U);
  EXPECT_EQ(rollout.steps[1].weight_ppm, 1'000'000U);
  for (const Step& step : rollout.steps) {
    ASSERT_EQ(step.stages.size(), 1U);
    const Hold& hold = std::get<Hold>(step.stages[0]);
    EXPECT_EQ(hold.at_least, std::chrono::minutes(2));
    EXPECT_EQ(hold.min_requests, 100U);
  }
  EXPECT_EQ(rollout.scale_down_delay, std::chrono::seconds(30));
}

TEST(Strategy, AFirstStepWithoutRequestsMayWaitForTimeOrAPerson) {
  const std::string step = "    candidate: v2\n    steps: [ { setWeight: 0 }, ";
  for (const std::string& keys : {step + "{ hold: { atLeast: 1m } } ]\n    analysis: off\n", step + "{ pause: {} } ]\n"}) {
    for (const Problem& problem : load_rollout(keys).problems) {
      EXPECT_EQ(format(problem, "plan").find("setWeight 0"), std::string::npos) << format(problem, "plan");
    }
  }
}

TEST(Strategy, BlueGreenTakesHoldsOfItsOwn) {
  const Rollout rollout = rollout_of(std::string(kBlueGreen) +
                                     "    previewWeight: 2.5\n"
                                     "    previewHold: { atLeast: 5m, minRequests: 7, onInconclusive: rollback }\n"
                                     "    bakeHold: { atLeast: 1h }\n"
                                     "    scaleDownDelay: 0s\n");
  ASSERT_EQ(rollout.steps.size(), 2U);
  EXPECT_EQ(rollout.steps[0].weight_ppm, 25'000U);
  const Hold& preview = std::get<Hold>(rollout.steps[0].stages[0]);
  EXPECT_EQ(preview.at_least, std::chrono::minutes(5));
  EXPECT_EQ(preview.min_requests, 7U);
  EXPECT_EQ(preview.on_inconclusive, OnInconclusive::kRollback);
  EXPECT_EQ(std::get<Hold>(rollout.steps[1].stages[0]).at_least, std::chrono::hours(1));
  EXPECT_EQ(rollout.scale_down_delay, Duration(0));
}

TEST(Strategy, WithoutAPreviewWeightBlueGreenWaitsForAPerson) {
  const Rollout rollout =
      rollout_of(std::string(kBlueGreen) +
                 "    previewWeight: 0\n"
                 "    overrides: [ { match: { header: { name: x, exact: v2 } }, version: v2, from: [10.0.0.0/8] } ]\n");
  ASSERT_EQ(rollout.steps.size(), 2U);
  EXPECT_EQ(rollout.steps[0].weight_ppm, 0U);
  EXPECT_FALSE(std::get<Pause>(rollout.steps[0].stages.at(0)).duration);
}

TEST(Strategy, ACanaryKeepsNothingWarm) { EXPECT_EQ(rollout_of("    candidate: v2\n").scale_down_delay, std::nullopt); }

TEST(Strategy, ABaselineAgainstItselfIsOneStep) {
  for (const char* candidate : {"", "    candidate: v1\n"}) {
    const Rollout rollout = rollout_of(std::string(candidate) + "    strategy: aa\n");
    EXPECT_EQ(rollout.candidate, "v1");
    EXPECT_EQ(rollout.salt, "chat/v1/");
    ASSERT_EQ(rollout.steps.size(), 1U);
    EXPECT_EQ(rollout.steps[0].weight_ppm, 500'000U);
    EXPECT_EQ(std::get<Hold>(rollout.steps[0].stages.at(0)).at_least, std::chrono::hours(24));
  }
  const Rollout rollout = rollout_of("    strategy: aa\n    splitWeight: 1\n    reportEvery: 6h\n");
  EXPECT_EQ(rollout.steps.at(0).weight_ppm, 10'000U);
  EXPECT_EQ(std::get<Hold>(rollout.steps[0].stages.at(0)).at_least, std::chrono::hours(6));
}

TEST(Strategy, AShadowIsOneStepThatShowsTheCandidateToNobody) {
  const Rollout rollout = rollout_of("    candidate: v2\n    strategy: shadow\n");
  EXPECT_EQ(rollout.strategy, Strategy::kShadow);
  EXPECT_FALSE(rollout.analysis.enabled);
  ASSERT_EQ(rollout.steps.size(), 1U);
  EXPECT_EQ(rollout.steps[0].weight_ppm, 0U);
  EXPECT_EQ(rollout.steps[0].mirror_ppm, 100'000U);
  EXPECT_EQ(std::get<Hold>(rollout.steps[0].stages.at(0)).at_least, std::chrono::hours(24));
  EXPECT_EQ(rollout.mirror, Mirror());
  const Rollout other = rollout_of(
      "    candidate: v2\n    strategy: shadow\n    reportEvery: 1h\n"
      "    mirror: { percent: 2.5, methods: [GET, PUT], body: 64KiB, inFlight: 7, timeout: 30s }\n");
  EXPECT_EQ(other.steps.at(0).mirror_ppm, 25'000U);
  EXPECT_EQ(std::get<Hold>(other.steps[0].stages.at(0)).at_least, std::chrono::hours(1));
  const Mirror mirror{.share_ppm = 25'000,
                      .methods = {"GET", "PUT"},
                      .body = 64 * 1024,
                      .in_flight = 7,
                      .timeout = std::chrono::seconds(30)};
  EXPECT_EQ(other.mirror, mirror);
}

TEST(Strategy, AStepsMirrorIsItsOwnAndOfTheRolloutsShare) {
  const Rollout rollout = rollout_of(
      "    candidate: v2\n    mirror: { percent: 20 }\n"
      "    steps: [ { setWeight: 0 }, { mirror: {} }, { pause: {} }, { setWeight: 5 }, { setWeight: 10 }, "
      "{ mirror: { percent: 50 } } ]\n");
  ASSERT_EQ(rollout.steps.size(), 4U);
  EXPECT_EQ(rollout.steps[0].mirror_ppm, 200'000U);
  EXPECT_EQ(rollout.steps[0].stages.size(), 1U);
  EXPECT_EQ(rollout.steps[1].mirror_ppm, 0U);
  EXPECT_EQ(rollout.steps[2].mirror_ppm, 500'000U);
  EXPECT_EQ(rollout.steps[2].stages.size(), 1U);
  EXPECT_EQ(rollout.steps[3].mirror_ppm, 0U);
}

TEST(Strategy, ClientsOfOtherMachinesMayBeKnownByTheirAddress) {
  const std::string by = "    candidate: v2\n    stickiness: { by: [ { clientAddress: true } ] }\n";
  for (const std::string top : {"trustedHops: [ 127.0.0.1 ]\n", "preset: sidecar\n"}) {
    EXPECT_TRUE(load_rollout(by + top).problems.empty()) << top;
  }
  EXPECT_EQ(load_rollout(by + "trustedHops: [ none ]\n").problems.size(), 1U);
  const std::string cookie_first = "    candidate: v2\n    stickiness: { by: [ { cookie: c }, { clientAddress: true } ] }\n";
  EXPECT_TRUE(load_rollout(cookie_first).problems.empty());
}

// But for weight 0, whose hold nobody's request could end.
TEST(Strategy, AHoldIsPutInFrontOfWhatWaitsForAPerson) {
  const auto first_holds = [](const std::string& steps) {
    const Rollout rollout = rollout_of("    candidate: v2\n    steps: [ " + steps + ", { setWeight: 7 } ]\n");
    return std::holds_alternative<Hold>(rollout.steps.at(0).stages.at(0));
  };
  EXPECT_TRUE(first_holds("{ setWeight: 5 }, { pause: {} }"));
  EXPECT_FALSE(first_holds("{ setWeight: 0 }, { pause: {} }"));
  EXPECT_FALSE(first_holds("{ setWeight: 0 }, { mirror: {} }, { pause: { duration: 1m } }, { pause: {} }"));
  EXPECT_TRUE(first_holds("{ setWeight: 0 }, { hold: {} }, { pause: {} }"));
}

// Of a rollout's keys, each with what is said of them.
void expect_one_problem_each(const std::vector<std::pair<std::string, std::string>>& plans) {
  for (const auto& [keys, message] : plans) {
    const std::vector<Problem> problems = load_rollout(keys).problems;
    ASSERT_EQ(problems.size(), 1U) << keys << (problems.empty() ? "" : format(problems[0], "plan"));
    EXPECT_EQ(format(problems[0], "plan"), message) << keys;
  }
}

TEST(Strategy, EachThingThatIsWrongIsSaidOnce) {
  const std::string green = kBlueGreen;
  const std::vector<std::pair<std::string, std::string>> plans = {
      {green + "    steps: [ { setWeight: 5 } ]\n",
       "plan:13:12: error: rollouts.chat.steps: strategy blueGreen has steps of its own; expected previewWeight, "
       "previewHold and bakeHold in their place, or strategy: canary"},
      {"    candidate: v2\n    previewWeight: 5\n",
       "plan:12:20: error: rollouts.chat.previewWeight belongs to strategy blueGreen; expected strategy: blueGreen, or "
       "the key left out"},
      {"    candidate: v2\n    scaleDownDelay: 1m\n",
       "plan:12:21: error: rollouts.chat.scaleDownDelay belongs to strategy blueGreen; expected strategy: blueGreen, "
       "or "
       "the key left out"},
      {green + "    previewWeight: 60\n",
       "plan:13:20: error: rollouts.chat.previewWeight: \"60\"; expected a percentage in steps of 0.0001, from 0 to "
       "50"},
      {green + "    previewWeight: 0\n",
       "plan:13:20: warning: rollouts.chat: nobody sees the candidate before everybody is switched to it; expected an "
       "override that shows it, or a previewWeight above 0"},
      {green + "    previewWeight: 0\n"
               "    previewHold: { atLeast: 5m }\n"
               "    overrides: [ { match: { header: { name: x, exact: v2 } }, version: v2, from: [10.0.0.0/8] } ]\n",
       "plan:14:18: error: rollouts.chat.previewHold: at previewWeight 0 nothing is judged, and the switch waits for a "
       "person; expected a previewWeight above 0, or the key left out"},
      {green + "    bakeHold: { atLeast: 2h, atMost: 1h }\n",
       "plan:13:15: error: rollouts.chat.bakeHold: atLeast is longer than atMost; expected atLeast <= atMost"},
      {"    strategy: blueGreen\n", "plan:10:5: error: rollouts.chat.candidate is missing; expected a text"},
      {"    candidate: v1\n",
       "plan:11:16: error: rollouts.chat: baseline and candidate are the same version; expected two versions, or "
       "strategy: aa to see how much two halves of one differ"},
      {"    candidate: v2\n    strategy: aa\n",
       "plan:11:16: error: rollouts.chat.candidate: strategy aa compares the baseline with itself; expected the key "
       "left "
       "out, or strategy: canary"},
      {"    strategy: aa\n    steps: [ { setWeight: 5 } ]\n",
       "plan:12:12: error: rollouts.chat.steps: strategy aa has steps of its own; expected splitWeight in their place, "
       "or "
       "strategy: canary"},
      {"    candidate: v2\n    splitWeight: 5\n",
       "plan:12:18: error: rollouts.chat.splitWeight belongs to strategy aa; expected strategy: aa, or the key left "
       "out"},
      {"    strategy: aa\n    splitWeight: 0\n",
       "plan:12:18: error: rollouts.chat.splitWeight: \"0\"; expected a percentage in steps of 0.0001, from 0.0001 to "
       "50"},
      {"    strategy: aa\n    analysis: { rescue: {} }\n",
       "plan:12:25: error: rollouts.chat.analysis.rescue: both arms are the same version, and neither can rescue the "
       "other; expected the key left out"},

      {"    candidate: v2\n    steps: [ { setWeight: 0 }, { hold: { atLeast: 1m } }, { setWeight: 5 } ]\n",
       "plan:12:27: warning: rollouts.chat.steps: at setWeight 0 the candidate gets no requests, and the hold waits for "
       "some: after its atMost the rollout pauses; expected a weight above 0, or pause: {} and "
       "`weir promote chat` to leave the step by hand"},
      {"    candidate: v2\n    steps: [ { setWeight: 0 }, { hold: { onInconclusive: rollback } } ]\n",
       "plan:12:27: warning: rollouts.chat.steps: at setWeight 0 the candidate gets no requests, and the hold waits for "
       "some: after its atMost the rollout is rolled back; expected a weight above 0, or pause: {} "
       "and `weir promote chat` to leave the step by hand"},

      {"    candidate: v2\n    stickiness: { by: [ { clientAddress: true } ] }\n",
       "plan:12:17: warning: rollouts.chat.stickiness: no listener is open to other machines, so that all clients have "
       "one address, and get one version; expected another key, trustedHops, or the key left out, which splits each "
       "request by itself"},

      // A word that is none says nothing about the other keys.
      {"    candidate: v2\n    strategy: blue\n    previewWeight: 5\n",
       "plan:12:15: error: rollouts.chat.strategy: \"blue\"; expected one of canary, blueGreen, shadow, aa"},
  };
  expect_one_problem_each(plans);
}

TEST(Strategy, WhatIsWrongWithAMirrorIsSaidOnce) {
  const std::string shadow = "    candidate: v2\n    strategy: shadow\n";
  expect_one_problem_each({
      {shadow + "    steps: [ { setWeight: 5 } ]\n",
       "plan:13:12: error: rollouts.chat.steps: strategy shadow has steps of its own; expected mirror in their place, or "
       "strategy: canary"},
      {shadow + "    analysis: { holdback: 1 }\n",
       "plan:13:15: error: rollouts.chat.analysis: strategy shadow shows the candidate to no user, and judges nobody; "
       "expected the key left out, or strategy: canary"},
      {shadow + "    maxExposure: { failedRequests: 5 }\n",
       "plan:13:18: error: rollouts.chat.maxExposure: strategy shadow exposes nobody to the candidate; expected the key "
       "left out, or strategy: canary"},
      {shadow + "    mirror: { percent: 0 }\n",
       "plan:13:24: error: rollouts.chat.mirror.percent: \"0\"; expected a percentage in steps of 0.0001, from 0.0001 to "
       "100"},
      {"    candidate: v1\n    strategy: shadow\n",
       "plan:11:16: error: rollouts.chat: baseline and candidate are the same version; expected two versions, or "
       "strategy: aa to see how much two halves of one differ"},
      {std::string(kBlueGreen) + "    mirror: {}\n",
       "plan:13:13: error: rollouts.chat.mirror belongs to strategy shadow or canary; expected strategy: shadow or "
       "canary, or the key left out"},
      {"    candidate: v2\n    reportEvery: 1h\n",
       "plan:12:18: error: rollouts.chat.reportEvery belongs to strategy aa or shadow; expected strategy: aa or shadow, "
       "or the key left out"},
      {"    candidate: v2\n    steps: [ { mirror: {} }, { setWeight: 5 } ]\n",
       "plan:12:14: error: rollouts.chat.steps[0] stands before the first setWeight; expected a setWeight first"},
      {"    candidate: v2\n    steps: [ { setWeight: 5 }, { mirror: {} }, { mirror: { percent: 1 } } ]\n",
       "plan:12:48: error: rollouts.chat.steps[2]: the step has a mirror already; expected one at most behind each "
       "setWeight"},
      {shadow + "    webhooks: [ { type: event, url: \"http://127.0.0.1:9/\", body: 1KiB } ]\n",
       "plan:13:66: error: rollouts.chat.webhooks[0].body belongs to a webhook of type judge; expected type: judge, or the "
       "key left out"},
      {"    candidate: v2\n    webhooks: [ { type: judge, url: \"http://127.0.0.1:9/\" } ]\n",
       "plan:12:25: warning: rollouts.chat.webhooks: no step copies requests, and a judge is never asked; expected mirror: "
       "{} in a step, or strategy: shadow"},
  });
}

TEST(Overrides, GoByAHeaderOrAModelOrBoth) {
  const auto with_match = [](const std::string& match) {
    return "    candidate: v2\n    overrides: [ { match: " + match + ", version: v2, from: [10.0.0.0/8] } ]\n";
  };
  const Override both =
      rollout_of(with_match("{ header: { name: X-Try, exact: a }, model: { exact: Llama-2 } }")).overrides.at(0);
  EXPECT_EQ(both.header, "x-try");
  EXPECT_EQ(both.model, "Llama-2");
  EXPECT_EQ(rollout_of(with_match("{ model: { exact: m } }")).overrides.at(0).header, "");
  const LoadResult neither = load_rollout(with_match("{}"));
  ASSERT_EQ(neither.problems.size(), 1U);
  EXPECT_EQ(format(neither.problems[0], "plan"),
            "plan:12:27: error: rollouts.chat.overrides: the match names neither a header nor a model; expected header: "
            "{ name, exact }, model: { exact }, or both");
}

TEST(Sessions, AreKeptWhereAPlanSaysSo) {
  const std::string by = "    candidate: v2\n    stickiness: { by: [ { header: x } ], ";
  const Stickiness kept = rollout_of(by + "scope: session, expiry: 20m, memory: 64KiB }\n").stickiness;
  EXPECT_TRUE(kept.keeps_sessions());
  EXPECT_EQ(kept.expiry, std::chrono::minutes(20));
  EXPECT_EQ(kept.memory, 65'536U);
  EXPECT_EQ(rollout_of(by + "scope: session }\n").stickiness.expiry, std::chrono::hours(1));
  EXPECT_FALSE(rollout_of(by + "scope: user }\n").stickiness.keeps_sessions());
  const auto problem = [&](const std::string& keys) {
    const std::vector<Problem> problems = load_rollout(keys).problems;
    return problems.size() == 1 ? format(problems[0], "plan") : std::to_string(problems.size()) + " problems";
  };
  EXPECT_EQ(problem(by + "expiry: 20m }\n"),
            "plan:12:50: warning: rollouts.chat.stickiness.expiry is of sessions, and none are kept; expected scope: session");
  EXPECT_EQ(problem("    strategy: blueGreen\n" + by + "scope: session }\n"),
            "plan:13:49: warning: rollouts.chat.stickiness.scope: sessions may go on at v1 for longer than scaleDownDelay, "
            "after which it may be stopped; expected a scaleDownDelay of at least the expiry, 1h");
  EXPECT_EQ(problem("    strategy: aa\n    stickiness: { by: [ { header: x } ], scope: session }\n"),
            "plan:12:49: warning: rollouts.chat.stickiness.scope: with strategy aa nobody is moved, and so nobody kept; "
            "expected scope: user");
}

TEST(Requests, AreSplitEachByItselfWhereAPlanSaysSo) {
  const std::string line = "    candidate: v2\n    stickiness: ";
  const auto problem = [&](const std::string& keys) {
    const std::vector<Problem> problems = load_rollout(line + keys).problems;
    return problems.size() == 1 ? format(problems[0], "plan") : std::to_string(problems.size()) + " problems";
  };
  EXPECT_EQ(rollout_of(line + "{ scope: request }\n").stickiness.scope, Scope::kRequest);
  EXPECT_EQ(problem("{ by: [ { header: x } ], scope: request }\n"),
            "plan:12:23: warning: rollouts.chat.stickiness.by: with scope request nobody is known again; expected the key "
            "left out, or another scope");
  EXPECT_EQ(problem("{ scope: session }\n"),
            "plan:12:17: error: rollouts.chat.stickiness.by is missing; expected [ { header: x-user-id } ]");
}

}  // namespace
}  // namespace weir::config
