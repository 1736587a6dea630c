// What a plan says that cannot all be meant: where it is told of. One line a section, so that places are known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "config/load/load.h"

namespace weir::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Plan {
  std::string top = {};                                           // line 1
  std::string listener = "address: \"127.0.0.1:80\"";             // line 2
  std::string routes = "{ match: {}, service: s }";               // line 3
  std::string versions = "a: { endpoints: [ \"http://h:1\" ] }";  // line 4
  std::string rollout = {};                                       // line 5
};

std::vector<std::string> problems_of(const Plan& plan) {
  std::string text = "{ " + plan.top + "\nlisteners: [ { " + plan.listener + " } ],\nroutes: [ " + plan.routes +
                     " ],\nservices: { s: { versions: { " + plan.versions + " } } }";
  if (!plan.rollout.empty()) text += ",\nrollouts: { s: { " + plan.rollout + " } }";
  text += " }\n";
  const Environment secrets{[](const std::string& name) { return std::optional(name); },
                            [](const std::string&) { return std::optional<std::string>(); }};
  std::vector<std::string> lines;
  for (const Problem& problem : load(text, secrets).problems) lines.push_back(format(problem, "plan"));
  return lines;
}

TEST(Contradictions, AnAllowInsideItsDeny) {
  const auto rules = [](const std::string& said) {
    return problems_of({.routes = "{ match: {}, service: s, " + said + " }"});
  };
  EXPECT_THAT(
      rules("allow: [ 10.1.0.0/16, 10.2.3.4 ], deny: [ 10.0.0.0/8 ]"),
      ElementsAre("plan:3:43: warning: routes[0].allow: deny holds all of it, and is asked first, so nobody may; "
                  "expected networks that deny leaves out"));
  EXPECT_THAT(rules("allow: [ \"fd00::1\" ], deny: [ \"fd00::1\" ]").size(), 1U);
  EXPECT_THAT(rules("allow: [ 10.1.0.0/16, 11.0.0.1 ], deny: [ 10.0.0.0/8 ]"), IsEmpty());
  EXPECT_THAT(rules("allow: [ 10.0.0.0/8 ], deny: [ 10.1.0.0/16 ]"), IsEmpty());
  EXPECT_THAT(rules("allow: [ 10.0.0.0/8 ], deny: [ \"::/0\" ]"), IsEmpty());  // no IPv4 is in it
  EXPECT_THAT(problems_of({.listener = "address: \":80\", allow: [ 10.1.1.1 ], deny: [ 10.1.1.1 ]"}),
              ElementsAre(HasSubstr("plan:2:39: warning: listeners[0].allow: deny holds all of it")));
}

TEST(Contradictions, RedirectsThatLeadOnForEver) {
  const auto routes = [](const std::string& said) {
    return problems_of({.routes = said + ", { match: {}, service: s }"});
  };
  EXPECT_THAT(
      routes(
          "{ match: { pathExact: /a }, redirect: { path: /b } }, { match: { pathExact: /b }, redirect: { path: /a } }"),
      ElementsAre("plan:3:49: warning: routes[0].redirect comes to no end: /a, /b, /a; expected a goal that no "
                  "redirect takes"));
  EXPECT_THAT(routes("{ match: { pathPrefix: /a }, redirect: { prefix: /a/b } }"),
              ElementsAre(HasSubstr("routes[0].redirect comes to no end: /a, /a/b, /a/b/b, /a/b/b/b, …")));
  EXPECT_THAT(
      routes("{ match: { pathPrefix: /a/ }, redirect: { prefix: /b/ } }, { match: { pathPrefix: /b/ }, redirect: "
             "{ prefix: /a/ } }")
          .size(),
      1U);
  EXPECT_THAT(
      routes("{ match: { pathExact: /x }, redirect: { path: /a } }, { match: { pathExact: /a }, redirect: { path: "
             "/b } }, { match: { pathExact: /b }, redirect: { path: /a } }"),
      ElementsAre(HasSubstr("routes[0].redirect comes to no end: /x, /a, /b, /a")));
  for (const char* said : {
           "{ match: { pathPrefix: /a }, redirect: { prefix: /b } }",
           "{ match: { pathPrefix: / }, redirect: { path: /a } }",  // who is there goes on
           "{ match: { pathExact: /a }, redirect: { path: /b } }, { match: { pathExact: /b }, redirect: { path: /c } }",
           "{ match: { pathExact: /a }, redirect: { path: /b } }, { match: { pathExact: /b }, service: s }, "
           "{ match: { pathPrefix: /b }, redirect: { path: /a } }",
           "{ match: { pathExact: /a }, redirect: { host: other, path: /b } }, { match: { pathExact: /b }, redirect: { "
           "path: /a } }",
           "{ match: { host: x, pathExact: /a }, redirect: { path: /b } }, { match: { host: y, pathExact: /b }, "
           "redirect: { path: /a } }",
       }) {
    EXPECT_THAT(routes(said), IsEmpty()) << said;
  }
}

