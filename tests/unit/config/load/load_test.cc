#include "config/load/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/declaration.h"

namespace weir::config {
namespace {

using testing::ElementsAre;

Environment environment() {
  return {[](const std::string& name) {
            return name == "TOKEN" ? std::optional<std::string>("secret-of-many-bytes\n") : std::nullopt;
          },
          [](const std::string&) { return std::optional<std::string>(); }};
}

std::vector<std::string> problems_of(const std::string& yaml) {
  std::vector<std::string> lines;
  for (const Problem& problem : load(yaml, environment()).problems) lines.push_back(format(problem, "plan"));
  return lines;
}

constexpr const char* kServed =
    "listeners: [ { address: 127.0.0.1:8080 } ]\n"
    "routes: [ { match: { pathPrefix: / }, service: chat } ]\n"
    "services:\n"
    "  chat:\n"
    "    versions:\n"
    "      v1: { endpoints: [\"http://127.0.0.1:9001\"] }\n"
    "      v2: { endpoints: [\"http://127.0.0.1:9002\"] }\n";
// Line 8 begins here.
std::string with(const std::string& rest) { return kServed + rest; }
std::string rollout(const std::string& rest) {
  return with("rollouts:\n  chat:\n    baseline: v1\n    candidate: v2\n" + rest);
}  // line 12

TEST(Load, FillsInTheDefaults) {
  const LoadResult result = load(rollout(""), environment());
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  EXPECT_TRUE(result.problems.empty());
  const Config& config = *result.config;
  EXPECT_EQ(config.admin.address, "127.0.0.1:9901");
  EXPECT_EQ(config.state.path, "./weir.db");
  EXPECT_EQ(config.routes.at(0).name, "route-1");
  const Rollout& chat = config.rollouts.at("chat");
  EXPECT_EQ(chat.salt, "chat/v2/");
  ASSERT_EQ(chat.steps.size(), 5U);
  EXPECT_EQ(chat.steps.front().weight_ppm, 10'000U);
  EXPECT_EQ(chat.steps.back().weight_ppm, 1'000'000U);
  ASSERT_EQ(chat.analysis.guards.size(), 5U);
  EXPECT_DOUBLE_EQ(chat.analysis.guards[0].absolute, 0.001);
  EXPECT_DOUBLE_EQ(chat.analysis.guards[4].quantile, 0.99);
  EXPECT_DOUBLE_EQ(chat.analysis.guards[4].relative, 0.2);
}

TEST(Load, ReadsWhatAPlanCanSay) {
  const LoadResult result = load(
      "preset: sidecar\nworkers: 4\ntimeouts: { connect: 500ms, responseIdle: none }\nlimits: { body: 1MiB, pending: 7 "
      "}\n"
      "admin: { address: 0.0.0.0:9901, token: { env: TOKEN } }\nstate: { path: /var/lib/weir/state.db }\n" +
          rollout(
              "    revision: r2\n"
              "    stickiness: { by: [ { header: X-User-Id }, { cookie: weir } ], scope: user }\n"
              "    overrides: [ { match: { header: { name: X-Weir-Version, exact: v2 } }, version: v2, from: "
              "[10.0.0.0/8] } ]\n"
              "    steps:\n"
              "      - setWeight: 0.01\n"
              "      - hold: { atLeast: 1m, minRequests: 200, atMost: 30m, onInconclusive: rollback }\n"
              "      - pause: {}\n"
              "      - setWeight: 25\n"
              "      - pause: { duration: 10m }\n"
              "    analysis:\n"
              "      maxFalseRollback: 2%\n"
              "      holdback: 10\n"
              "      onGuardFail: pause\n"
              "      guards:\n"
              "        - { metric: errorRate, allowedDegradation: { relative: 20% }, max: 1%, onGuardFail: rollback }\n"
              "        - { metric: latency, quantile: 0.95, max: 2s, allowedDegradation: { relative: 20%, absolute: "
              "5ms } }\n"
              "        - { metric: clientAbortRate, enabled: false }\n"),
      environment());
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  const Config& config = *result.config;
  EXPECT_EQ(config.preset, Preset::kSidecar);
  EXPECT_EQ(config.workers, 4U);
  EXPECT_EQ(config.timeouts.connect, std::chrono::milliseconds(500));
  EXPECT_EQ(config.timeouts.response_idle, kNever);
  EXPECT_EQ(config.limits.body, 1U << 20);
  EXPECT_EQ(config.limits.pending, 7U);
  EXPECT_EQ(config.admin.token->value, "secret-of-many-bytes");
  const Rollout& chat = config.rollouts.at("chat");
  EXPECT_EQ(chat.salt, "chat/v2/r2");
  EXPECT_EQ(chat.stickiness.by.at(0).header, "x-user-id");
  EXPECT_EQ(chat.stickiness.by.at(1).cookie, "weir");
  EXPECT_EQ(chat.overrides.at(0).header, "x-weir-version");
  EXPECT_EQ(chat.overrides.at(0).from.at(0).prefix_bits, 96 + 8);
  ASSERT_EQ(chat.steps.size(), 3U);  // one at 100 is added
  EXPECT_EQ(chat.steps[0].weight_ppm, 100U);
  EXPECT_EQ(chat.steps[0].stages.size(), 2U);
  EXPECT_EQ(std::get<Hold>(chat.steps[0].stages[0]).on_inconclusive, OnInconclusive::kRollback);
  ASSERT_EQ(chat.steps[1].stages.size(), 2U);  // the default hold comes first
  EXPECT_EQ(std::get<Pause>(chat.steps[1].stages[1]).duration, std::chrono::minutes(10));
  EXPECT_EQ(chat.analysis.holdback_ppm, 100'000U);
  ASSERT_EQ(chat.analysis.guards.size(), 5U);
  const Guard& errors = chat.analysis.guards[3];
  EXPECT_EQ(errors.metric, GuardMetric::kErrorRate);
  EXPECT_EQ(errors.absolute, 0);
  EXPECT_EQ(errors.max_share, 0.01);
  EXPECT_FALSE(errors.max_duration);
  EXPECT_EQ(errors.action, GuardAction::kRollback);
  EXPECT_EQ(chat.analysis.guards[4].absolute_duration, std::chrono::milliseconds(5));
  EXPECT_EQ(chat.analysis.guards[4].max_duration, std::chrono::seconds(2));
  EXPECT_FALSE(chat.analysis.guards[4].max_share);
  EXPECT_EQ(chat.analysis.guards[4].action, GuardAction::kPause);
}

TEST(Load, LetsAListenersPathsWinKeyByKey) {
  const LoadResult result = load(
      "paths: { doubleSlash: merge, encodedSlash: reject }\n"
      "listeners: [ { address: \":1\" }, { address: \":2\", paths: { doubleSlash: keep } } ]\n"
      "routes: [ { match: { pathPrefix: /a//b }, service: s } ]\n"
      "services: { s: { versions: { a: { endpoints: [\"http://h:1\"] } } } }\n",
      environment());
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  EXPECT_EQ(result.config->listeners[0].paths, (PathPolicy{SlashPolicy::kMerge, SlashPolicy::kReject}));
  EXPECT_EQ(result.config->listeners[1].paths, (PathPolicy{SlashPolicy::kKeep, SlashPolicy::kReject}));
}

TEST(Load, ReadsTheTlsOfAListenerAndSaysWhereAFileIsWrong) {
  Environment looking = environment();
  looking.listener_tls = [](const ListenerTls& tls) {
    return std::vector<TlsFault>{{TlsFault::File::kKey, tls.certificates.size() - 1, "b.key", "it is not its key"}};
  };
  const std::string plan =
      "routes: [ { match: {}, service: s } ]\nservices: { s: { versions: { a: { endpoints: [\"http://h:1\"] } } } }\n"
      "listeners:\n  - address: \":1\"\n    tls:\n      minVersion: 1.3\n      clientCertificates: { ca: ca.pem }\n"
      "      certificates: [ { certificate: a.pem, key: a.key }, { certificate: b.pem, key: b.key, ocsp: b.der } ]\n";
  const LoadResult result = load(plan, environment());
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  const ListenerTls& tls = *result.config->listeners.at(0).tls;
  EXPECT_EQ(tls.min_version, TlsVersion::k13);
  EXPECT_EQ(tls.clients, (ClientCertificates{"ca.pem", true}));
  EXPECT_EQ(tls.certificates.at(1), (Certificate{"b.pem", "b.key", "b.der"}));
  const LoadResult refused = load(plan, looking);
  ASSERT_EQ(refused.problems.size(), 1U);
  EXPECT_EQ(format(refused.problems[0], "plan"),
            "plan:8:86: error: listeners[0].tls.certificates[1].key: b.key: it is not its key");
}

TEST(Load, WritesAnAddressInItsOneForm) {
  const LoadResult result = load(
      "listeners: [ { address: \":8080\" }, { address: \"localhost:8081\" }, { address: \"[0::1]:8080\" } ]\n"
      "routes: [ { match: {}, service: s } ]\nservices: { s: { versions: { a: { endpoints: [\"http://h:1\"] } } } }\n"
      "admin: { address: \"localhost:09901\" }\n",
      environment());
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  EXPECT_EQ(result.config->listeners.at(0).address, "0.0.0.0:8080");
  EXPECT_EQ(result.config->listeners.at(1).address, "127.0.0.1:8081");
  EXPECT_EQ(result.config->listeners.at(2).address, "[::1]:8080");
  EXPECT_EQ(result.config->admin.address, "127.0.0.1:9901");
}

TEST(Load, ReportsASyntaxErrorAlone) {
  EXPECT_EQ(problems_of("listeners: [ { address: x\nservices:\n").size(), 1U);
  EXPECT_THAT(problems_of("a: 1\n---\nb: 2\n"), ElementsAre("plan:2:1: error: a second document begins here"));
  EXPECT_THAT(problems_of("a: 1\n...\nb: 2\n"), ElementsAre("plan:3:1: error: a second document begins here"));
  // yaml-cpp takes it for documents without end.
  EXPECT_THAT(problems_of(", a: 1\n"), ElementsAre("plan:1:1: error: not valid YAML: nothing can begin like this"));
}

struct BadPlan {
  std::string yaml;
  std::string message;
};

TEST(Load, SaysWhatIsWrongAndWhere) {
  const std::vector<BadPlan> plans = {
      {with("timeout: {}\n"), "plan:8:1: error: timeout is no known key; did you mean timeouts?"},
      {with("preset: edge\npreset: edge\n"), "plan:9:1: error: preset is given twice; expected each key once"},
      {with("<<: {}\n"), "plan:8:1: error: <<: merge keys are not read; expected the keys themselves"},
      {with("timeouts: { connect: 5 }\n"),
       "plan:8:22: error: timeouts.connect: \"5\"; expected a duration with a unit (ms, s, m, h, d), such as 30s, "
       "from 1ms to 1h"},
      {with("limits: { body: 1MB }\n"),
       "plan:8:17: error: limits.body: \"1MB\"; expected a size with a unit (B, KiB, MiB, GiB), such as 64KiB, "
       "from 0B to 16384GiB, or none"},
      {with("workers: 0\n"), "plan:8:10: error: workers: \"0\"; expected a whole number, from 1 to 1024"},
      {with("preset: core\n"), "plan:8:9: error: preset: \"core\"; expected one of edge, sidecar"},
      {with("admin: { address: 0.0.0.0:9901 }\n"),
       "plan:8:19: error: admin.address is not loopback, and there is no admin.token; expected token: { env: NAME } or "
       "{ file: PATH }"},
      {rollout("    steps: [ { setWeight: 101 } ]\n"),
       "plan:12:27: error: rollouts.chat.steps[0].setWeight: \"101\"; expected a percentage in steps of 0.0001, "
       "from 0 to 100"},
      {rollout("    steps: [ { hold: {} }, { setWeight: 5 } ]\n"),
       "plan:12:14: error: rollouts.chat.steps[0] stands before the first setWeight; expected a setWeight first"},
      {rollout("    steps: [ { setWeight: 5, hold: {} } ]\n"),
       "plan:12:14: error: rollouts.chat.steps[0]: not exactly one key; expected one of the keys of a step"},
      {rollout("    strategy: bluegreen\n"),
       "plan:12:15: error: rollouts.chat.strategy: \"bluegreen\"; expected one of canary, blueGreen, "
       "shadow, aa"},
      {rollout("    analysis: { guards: [ { metric: errorRate, cap: 1 } ] }\n"),
       "plan:12:53: error: rollouts.chat.analysis.guards[0].cap: errorRate has none; expected the key left out"},
      {rollout("    analysis: { guards: [ { metric: latency, quantile: 0.95 } ] }\n"),
       "plan:12:27: error: rollouts.chat.analysis.guards[0]: this quantile has no margin of its own; expected "
       "allowedDegradation"},
      {rollout("    analysis: { guards: [ { metric: errorRate, allowedDegradation: { absolute: 5ms } } ] }\n"),
       "plan:12:80: error: rollouts.chat.analysis.guards[0].allowedDegradation.absolute: \"5ms\"; expected a "
       "percentage, for a rate"},
      {rollout("    analysis: { guards: [ { metric: errorRate, max: 5ms } ] }\n"),
       "plan:12:53: error: rollouts.chat.analysis.guards[0].max: \"5ms\"; expected a percentage, for a rate"},
      {rollout("    analysis: { guards: [ { metric: latency, max: 5% } ] }\n"),
       "plan:12:51: error: rollouts.chat.analysis.guards[0].max: \"5%\"; expected a duration, for a time"},
      {rollout("    analysis: { guards: [ { metric: errorRate, max: 100% } ] }\n"),
       "plan:12:53: error: rollouts.chat.analysis.guards[0].max: \"100%\"; expected a percentage such as 0.1%, from "
       "0.0001% to 99.9999%, or for times a duration, from 1ms to 1h"},
      {with("rollouts: { chat: { baseline: v1, candidate: v9 } }\n"),
       "plan:8:46: error: rollouts.chat.candidate: chat has no version \"v9\"; expected one of v1, v2"},
      {rollout("    steps: [ { setWeight: 5 }, { setWeight: 5 } ]\n"),
       "plan:12:32: error: rollouts.chat.steps[1].setWeight does not rise above the step before it; expected a higher "
       "weight"},
      {rollout("    steps: [ { setWeight: 97 } ]\n"),
       "plan:12:27: error: rollouts.chat.steps: setWeight 97% leaves less than the holdback of 5% on the baseline; "
       "expected at most 95%, or 100"},
      {with("rollouts: { chat: { baseline: v1 } }\n"),
       "plan:8:19: error: rollouts.chat.candidate is missing; expected a text"},
  };
  for (const BadPlan& plan : plans) EXPECT_THAT(problems_of(plan.yaml), testing::Contains(plan.message)) << plan.yaml;
}

std::string guards(const std::string& list) { return rollout("    analysis: { guards: [ " + list + " ] }\n"); }

// A whole plan with these routes, from line 6 on.
std::string routes(const std::string& list) {
  return "listeners: [ { address: \":8080\" } ]\nservices:\n  s:\n    versions:\n      a: { endpoints: "
         "[\"http://h:1\"] }\n"
         "routes: [ " +
         list + " ]\n";
}

// One cause, one message: each of these plans has exactly the problem that is said.
TEST(Load, SaysEachThingOnce) {
  const std::vector<BadPlan> plans = {
      {guards("{ metric: errorRate }, { metric: errorRate }"),
       "plan:12:50: error: rollouts.chat.analysis.guards[1]: this guard is given twice; expected each once"},
      {guards("{ metric: latency, quantile: 0.5 }, { metric: latency, quantile: 0.50 }"),
       "plan:12:63: error: rollouts.chat.analysis.guards[1]: this guard is given twice; expected each once"},
      {guards("{ metric: errorRate, quantile: 0.5 }"),
       "plan:12:58: error: rollouts.chat.analysis.guards[0].quantile: errorRate has none; expected the key left out"},
      {guards("{ metric: latency, quantile: 0.5, enabled: false }"),
       "plan:12:27: error: rollouts.chat.analysis.guards[0]: there is no such default guard to take away; expected the "
       "entry left out"},
      {guards("{ metric: errorRat }"),
       "plan:12:37: error: rollouts.chat.analysis.guards[0].metric: \"errorRat\"; expected one of errorRate, "
       "capacityRate, "
       "clientErrorRate, clientAbortRate, latency, timeToHeaders, timeToFirstOutput, chunkGap, tokensPerRequest, "
       "costPerRequest, finishReason, emptyOutput, invalidOutput, truncated, feedback, tokensPerSecond, "
       "costPer1kTokens"},
      {rollout("    steps: [ { setWeight: ten }, { hold: {} } ]\n"),
       "plan:12:27: error: rollouts.chat.steps[0].setWeight: \"ten\"; expected a percentage in steps of 0.0001, from 0 "
       "to 100"},
      {routes("{ match: {}, service: s, limits: { endpointPending: 5 } }"),
       "plan:6:46: error: routes[0].limits.endpointPending is no key of a route; expected it on the file alone"},
      {routes("{ match: {}, service: s, timeouts: { header: 5s } }"),
       "plan:6:48: error: routes[0].timeouts.header is no key of a route; expected it on the file or a listener"},
      {routes("{ match: { headers: [ { name: Host, exact: a } ] }, service: s }"),
       "plan:6:41: error: routes[0].match.headers[0].name: no request can be matched by \"Host\": the proxy takes it "
       "off first; "
       "expected host: in the match"},
      {routes("{ match: { headers: [ { name: x, exact: a, prefix: b } ] }, service: s }"),
       "plan:6:20: error: routes[0].match: the header x has both exact and prefix; expected one of them"},
      {routes("{ match: { headers: [ { name: x, prefix: a } ] }, service: s }, { match: { headers: [ { name: X, exact: "
              "ab } ] "
              "}, service: s }"),
       "plan:6:75: error: routes[1] can never be reached: routes[0] takes all that it matches; expected the more "
       "special "
       "route first"},
      {routes("{ name: r, match: { pathExact: /1 }, service: s }, { name: r, match: { pathExact: /2 }, service: s }"),
       "plan:6:62: error: routes[1]: the name r is taken; expected a name of its own"},
      {"[a]: 1\n" + routes("{ match: {}, service: s }"),
       "plan:1:1: error: the plan has a key that is no text; expected the name of a key"},
      {"services: 5\nlisteners: [ { address: \":1\" } ]\nroutes: [ { match: {}, service: s } ]\n",
       "plan:1:11: error: services: \"5\"; expected names and values"},
      {routes("{ match: {}, service: s }") + "admin: { address: \"127.0.0.1:8080\" }\n",
       "plan:1:25: error: listeners[0].address is the admin API's, 127.0.0.1:8080; expected an address of its own"},
      {"a: \xff\n", "plan:1:1: error: the file is no text in UTF-8; expected a plan as YAML"},
      {"a: " + std::string(70, '['), ""},
  };
  for (const BadPlan& plan : plans) {
    const std::vector<std::string> said = problems_of(plan.yaml);
    ASSERT_EQ(said.size(), 1U) << plan.yaml << testing::PrintToString(said);
    if (plan.message.empty()) continue;
    EXPECT_EQ(said[0], plan.message) << plan.yaml;
  }
  const std::string deep = problems_of("a: " + std::string(70, '[') + std::string(70, ']')).at(0);
  EXPECT_NE(deep.find("nested more than 64 deep"), std::string::npos) << deep;
}

// Whatever else the later one says: it is said to be one too many, and the first is looked at as if it stood alone.
TEST(Load, OfWhatIsGivenTwiceTheFirstIsMeant) {
  const auto twice = [](const std::string& place, const std::string& what) {
    return "plan:" + place + ": error: " + what + " is given twice; expected each name once";
  };
  const std::string endpoints = "{ endpoints: [\"http://h:1\"] }";
  const std::string bare = "listeners: [ { address: \":8080\" } ]\nroutes: [ { match: {}, service: s } ]\nservices:\n";
  const std::string one = "  s: { versions: { a: " + endpoints + " } }\n";
  const std::string weighted =
      "  s: { versions: { a: " + endpoints + ", b: " + endpoints + " }, weights: { a: 50, b: 50 } }\n";
  const std::string chosen = "overrides: [ { match: { header: { name: x, exact: a } }, version: v2, from: [::1] } ]";
  EXPECT_THAT(problems_of(bare + one + weighted), ElementsAre(twice("5:3", "services.s")));
  EXPECT_THAT(problems_of(bare + weighted + one), ElementsAre(twice("5:3", "services.s")));
  EXPECT_THAT(problems_of(bare + "  s: { versions: { a: " + endpoints + ", a: { endpoints: [\"ftp://h\"] } } }\n"),
              ElementsAre(twice("4:54", "services.s.versions.a")));
  const std::string plain = "baseline: v1, candidate: v2";
  EXPECT_THAT(problems_of(with("rollouts:\n  chat: { " + plain + " }\n  chat: { " + plain + ", " + chosen + " }\n")),
              ElementsAre(twice("10:3", "rollouts.chat")));
  EXPECT_THAT(problems_of(with("rollouts:\n  chat: { " + plain + ", " + chosen + " }\n  chat: { " + plain + " }\n")),
              ElementsAre(twice("10:3", "rollouts.chat")));
  EXPECT_THAT(
      problems_of(with("rollouts:\n  chat: { baseline: v1, candidate: v9 }\n  chat: {}\n")),
      ElementsAre("plan:9:36: error: rollouts.chat.candidate: chat has no version \"v9\"; expected one of v1, v2",
                  twice("10:3", "rollouts.chat")));
}

TEST(Load, MatchesThatLeaveSomethingAreNoDuplicates) {
  const std::string one = "{ match: { headers: [ { name: x, exact: a } ] }, service: s }";
  for (const char* other : {"{ match: { headers: [ { name: x } ] }, service: s }", "{ match: {}, service: s }",
                            "{ match: { headers: [ { name: x, prefix: a } ] }, service: s }",
                            "{ match: { headers: [ { name: y, exact: a } ] }, service: s }"}) {
    EXPECT_THAT(problems_of(routes(one + ", " + other)), ElementsAre()) << other;
  }
}

std::string written(const std::string& section, bool sidecar) {
  std::string text;
  for (const Section* declared : sections()) {
    if (declared->name != section) continue;
    for (const Key& key : declared->keys) {
      std::string value(key.fallback);
      const std::size_t other = value.find("; sidecar ");
      if (other != std::string::npos) value = sidecar ? value.substr(other + 10) : value.substr(0, other);
      if (key.name == "memory") continue;  // the machine's
      if (!value.empty()) text += std::string(key.name) + ": " + value + ", ";
    }
  }
  return "{ " + text + "}";
}

TEST(Load, RetriesTakeStatusesOfAServer) {
  const auto retries = [](const std::string& text) {
    return load(with("retries: " + text + "\nrollouts: { chat: { baseline: v1, candidate: v2 } }\n"), environment());
  };
  const LoadResult good = retries("{ attempts: 0, onStatus: [500, 503, 599], budget: 0%, minConcurrent: 0, body: 0B }");
  ASSERT_TRUE(good.ok()) << format(good.problems.at(0), "plan");
  Retries read;
  apply(read, good.config->retries);
  EXPECT_EQ(read.attempts, 0U);
  EXPECT_EQ(read.body, 0U);
  EXPECT_EQ(read.when.min_concurrent, 0U);
  EXPECT_EQ(read.when.on_status, (StatusSet{500, 503, 599}));
  EXPECT_TRUE(read.when.on_connect_failure);  // not given
  for (const char* bad : {"404", "600", "5xx", "503.0", "-503", "\"503 \""}) {
    const LoadResult result = retries("{ onStatus: [" + std::string(bad) + "] }");
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_EQ(result.problems.at(0).expected, "a status from 500 to 599") << bad;
  }
  for (const char* bad :
       {"{ attempts: 11 }", "{ budget: 101% }", "{ body: 17MiB }", "{ onStatus: 503 }", "{ retries: 1 }"})
    EXPECT_FALSE(retries(bad).ok()) << bad;
}

// What the reference page promises for a key that is left out is what the program does.
TEST(Load, EveryDeclaredDefaultIsTheStructs) {
  for (const Preset preset : {Preset::kEdge, Preset::kSidecar}) {
    const bool sidecar = preset == Preset::kSidecar;
    const LoadResult result = load(
        rollout("    steps: [ { setWeight: 5 }, { hold: " + written("hold", sidecar) +
                " } ]\n    analysis: { rescue: " + written("rescue", sidecar) + ", " +
                written("analysis", sidecar).substr(2) + "\ntimeouts: " + written("timeouts", sidecar) +
                "\nlimits: " + written("limits", sidecar) + "\nretries: " + written("retries", sidecar) +
                "\nadmin: " + written("admin", sidecar) + "\nstate: " + written("state", sidecar) +
                "\npaths: " + written("paths", sidecar) +
                "\nversionHeader: true\nvia: true\nforwarded: false\ntracing: " + written("tracing", sidecar) + "\n"),
        environment());
    ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
    Timeouts timeouts = preset_timeouts(preset);
    Limits limits = preset_limits(preset);
    apply(timeouts, result.config->timeouts);
    apply(limits, result.config->limits);
    EXPECT_TRUE(timeouts == preset_timeouts(preset));
    EXPECT_TRUE(limits == preset_limits(preset));
    Retries retries;
    apply(retries, result.config->retries);
    EXPECT_EQ(retries, Retries());
    EXPECT_EQ(result.config->admin.address, Admin().address);
    EXPECT_EQ(result.config->state.path, State().path);
    EXPECT_EQ(result.config->state.records, State().records);
    EXPECT_EQ(result.config->version_header, Config().version_header);
    EXPECT_EQ(result.config->via, Config().via);
    EXPECT_EQ(result.config->forwarded, Config().forwarded);
    EXPECT_EQ(result.config->tracing.begin, Tracing().begin);
    EXPECT_EQ(result.config->tracing.sampled_ppm, Tracing().sampled_ppm);
    EXPECT_EQ(result.config->listeners.at(0).paths, PathPolicy());
    const Rollout& chat = result.config->rollouts.at("chat");
    const Hold& hold = std::get<Hold>(chat.steps.at(0).stages.at(0));
    EXPECT_EQ(hold.at_least, Hold().at_least);
    EXPECT_EQ(hold.at_most, Hold().at_most);
    EXPECT_EQ(hold.min_requests, Hold().min_requests);
    EXPECT_EQ(hold.on_inconclusive, Hold().on_inconclusive);
    EXPECT_EQ(chat.analysis.max_false_rollback, Analysis().max_false_rollback);
    EXPECT_EQ(chat.analysis.max_false_advance, Analysis().max_false_advance);
    EXPECT_EQ(chat.analysis.holdback_ppm, Analysis().holdback_ppm);
    EXPECT_EQ(chat.analysis.warmup, Analysis().warmup);
    EXPECT_EQ(chat.analysis.on_guard_fail, Analysis().on_guard_fail);
    EXPECT_TRUE(chat.analysis.rescue.enabled);
    EXPECT_EQ(chat.analysis.rescue.when, Rescue().when);
  }
}

TEST(Load, ReadsWhoseWordCounts) {
  const LoadResult result = load(
      "listeners: [ { address: 127.0.0.1:8080, trustedHops: [none] }, { address: 127.0.0.1:8081 } ]\n"
      "trustedHops: [10.0.0.0/8, \"fd00::/8\", 192.0.2.1, unix]\n" +
          rollout("").substr(std::string_view(kServed).find('\n') + 1),
      environment());
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  EXPECT_TRUE(result.problems.empty());
  const TrustedHops& hops = result.config->trusted_hops.value();
  EXPECT_TRUE(hops.unix_sockets);
  ASSERT_EQ(hops.networks.size(), 3U);
  EXPECT_EQ(hops.networks[0].prefix_bits, 96 + 8);
  EXPECT_EQ(hops.networks[1].prefix_bits, 8);
  EXPECT_EQ(hops.networks[2].prefix_bits, 128);
  const std::vector<Listener>& listeners = result.config->listeners;
  EXPECT_TRUE(listeners[0].trusted_hops && listeners[0].trusted_hops->networks.empty());
  EXPECT_FALSE(listeners[1].trusted_hops);
}

TEST(Load, RefusesHopsThatAreNone) {
  const auto hops = [](const std::string& list) {
    return problems_of(with("rollouts: { chat: { baseline: v1, candidate: v2 } }\ntrustedHops: " + list + "\n"));
  };
  EXPECT_THAT(hops("[10.0.0.0/33]"), ElementsAre(testing::HasSubstr("9:15: error: trustedHops: \"10.0.0.0/33\"")));
  EXPECT_THAT(hops("[none, unix]"), ElementsAre(testing::HasSubstr("none alone for nobody")));
  EXPECT_THAT(hops("[]"), ElementsAre(testing::HasSubstr("trustedHops is empty")));
  EXPECT_THAT(hops("[0.0.0.0/0]"), ElementsAre(testing::HasSubstr("warning: trustedHops: with 0.0.0.0/0 any client")));
  EXPECT_THAT(hops("[\"::/0\"]"), ElementsAre(testing::HasSubstr("warning")));
}

TEST(Load, ChecksWhoMaySpeakTheProxyProtocol) {
  const auto listener = [](const std::string& hops) {
    return problems_of("listeners: [ { address: 127.0.0.1:8080, proxyProtocol: true" + hops + " } ]\n" +
                       rollout("").substr(std::string_view(kServed).find('\n') + 1));
  };
  EXPECT_THAT(listener(", trustedHops: [10.0.0.0/8]"), ElementsAre());
  EXPECT_THAT(listener(", trustedHops: [unix]"), ElementsAre());
  EXPECT_THAT(listener(""), ElementsAre(testing::HasSubstr(
                                "warning: listeners[0].proxyProtocol: whoever can connect says himself who he is")));
  EXPECT_THAT(listener(", trustedHops: [none]"), ElementsAre(testing::HasSubstr("error: listeners[0].proxyProtocol")));
}

TEST(Load, ReadsTheAccessLog) {
  const std::string chat = "rollouts: { chat: { baseline: v1, candidate: v2 } }\naccessLog: ";
  const LoadResult result =
      load(with(chat + "{ path: a.log, headers: [Referer], redact: [X-Mine], sample: 0.5 }\n"), environment());
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  const AccessLog& log = result.config->access_log.value();
  EXPECT_EQ(log.path, "a.log");
  EXPECT_TRUE(log.format.json);
  EXPECT_EQ(log.format.parts.back().name, "header:referer");
  EXPECT_THAT(log.redact, ElementsAre("x-mine"));
  EXPECT_EQ(log.sample_ppm, 5'000U);
  EXPECT_THAT(problems_of(with(chat + "{ path: a, format: \"%statsu%\" }\n")),
              ElementsAre(testing::AllOf(testing::HasSubstr("9:31: error: accessLog.format: there is no field"),
                                         testing::HasSubstr("did you mean status"))));
  EXPECT_THAT(problems_of(with(chat + "{ path: a, format: \"%path%\", headers: [a] }\n")),
              ElementsAre(testing::HasSubstr("accessLog.headers goes with a json format alone")));
  EXPECT_THAT(problems_of(with(chat + "{ path: a, headers: [\"a b\"] }\n")),
              ElementsAre(testing::HasSubstr("\"a b\" is no header's name")));
  EXPECT_THAT(problems_of(with(chat + "{ format: json }\n")),
              ElementsAre(testing::HasSubstr("accessLog.path is missing")));
  Environment looks = environment();
  looks.log_file = [](const std::string& path, const std::string&) {
    return path == "good" ? std::string() : "no such folder";
  };
  EXPECT_TRUE(load(with(chat + "{ path: good }\n"), looks).ok());
  const LoadResult refused = load(with(chat + "{ path: bad/a }\n"), looks);
  ASSERT_EQ(refused.problems.size(), 1U);
  EXPECT_THAT(format(refused.problems[0], "plan"),
              testing::HasSubstr("9:20: error: accessLog.path: bad/a: no such folder; expected a file in a folder"));
}

TEST(Load, ATokenIsWhatStandsBeforeTheLastLineBreak) {
  std::optional<std::string> secret;
  const Environment kept{[&](const std::string&) { return secret; }, [&](const std::string&) { return secret; }};
  const auto token = [&](std::string_view value) -> std::optional<std::string> {
    secret = std::string(value);
    const LoadResult result =
        load(with("admin: { token: { file: t } }\nrollouts: { chat: { baseline: v1, candidate: v2 } }\n"), kept);
    return result.ok() ? std::optional(result.config->admin.token->value) : std::nullopt;
  };
  EXPECT_EQ(token("a-secret-of-many\n"), "a-secret-of-many");
  EXPECT_EQ(token("a-secret-of-many\r\n"), "a-secret-of-many");
  for (const char* none : {"", "\n", "\r\n", "\n\n", "two words with a space\n", "a-secret-of-many\n\n",
                           " a-secret-of-many", "a-secret\tof-many", "not-one-of-ascii\xc3\xa4\n"}) {
    EXPECT_EQ(token(none), std::nullopt) << none;
  }
}

TEST(Load, RefusesATokenThatCanBeTriedOut) {
  const auto problems = [](const std::string& value) {
    const Environment kept{[&](const std::string&) { return value; }, [&](const std::string&) { return value; }};
    const LoadResult result =
        load(with("admin: { token: { env: T } }\nrollouts: { chat: { baseline: v1, candidate: v2 } }\n"), kept);
    return result.problems.empty() ? std::string() : format(result.problems.front(), "plan");
  };
  EXPECT_EQ(problems("0123456789abcdef\n"), "");
  EXPECT_THAT(problems("0123456789abcde\n"),
              testing::AllOf(testing::HasSubstr("error: admin.token is so short that it can be tried out"),
                             testing::HasSubstr("at least 16 bytes"), testing::Not(testing::HasSubstr("0123"))));
}

TEST(LoadAdmin, FindsTheAddressInAPlanThatIsWrong) {
  const auto address = [](const std::string& yaml) { return load_admin(yaml, environment()).admin.address; };
  EXPECT_EQ(address("nonsense: 1\nadmin: { address: \"127.0.0.1:7\", token: { env: NONE } }\n"), "127.0.0.1:7");
  EXPECT_EQ(address("listeners: [\nadmin:\n  # here\n  address: \"127.0.0.1:7\"\n\nroutes: ]\n"), "127.0.0.1:7");
  EXPECT_EQ(address("admin:\n  address: \"127.0.0.1:7\"\nroutes: ]"), "127.0.0.1:7");
  for (const char* key : {"\"admin\":", "'admin':", "admin :", "# admin: x\nadmin:"}) {
    EXPECT_EQ(address("routes: ]\n" + std::string(key) + " { address: \"127.0.0.1:7\" }\n"), "127.0.0.1:7") << key;
  }
  EXPECT_EQ(address("routes: ]\n"), Admin().address);
  EXPECT_EQ(address("services:\n  admin: {}\n# admin: none\nadministration: 1\nroutes: ]\n"), Admin().address);
  EXPECT_EQ(address(""), Admin().address);
  EXPECT_EQ(load_admin("admin: { token: { env: TOKEN } }\nroutes: 1\n", environment()).admin.token->value,
            "secret-of-many-bytes");
  EXPECT_FALSE(load_admin("admin: { address: nowhere }\n", environment()).error.empty());
  // Not to be read line by line: better no address than another weir's.
  EXPECT_FALSE(load_admin("{ \"admin\": ", environment()).error.empty());
  EXPECT_FALSE(
      load_admin("--- # a plan\n\n{\nadmin: { address: \"127.0.0.1:7\" }, routes: ] }", environment()).error.empty());
  EXPECT_EQ(load_admin("{ routes: ] }", environment()).admin.address, Admin().address);
}

TEST(Load, ChecksStaticWeightsAndRoutes) {
  const std::string base =
      "listeners: [ { address: \":8080\" } ]\nservices:\n  s:\n    versions:\n      a: { endpoints: [\"http://h:1\"] "
      "}\n      b: { endpoints: [\"http://h:2\"] }\n";
  EXPECT_THAT(problems_of(base + "    weights: { a: 90, b: 5 }\nroutes: [ { match: {}, service: s } ]\n"),
              ElementsAre("plan:7:14: error: services.s.weights sum to 95%; expected 100%"));
  EXPECT_THAT(problems_of(base + "    weights: { a: 90, b: 10 }\nroutes:\n  - { match: { pathPrefix: /v1 }, service: s "
                                 "}\n  - { match: { pathExact: /v1/x }, service: s }\n  - { match: {}, service: t }\n"),
              ElementsAre("plan:10:5: error: routes[1] can never be reached: routes[0] takes all that it matches; "
                          "expected the more special route first",
                          "plan:11:27: error: routes[2].service: there is no service \"t\"; expected one of s"));
}

TEST(Load, ListsEveryProblemAtOnce) {
  const std::vector<std::string> problems =
      problems_of(with("prest: edge\nworkers: x\nrollouts: { chat: { baseline: v1, candidate: v9 } }\n"));
  EXPECT_EQ(problems.size(), 3U) << testing::PrintToString(problems);
}

TEST(Load, WarnsWhenNoGuardIsLeft) {
  const LoadResult result = load(
      guards(
          "{ metric: errorRate, enabled: false }, { metric: capacityRate, enabled: false }, { metric: clientErrorRate, "
          "enabled: false }, { metric: clientAbortRate, enabled: false }, { metric: latency, enabled: false }"),
      environment());
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_NE(result.problems[0].what.find("nothing is judged"), std::string::npos);
}

TEST(Load, WarnsOfWhatIsAllowedButUnwise) {
  const LoadResult result = load(rollout("    analysis: off\n"), environment());
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result.config->rollouts.at("chat").analysis.enabled);
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(result.problems[0].severity, Problem::Severity::kWarning);
}

}  // namespace
}  // namespace weir::config
