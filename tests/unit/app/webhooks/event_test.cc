#include "app/webhooks/event.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::app {
namespace {

TEST(WebhookEvent, SaysWhatTheRecordSays) {
  const json::Value record = json::Object{{"time", "2026-11-28T10:00:00.000Z"},
                                          {"service", "chat"},
                                          {"baseline", "v1"},
                                          {"candidate", "v2"},
                                          {"revision", "7"},
                                          {"decision", "rollback"},
                                          {"reason", "errorRate: \"bad\"\n"},
                                          {"actor", "weir"},
                                          {"phase_before", "running"},
                                          {"phase_after", "rolledBack"},
                                          {"weight_before_percent", 25.0},
                                          {"weight_after_percent", 0.0},
                                          {"guards", json::Array{json::Object{{"name", "errorRate"}}}}};
  const WebhookEvent event = event_of(record, "the-id");
  EXPECT_EQ(event.id, "the-id");
  const json::ParseResult parsed = json::parse(event.body);
  ASSERT_TRUE(parsed.ok()) << parsed.error;
  const json::Value& body = parsed.value;
  EXPECT_EQ(body["id"].string(), "the-id");
  EXPECT_EQ(body["type"].string(), "event");
  EXPECT_EQ(body["event"].string(), "rollback");
  EXPECT_EQ(body["service"].string(), "chat");
  EXPECT_EQ(body["baseline"].string(), "v1");
  EXPECT_EQ(body["candidate"].string(), "v2");
  EXPECT_EQ(body["revision"].string(), "7");
  EXPECT_EQ(body["phase"].string(), "rolledBack");
  EXPECT_EQ(body["phase_before"].string(), "running");
  EXPECT_EQ(body["weight_percent"].number(-1), 0);
  EXPECT_EQ(body["weight_before_percent"].number(-1), 25);
  EXPECT_EQ(body["actor"].string(), "weir");
  EXPECT_EQ(body["message"].string(), "errorRate: \"bad\"\n");
  EXPECT_EQ(body["time"].string(), "2026-11-28T10:00:00.000Z");
  EXPECT_EQ(body["record"]["guards"].array().at(0)["name"].string(), "errorRate");
}

TEST(WebhookEvent, NoTwoHaveTheSameId) {
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) {
    const std::string id = new_event_id();
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    EXPECT_TRUE(ids.insert(id).second);
  }
}

// The example of GitHub's documentation, whose form it is.
TEST(WebhookEvent, IsSignedAsGitHubDoes) {
  EXPECT_EQ(signature_of("Hello, World!", "It's a Secret to Everybody"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
}

}  // namespace
}  // namespace weir::app