TEST(Contradictions, BudgetsOfNothing) {
  EXPECT_THAT(
      problems_of({.top = "retries: { budget: 0%, minConcurrent: 0 },"}),
      ElementsAre("plan:1:22: warning: retries: with a budget of 0% and minConcurrent of 0 nothing is ever tried "
                  "again; expected a share, or attempts: 0"));
  EXPECT_THAT(problems_of({.top = "retries: { budget: 0% },",
                           .routes = "{ match: {}, service: s, retries: { minConcurrent: 0 } }"}),
              ElementsAre(HasSubstr("plan:3:62: warning: routes[0].retries: with a budget of 0%")));
  EXPECT_THAT(problems_of({.top = "retries: { budget: 0% },"}), IsEmpty());
  EXPECT_THAT(problems_of({.top = "retries: { budget: 0%, minConcurrent: 1 },"}), IsEmpty());
  const std::string two = "a: { endpoints: [ \"http://h:1\" ] }, b: { endpoints: [ \"http://h:2\" ] }";
  EXPECT_THAT(
      problems_of({.versions = two,
                   .rollout = "baseline: a, candidate: b, analysis: { rescue: { budget: 0%, minConcurrent: 0 } }"}),
      ElementsAre(HasSubstr("plan:5:75: warning: rollouts.s.analysis.rescue: with a budget of 0% and minConcurrent "
                            "of 0 nobody is ever rescued; expected a share, or the key left out")));
}

TEST(Contradictions, BodiesThatAreKeptAndNotTaken) {
  EXPECT_THAT(
      problems_of({.top = "retries: { body: 1MiB }, limits: { body: 64KiB },"}),
      ElementsAre("plan:1:20: warning: retries.body: 1MiB are never kept, for no request may have more than 64KiB "
                  "(limits.body); expected a smaller one, or a larger limits.body"));
  EXPECT_THAT(
      problems_of({.top = "retries: { body: 1MiB },", .routes = "{ match: {}, service: s, limits: { body: 1KiB } }"}),
      ElementsAre(HasSubstr("plan:3:52: warning: routes[0].retries.body: 1MiB are never kept")));
  EXPECT_THAT(problems_of({.top = "limits: { body: 1KiB },"}), IsEmpty());  // the default is for longer ones
  EXPECT_THAT(problems_of({.top = "retries: { body: 1MiB }, limits: { body: none },"}), IsEmpty());
}

TEST(Contradictions, WhatIsHeldBeyondAllMemory) {
  EXPECT_THAT(
      problems_of({.top = "workers: 2, limits: { memory: 8MiB, lookahead: 6MiB },"}),
      ElementsAre("plan:1:50: warning: limits.lookahead: 6MiB of one request are more than each of 2 workers has of "
                  "memory (8MiB), so it is answered 503 before that; expected a smaller lookahead, or more memory"));
  EXPECT_THAT(problems_of({.top = "workers: 1, limits: { memory: 8MiB, lookahead: 6MiB },"}), IsEmpty());
  EXPECT_THAT(problems_of({.top = "workers: 2, limits: { memory: 1MiB },"}), IsEmpty());  // nobody looks ahead
  EXPECT_THAT(
      problems_of(
          {.top = "workers: 2, limits: { memory: 1MiB },",
           .versions = "a: { endpoints: [ \"http://h:1\" ], loadBalancing: { policy: hash, by: [ { body: user } ] } }"})
          .size(),
      1U);
  EXPECT_THAT(problems_of({.top = "workers: 2, limits: { memory: 1MiB },",
                           .routes = "{ match: { model: { exact: m } }, service: s }, { match: {}, service: s }"}),
              ElementsAre(HasSubstr("plan:1:33: warning: limits.lookahead: 1MiB of one request are more than")));
}

