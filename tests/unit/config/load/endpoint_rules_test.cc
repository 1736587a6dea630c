// How a version's endpoints are chosen, left out and asked: what a plan may say of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "config/declaration.h"
#include "config/load/load.h"

namespace weir::config {
namespace {

using testing::ElementsAre;

// A plan with one version; `keys` are the version's, from line 8 on, and `top` the file's.
LoadResult load_version(const std::string& keys, const std::string& top = {}) {
  const Environment nothing{[](const std::string&) { return std::optional<std::string>(); },
                            [](const std::string&) { return std::optional<std::string>(); }};
  return load(
      "listeners: [ { address: \":8080\" } ]\nroutes: [ { match: {}, service: s } ]\nservices:\n  s:\n    versions:\n"
      "      a:\n        endpoints: [\"http://h:1\"]\n        " +
          keys + "\n" + top,
      nothing);
}

std::vector<std::string> problems_of(const std::string& keys) {
  std::vector<std::string> lines;
  for (const Problem& problem : load_version(keys).problems) lines.push_back(format(problem, "plan"));
  return lines;
}

Version version_of(const std::string& keys) {
  const LoadResult result = load_version(keys);
  EXPECT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  return result.ok() ? result.config->services.at("s").versions.at("a") : Version();
}

std::string written(const std::string& section) {
  std::string text;
  for (const Section* declared : sections()) {
    if (declared->name != section) continue;
    for (const Key& key : declared->keys) {
      if (!key.fallback.empty()) text += std::string(key.name) + ": " + std::string(key.fallback) + ", ";
    }
  }
  return "{ " + text + "}";
}

TEST(EndpointRules, EveryDeclaredDefaultIsTheStructs) {
  EXPECT_TRUE(version_of("outlier: " + written("outlier")).outlier == Outlier());
  EXPECT_TRUE(version_of("outlier: {}").outlier == Outlier());
  EXPECT_FALSE(version_of("outlier: off").outlier.enabled);
  EXPECT_TRUE(version_of("loadBalancing: {}").load_balancing == LoadBalancing());
  const Version version = version_of(
      "loadBalancing: { policy: hash, by: [ { header: X-User }, { cookie: c } ], maxLoad: 125%, slowStart: 0s }");
  EXPECT_EQ(version.load_balancing.max_load_ppm, LoadBalancing().max_load_ppm);
  EXPECT_EQ(version.load_balancing.slow_start, LoadBalancing().slow_start);
  ASSERT_EQ(version.load_balancing.by.size(), 2U);
  EXPECT_EQ(version.load_balancing.by[0].header, "x-user");
  EXPECT_EQ(version.load_balancing.by[1].cookie, "c");
}

TEST(EndpointRules, SaysWhatIsWrongWithHowEndpointsAreChosen) {
  const std::string path = "services.s.versions.a.";
  EXPECT_THAT(problems_of("loadBalancing: { policy: hash }"),
              ElementsAre("plan:8:24: error: " + path +
                          "loadBalancing: hash needs something to choose by; expected by: "
                          "[ { header: NAME } ]"));
  EXPECT_THAT(problems_of("loadBalancing: { maxLoad: 200% }"),
              ElementsAre("plan:8:35: error: " + path +
                          "loadBalancing.maxLoad is for the policy hash alone; expected policy: hash"));
  EXPECT_THAT(problems_of("loadBalancing: { policy: hash, by: [ { header: x } ], maxLoad: 90% }"),
              ElementsAre("plan:8:72: error: " + path +
                          "loadBalancing.maxLoad: \"90%\"; expected a percentage with its sign, such as 10%, from 100% "
                          "to 1000%"));
  EXPECT_THAT(problems_of("outlier: { ejection: 1h }"),
              ElementsAre("plan:8:18: error: " + path +
                          "outlier: ejection is longer than maxEjection; expected ejection <= maxEjection"));
}

TEST(EndpointRules, AHealthCheckIsAskedForByItsKey) {
  EXPECT_FALSE(version_of("").health_check.has_value());
  EXPECT_TRUE(version_of("healthCheck: {}").health_check == HealthCheck());
  EXPECT_TRUE(version_of("healthCheck: " + written("health check")).health_check == HealthCheck());
}

TEST(EndpointRules, ReadsAHealthCheck) {
  const HealthCheck check =
      version_of(
          "healthCheck: { path: \"/health?deep=1\", host: models.example, expect: 204, interval: 5s, timeout: 5s, "
          "jitter: 0%, fall: 1, rise: 7 }")
          .health_check.value_or(HealthCheck());
  EXPECT_EQ(check.path, "/health?deep=1");
  EXPECT_EQ(check.host, "models.example");
  EXPECT_EQ(check.expect_least, 204);
  EXPECT_EQ(check.expect_most, 204);
  EXPECT_EQ(check.interval, std::chrono::seconds(5));
  EXPECT_EQ(check.timeout, std::chrono::seconds(5));
  EXPECT_EQ(check.jitter_ppm, 0U);
  EXPECT_EQ(check.fall, 1U);
  EXPECT_EQ(check.rise, 7U);
  EXPECT_EQ(version_of("healthCheck: { type: tcp }").health_check->type, HealthCheck::Type::kTcp);
}

TEST(EndpointRules, SaysWhatIsWrongWithAHealthCheck) {
  const std::string check = "services.s.versions.a.healthCheck";
  for (const char* statuses : {"99", "200-", "-300", "300-200", "200-600", "2xx", "200 - 299", "0200"}) {
    EXPECT_THAT(problems_of("healthCheck: { expect: \"" + std::string(statuses) + "\" }"),
                ElementsAre("plan:8:32: error: " + check + ".expect: \"" + statuses +
                            "\"; expected a status or a range of them from 200 to 599, such as 200-399"));
  }
  for (const char* path : {"health", "/a b", "/a#b"}) {
    EXPECT_THAT(problems_of("healthCheck: { path: \"" + std::string(path) + "\" }"),
                ElementsAre("plan:8:30: error: " + check + ".path: \"" + path +
                            "\"; expected a path from / on, percent-encoded where it must be"));
  }
  EXPECT_THAT(problems_of("healthCheck: { type: tcp, path: /health }"),
              ElementsAre("plan:8:41: error: " + check + ".path is for the type http alone; expected type: http"));
  EXPECT_THAT(problems_of("healthCheck: { interval: 500ms }"),
              ElementsAre("plan:8:22: error: " + check +
                          ": timeout is longer than interval; expected timeout <= "
                          "interval"));
}

TEST(EndpointRules, ReadsASlowStart) {
  EXPECT_EQ(version_of("").load_balancing.slow_start, Duration(0));
  EXPECT_EQ(version_of("loadBalancing: { slowStart: 30s }").load_balancing.slow_start, std::chrono::seconds(30));
}

TEST(EndpointRules, ReadsWhatItsModelIsCalledInAPath) {
  for (const char* path : {"bert", "bert-b_2.1~x", "bert/versions/13", "bert/labels/canary"}) {
    EXPECT_EQ(version_of(std::string("modelPath: ") + path).model_path, path);
  }
  EXPECT_THAT(problems_of("modelPath: /v2/models/bert"),
              ElementsAre("plan:8:20: error: services.s.versions.a.modelPath: \"/v2/models/bert\" names no model; expected a "
                          "model's name, such as classifier-b, and behind it if need be its version, /versions/13 or "
                          "/labels/canary, of letters, digits, -, ., _ and ~"));
  for (const char* path : {"a/", "a/b", "a/versions/", "a/versions/1/infer", "..", "a/labels/..", "a%2fb", "a b", "\"\""}) {
    EXPECT_EQ(problems_of(std::string("modelPath: ") + path).size(), 1U) << path;
  }
}

TEST(EndpointRules, ReadsTheLimitsOfAnEndpoint) {
  const auto limits = [](const std::string& text) {
    Limits result;
    apply(result, load_version("", "limits: " + text + "\n").config.value().limits);
    return result;
  };
  EXPECT_EQ(limits("{ endpointConnections: 7, endpointPending: 3 }").endpoint_connections, 7U);
  EXPECT_EQ(limits("{ endpointConnections: 7, endpointPending: 3 }").endpoint_pending, 3U);
  EXPECT_EQ(limits("{ endpointConnections: none }").endpoint_connections, kNoCount);
}

}  // namespace
}  // namespace weir::config
