#include "app/webhooks/judge_event.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::app {
namespace {

proxy::JudgedPair a_pair() {
  proxy::JudgedPair pair;
  pair.comparison.service = 3;
  pair.comparison.sides[0].duration_us = 1'500;
  pair.comparison.sides[1].duration_us = 2'000;
  pair.request_id = "r-1";
  pair.method = "POST";
  pair.path = "/v1/chat/completions";
  pair.request = {.type = "application/json", .text = R"({"q":"?"})", .bytes = 9};
  pair.answers[0] = {.type = "text/plain", .text = "Grüße", .bytes = 7};
  pair.answers[1] = {.type = "text/plain", .text = "\xff\xfe", .bytes = 2};
  return pair;
}

json::Value asked(const proxy::JudgedPair& pair, std::size_t limit) {
  const Contest contest{.service = "chat", .baseline = "v1", .candidate = "v2", .revision = "7", .unix_ms = 0};
  const WebhookEvent event = judge_event_of(pair, contest, limit);
  EXPECT_TRUE(event.pair);
  const json::ParseResult parsed = json::parse(event.body);
  EXPECT_TRUE(parsed.ok()) << event.body;
  EXPECT_EQ(parsed.value["id"].string(), event.id);
  return parsed.value;
}

TEST(JudgeEvent, HasTheRequestAndBothAnswers) {
  const json::Value body = asked(a_pair(), 100);
  EXPECT_EQ(body["type"].string(), "judge");
  EXPECT_EQ(body["service"].string(), "chat");
  EXPECT_EQ(body["request"]["id"].string(), "r-1");
  EXPECT_EQ(body["request"]["path"].string(), "/v1/chat/completions");
  EXPECT_EQ(body["request"]["body"].string(), R"({"q":"?"})");
  EXPECT_FALSE(body["request"]["truncated"].boolean(true));
  EXPECT_EQ(body["baseline"]["version"].string(), "v1");
  EXPECT_EQ(body["baseline"]["body"].string(), "Grüße");
  EXPECT_EQ(body["baseline"]["duration_ms"].number(), 1.5);
  EXPECT_EQ(body["candidate"]["version"].string(), "v2");
  EXPECT_TRUE(body["candidate"]["body"].is_null()) << "no text";
  EXPECT_EQ(body["candidate"]["bytes"].integer(), 2);
}

// Until nobody has it any more.
TEST(JudgeEvent, IsMemoryOfWhoeverCopiedTheRequest) {
  const HeldBytes::Counter counter = HeldBytes::make_counter();
  proxy::JudgedPair pair = a_pair();
  pair.held = HeldBytes(counter, 100);
  {
    const WebhookEvent event = judge_event_of(pair, {}, 100);
    EXPECT_GE(counter->load(), 100 + event.body.size());
    pair.held = {};
    EXPECT_EQ(counter->load(), event.body.capacity());
  }
  EXPECT_EQ(counter->load(), 0U);
}

TEST(JudgeEvent, CutsNoCharacter) {
  const proxy::JudgedPair pair = a_pair();
  const std::string text = "Grüße";
  for (std::size_t limit = 1; limit < text.size(); ++limit) {
    const json::Value body = asked(pair, limit);
    EXPECT_TRUE(body["baseline"]["truncated"].boolean());
    const std::string& shown = body["baseline"]["body"].string();
    EXPECT_TRUE(text.starts_with(shown) && shown.size() + 1 >= limit && shown.size() <= limit) << limit << shown;
  }
}

TEST(JudgeEvent, AnOpinionIsOneOfThreeWords) {
  EXPECT_EQ(opinion_of(R"({"winner":"candidate"})"), Opinion::kCandidateBetter);
  EXPECT_EQ(opinion_of(R"({"winner":"baseline","why":"shorter"})"), Opinion::kBaselineBetter);
  EXPECT_EQ(opinion_of(R"({"winner":"tie"})"), Opinion::kTie);
  for (const char* other : {"", "{}", "candidate", R"({"winner":"v2"})", R"({"winner":1})", R"({"winner":"tie")"}) {
    EXPECT_EQ(opinion_of(other), Opinion::kNone) << other;
  }
}

}  // namespace
}  // namespace weir::app