TEST(Contradictions, WaitersThatMayBeAllThatMay) {
  const auto route = [](const std::string& limits, const std::string& version = "") {
    return problems_of({.routes = "{ match: {}, service: s, limits: { " + limits + " } }",
                        .versions = "a: { endpoints: [ \"http://h:1\" ], limits: { pending: 50 " + version + "} }"});
  };
  EXPECT_THAT(
      route("upstreamConnections: 8"),
      ElementsAre("plan:3:67: warning: routes[0].limits: those who wait for its upstreamConnections may be all that "
                  "may wait at any version of s (pending: 50), and then everybody else is refused; expected a "
                  "smaller pending beside it"));
  EXPECT_THAT(route("upstreamConnections: 8, pending: 50"),
              ElementsAre(HasSubstr("plan:3:79: warning: routes[0].limits: ")));
  EXPECT_THAT(route("upstreamConnections: 8, pending: 49"), IsEmpty());
  EXPECT_THAT(route("upstreamConnections: 8", ", upstreamConnections: 8"), IsEmpty());  // it bounds nothing
}

TEST(Contradictions, EndpointsThatStandWhereTheyShouldNot) {
  EXPECT_THAT(
      problems_of({.versions = "a: { endpoints: [ \"http://H:1\", \"http://i:1\", \"http://h:1/\" ] }"}),
      ElementsAre("plan:4:76: warning: services.s.versions.a.endpoints: http://h:1/ stands there twice, and takes two "
                  "shares of the requests; expected each once"));
  EXPECT_THAT(problems_of({.versions = "a: { endpoints: [ \"http://h:1\", \"https://h:1\", \"unix:/h\" ] }"}),
              IsEmpty());
  for (const auto& [listener, endpoint] :
       std::vector<std::pair<std::string, std::string>>{{"127.0.0.1:80", "http://127.0.0.1"},
                                                        {":80", "http://127.0.0.1"},
                                                        {":80", "http://localhost"},
                                                        {"[::]:80", "http://[::1]"},
                                                        {"10.0.0.1:80", "http://10.0.0.1:80"},
                                                        {"unix:/run/w", "unix:/run/w"}}) {
    EXPECT_THAT(problems_of({.listener = "address: \"" + listener + "\"",
                             .versions = "a: { endpoints: [ \"" + endpoint + "\" ] }"}),
                ElementsAre(HasSubstr("plan:4:48: warning: services.s.versions.a.endpoints: " + endpoint +
                                      " is listeners[0] of this plan: what is sent there comes back here; expected")))
        << listener;
  }
  for (const char* endpoint : {"http://127.0.0.1:81", "http://10.0.0.1", "http://[::1]", "unix:/run/w"}) {
    EXPECT_THAT(problems_of({.versions = std::string("a: { endpoints: [ \"") + endpoint + "\" ] }"}), IsEmpty())
        << endpoint;
  }
}

TEST(Contradictions, VersionsThatAreOneAndTheSame) {
  const std::string two = "a: { endpoints: [ \"http://h:1\", \"http://i:1\" ] }, b: { endpoints: [ \"http://I:1\" ] }";
  EXPECT_THAT(
      problems_of({.versions = two, .rollout = "baseline: a, candidate: b"}),
      ElementsAre("plan:4:96: warning: rollouts.s: a and b are both at http://I:1, so that whatever it does is done by "
                  "both; expected endpoints of their own, or strategy: aa to compare one version with itself"));
  EXPECT_THAT(problems_of({.rollout = "baseline: a, strategy: aa"}), IsEmpty());
  const std::string models = "a: { endpoints: [ \"http://h:1\" ] }, b: { endpoints: [ \"http://h:1\" ], modelPath: m }";
  EXPECT_THAT(problems_of({.versions = models, .rollout = "baseline: a, candidate: b"}), IsEmpty());
}

