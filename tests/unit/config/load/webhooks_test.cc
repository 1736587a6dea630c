// What a plan says of webhooks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/load.h"

namespace weir::config {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

// The list of webhooks begins in line 9, column 16.
LoadResult load_with(const std::string& webhooks) {
  return load(
      "listeners: [ { address: \":1\" } ]\nroutes: [ { match: {}, service: s } ]\n"
      "services: { s: { versions: { a: { endpoints: [\"http://h:1\"] },\n"
      "  b: { endpoints: [\"http://h:2\"] } } } }\n"
      "rollouts:\n  s:\n    baseline: a\n    candidate: b\n    webhooks: " +
          webhooks + "\n",
      {[](const std::string& name) { return name == "KEY" ? std::optional<std::string>("pepper\n") : std::nullopt; },
       [](const std::string&) { return std::nullopt; }});
}

std::vector<std::string> problems_of(const std::string& webhooks) {
  std::vector<std::string> lines;
  for (const Problem& problem : load_with(webhooks).problems) lines.push_back(format(problem, "plan"));
  return lines;
}

TEST(LoadWebhooks, FillsInTheDefaults) {
  const LoadResult result = load_with("[ { type: event, url: \"http://h/\" }, { type: event, url: \"http://h/\" } ]");
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  const std::vector<Webhook>& webhooks = result.config->rollouts.at("s").webhooks;
  ASSERT_EQ(webhooks.size(), 2U);
  Webhook expected{.name = "webhook-1", .url = "http://h/", .to = {.host = "h"}};
  EXPECT_EQ(webhooks[0], expected);
  expected.name = "webhook-2";
  EXPECT_EQ(webhooks[1], expected);
  EXPECT_EQ(expected.timeout, seconds(5));
}

TEST(LoadWebhooks, ReadsWhatAPlanCanSay) {
  const LoadResult result = load_with(
      "[ { type: event, name: pager, url: \"https://hooks.example:8443/x?y=z\", timeout: 2s, retries: 0, secret: { "
      "env: "
      "KEY } } ]");
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  const Webhook& webhook = result.config->rollouts.at("s").webhooks.at(0);
  EXPECT_EQ(webhook.name, "pager");
  EXPECT_EQ(webhook.to, (HttpUrl{.host = "hooks.example", .port = 8443, .tls = true, .target = "/x?y=z"}));
  EXPECT_EQ(webhook.timeout, seconds(2));
  EXPECT_EQ(webhook.retries, 0U);
  ASSERT_TRUE(webhook.secret);
  EXPECT_EQ(webhook.secret->value, "pepper");
}

TEST(LoadWebhooks, SaysWhatIsWrongAndWhere) {
  const auto at = [](const std::string& column, const std::string& message) {
    return ElementsAre("plan:9:" + column + ": error: rollouts.s.webhooks" + message);
  };
  EXPECT_THAT(problems_of("[]"), at("15", " is empty; expected at least one entry"));
  EXPECT_THAT(problems_of("[ { type: pre-rollout, url: \"http://h/\" } ]"),
              at("25", "[0].type: \"pre-rollout\"; expected one of event, judge"));
  EXPECT_THAT(problems_of("[ { url: \"http://h/\" } ]"), at("17", "[0].type is missing; expected one of event, judge"));
  EXPECT_THAT(problems_of("[ { type: event } ]"), at("17", "[0].url is missing; expected a text"));
  EXPECT_THAT(problems_of("[ { type: event, url: \"http://h/\", tries: 1 } ]"),
              at("50", "[0].tries is no known key; did you mean retries?"));
  EXPECT_THAT(problems_of("[ { type: event, url: \"h:80/hook\" } ]"),
              at("37",
                 "[0].url: \"h:80/hook\"; expected http://host:port/path or https://host/path, in ASCII and "
                 "without a fragment"));
  EXPECT_THAT(problems_of("[ { type: event, url: \"http://h/\", timeout: 5 } ]"),
              at("59",
                 "[0].timeout: \"5\"; expected a duration with a unit (ms, s, m, h, d), such as 30s, from 10ms "
                 "to 1m"));
  EXPECT_THAT(problems_of("[ { type: event, url: \"http://h/\", retries: 101 } ]"),
              at("59", "[0].retries: \"101\"; expected a whole number, from 0 to 100"));
  EXPECT_THAT(
      problems_of("[ { type: event, url: \"http://h/\", name: a }, { type: event, url: \"http://i/\", name: a } ]"),
      at("61", "[1]: another webhook of the rollout is called a; expected a name of its own"));
  std::string nine = "{ type: event, url: \"http://h/\" }";
  for (int i = 0; i < 8; ++i) nine += ", { type: event, url: \"http://h/\" }";
  EXPECT_THAT(problems_of("[ " + nine + " ]"), at("15", " has 9 entries; expected at most 8"));
}

TEST(LoadWebhooks, SaysNothingOfSecrets) {
  EXPECT_THAT(
      problems_of("[ { type: event, url: \"http://me:swordfish@h/\" } ]"),
      ElementsAre("plan:9:37: error: rollouts.s.webhooks[0].url has a user in it; expected it without one; what "
                  "is sent can be signed with a secret"));
  EXPECT_THAT(problems_of("[ { type: event, url: \"http://h/\", secret: swordfish } ]"),
              ElementsAre("plan:9:58: error: rollouts.s.webhooks[0].secret: it stands in the file itself; expected { "
                          "env: NAME } or { file: PATH }"));
  EXPECT_THAT(problems_of("[ { type: event, url: \"http://h/\", secret: { env: NONE } } ]"),
              ElementsAre("plan:9:58: error: rollouts.s.webhooks[0].secret: the environment variable NONE is empty or "
                          "cannot be read; expected the secret in it"));
}

}  // namespace
}  // namespace weir::config