TEST(Contradictions, ALogInTheStatesPlace) {
  EXPECT_THAT(
      problems_of({.top = "state: { path: /var/lib/w.db }, accessLog: { path: /var/lib/../lib//w.db },"}),
      ElementsAre("plan:1:54: error: accessLog.path is state.path: lines would be written over the journal of all "
                  "decisions; expected a file of its own"));
  EXPECT_THAT(problems_of({.top = "state: { path: /var/lib/w.db }, accessLog: { path: /var/lib/w.log },"}), IsEmpty());
}

TEST(Contradictions, KeysThatCanBeTriedOut) {
  const auto with = [](const std::string& key) {
    return problems_of(
        {.routes = "{ match: {}, service: s, apiKeys: { keys: [ { name: n, key: { env: " + key + " } } ] } }"});
  };
  EXPECT_THAT(
      with("fifteen_letters"),
      ElementsAre("plan:3:71: warning: routes[0].apiKeys.keys[0].key is so short that it can be tried out; expected at "
                  "least 16 bytes at random, such as from `openssl rand -hex 32`"));
  EXPECT_THAT(with("sixteen_letters_"), IsEmpty());
}

constexpr const char* kTwo = "a: { endpoints: [ \"http://h:1\" ] }, b: { endpoints: [ \"http://h:2\" ] }";

TEST(Contradictions, FirstEventsThatNobodyTriesAgain) {
  const auto route = [](const std::string& said, const std::string& analysis = "{}") {
    return problems_of(
        {.routes = "{ match: { method: [ POST ] }, service: s, inspect: auto, streamHead: firstEvent, " + said + " }",
         .versions = kTwo,
         .rollout = "baseline: a, candidate: b, analysis: " + analysis});
  };
  EXPECT_THAT(
      route("retries: { onStatus: [ 502 ] }"),
      ElementsAre("plan:3:81: warning: routes[0].streamHead: a POST whose stream begins with an error is not retried, "
                  "although 502 is in onStatus, for it may have been done; expected nonIdempotent: true in the "
                  "retries, or no 502 in onStatus"));
  EXPECT_THAT(route("retries: { onStatus: [ 502 ], nonIdempotent: true }"), IsEmpty());
  EXPECT_THAT(route("retries: { onStatus: [ 503 ] }"), IsEmpty());
  EXPECT_THAT(route("retries: {}", "{ rescue: {} }"),
              ElementsAre(HasSubstr("is not rescued, although 502 is in onStatus")));
  EXPECT_THAT(route("retries: {}", "{ rescue: { onStatus: [ 503 ] } }"), IsEmpty());
}

TEST(Contradictions, UsageThatNobodyReadsOrThatSomebodyNeeds) {
  const auto route = [](const std::string& said, const std::string& version = {}) {
    return problems_of({.routes = "{ match: {}, service: s, " + said + " }",
                        .versions = "a: { endpoints: [ \"http://h:1\" ]" + version + " }"});
  };
  EXPECT_THAT(
      route("includeUsage: always"),
      ElementsAre("plan:3:50: warning: routes[0].includeUsage: nobody looks into the route's requests and answers; "
                  "expected inspect: openai on the route, or the key left out"));
  EXPECT_THAT(route("inspect: ollama, includeUsage: always"),
              ElementsAre(HasSubstr("streams of the OpenAI kind alone are asked for their tokens")));
  EXPECT_THAT(route("inspect: auto, includeUsage: never", ", prices: { input: 1, output: 2 }"),
              ElementsAre(HasSubstr("not known unless clients ask for them, and the prices of a counts those alone")));
  EXPECT_THAT(route("inspect: auto, includeUsage: never"), IsEmpty());
  EXPECT_THAT(route("inspect: tgi, includeUsage: never", ", prices: { input: 1, output: 2 }"), IsEmpty());
  for (const std::string guard : {"tokensPerRequest", "tokensPerSecond"}) {
    EXPECT_THAT(
        problems_of({.routes = "{ match: {}, service: s, inspect: auto, includeUsage: never }",
                     .versions = kTwo,
                     .rollout = "baseline: a, candidate: b, analysis: { guards: [ { metric: " + guard + " } ] }"}),
        ElementsAre(HasSubstr("and the guard " + guard + " counts those alone")));
  }
}

TEST(Contradictions, CreatedIdsThatNobodyReadsOrThatOneVersionHas) {
  const auto plan = [](const std::string& inspect, const std::string& versions, const std::string& ids) {
    return problems_of({.routes = "{ match: {}, service: s, inspect: " + inspect + " }",
                        .versions = versions + " }, createdIds: " + ids + ", weights: {"});
  };
  const std::string one = "a: { endpoints: [ \"http://h:1\" ] }";
  EXPECT_THAT(plan("auto", one, "{}"),
              Contains(HasSubstr("services.s.createdIds: one version has made all that there is")));
  EXPECT_THAT(plan("\"off\"", kTwo, "{}"),
              Contains(HasSubstr("createdIds: no route of s looks into answers, and ids are read from them")));
  EXPECT_THAT(plan("auto", kTwo, "{}"), Not(Contains(HasSubstr("createdIds"))));
  EXPECT_THAT(plan("\"off\"", kTwo, "\"off\""), Not(Contains(HasSubstr("createdIds"))));
}

TEST(Contradictions, MirrorsThatCopyNothing) {
  const auto rollout = [](const std::string& said) {
    return problems_of({.versions = kTwo, .rollout = "baseline: a, candidate: b, " + said});
  };
  EXPECT_THAT(
      rollout("mirror: { percent: 5 }"),
      ElementsAre("plan:5:53: warning: rollouts.s.mirror: no request is copied; expected mirror: {} in a step, or "
                  "the key left out"));
  EXPECT_THAT(rollout("strategy: shadow, mirror: { percent: 5 }"), IsEmpty());
  EXPECT_THAT(rollout("mirror: { percent: 5 }, steps: [ setWeight: 1, mirror: {} ]"), IsEmpty());
  EXPECT_THAT(
      rollout("steps: [ setWeight: 1, setWeight: 100, mirror: {} ]"),
      ElementsAre(HasSubstr("plan:5:92: warning: rollouts.s.steps[2]: a mirror at setWeight 100 copies the requests of "
                            "the holdback alone, 5% of all; expected mirror in a step before it")));
  EXPECT_THAT(
      rollout("steps: [ setWeight: 100, mirror: {} ], analysis: { holdback: 0% }"),
      ElementsAre(HasSubstr("a mirror at setWeight 100 copies nothing, for the baseline has no requests left")));
}

TEST(Contradictions, OverridesOfWhatIsChosenAlready) {
  const auto rules = [](const std::string& said) {
    return problems_of({.top = "preset: sidecar,",
                        .versions = kTwo,
                        .rollout = "baseline: a, candidate: b, overrides: [ " + said + " ]"});
  };
  const std::string model = "{ match: { model: { exact: m } }, version: ";
  EXPECT_THAT(
      rules(model + "b }, " + model + "a }"),
      ElementsAre("plan:5:106: error: rollouts.s.overrides[1] chooses a where rollouts.s.overrides[0] has chosen b; "
                  "expected one of the two, or another match"));
  EXPECT_THAT(
      rules(model + "b }, " + model + "b }"),
      ElementsAre(HasSubstr("warning: rollouts.s.overrides[1] never chooses: rollouts.s.overrides[0] takes all")));
  EXPECT_THAT(rules(model + "b, from: [ 10.0.0.0/8 ] }, " + model + "a, from: [ 10.1.0.0/16 ] }").size(), 1U);
  EXPECT_THAT(rules(model + "b, from: [ 10.1.0.0/16 ] }, " + model + "a, from: [ 10.0.0.0/8 ] }"), IsEmpty());
  EXPECT_THAT(rules(model + "b, from: [ 10.1.0.0/16 ] }, " + model + "a }"), IsEmpty());
  EXPECT_THAT(rules(model + "b }, { match: { model: { exact: n } }, version: a }"), IsEmpty());
  EXPECT_THAT(rules("{ match: { header: { name: h, exact: v } }, version: a }, " + model + "b }"), IsEmpty());
}

}  // namespace
}  // namespace weir::config
