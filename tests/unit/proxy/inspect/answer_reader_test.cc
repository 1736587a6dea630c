#include "proxy/inspect/answer_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/score.h"
#include "tests/unit/proxy/inspect/answers.h"
#include "tests/unit/proxy/inspect/corpus.h"
#include "tests/unit/proxy/inspect/slow_reader.h"

namespace weir::proxy {
namespace {

std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

void expect_at_every_cut(const Golden& golden, const std::string& body) {
  AnswerReader reader;
  Sent sent{golden.inspect, golden.type, body, golden.json_asked};
  ASSERT_EQ(describe(read_answer(reader, sent)), golden.facts) << golden.name;
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    ASSERT_EQ(describe(read_answer(reader, sent, {cut, body.size()})), golden.facts)
        << golden.name << " cut at " << cut;
  }
  std::vector<std::size_t> everywhere;
  for (std::size_t cut = 1; cut <= body.size(); ++cut) everywhere.push_back(cut);
  ASSERT_EQ(describe(read_answer(reader, sent, everywhere)), golden.facts) << golden.name << " byte by byte";
}

class AnswerCorpus : public testing::TestWithParam<Golden> {};

TEST_P(AnswerCorpus, IsReadTheSameHoweverItIsCut) {
  expect_at_every_cut(GetParam(), GetParam().body);
  expect_at_every_cut(GetParam(), with_crlf(GetParam().body));
}

TEST_P(AnswerCorpus, IsKnownByItselfWhenItShowsWhatItIs) {
  AnswerReader reader;
  const Sent sent{config::Inspect::kAuto, GetParam().type, GetParam().body, GetParam().json_asked};
  EXPECT_EQ(describe(read_answer(reader, sent)), GetParam().unmarked ? "unknown" : GetParam().facts);
}

INSTANTIATE_TEST_SUITE_P(All, AnswerCorpus, testing::ValuesIn(corpus()),
                         [](const auto& each) { return each.param.name; });

// Spoilt in a few places.
std::string mutated(std::string body, std::mt19937& random) {
  constexpr std::string_view kBytes = "{}[]\":,\\0a \n";
  const auto place = [&] { return body.empty() ? 0 : random() % body.size(); };
  for (auto changes = 1 + random() % 3; changes > 0; --changes) {
    const std::size_t begin = body.rfind('\n', place()) + 1;
    const std::size_t end = std::min(body.find('\n', begin), body.size() - 1) + 1;
    const std::string line = begin < body.size() ? body.substr(begin, end - begin) : "";
    switch (random() % 4) {
      case 0:
        body.erase(begin, line.size());
        break;
      case 1:
        body.insert(body.rfind('\n', place()) + 1, line);
        break;
      case 2:
        body.resize(place());
        break;
      default:
        // The slow reader wants UTF-8.
        if (const std::size_t at = place(); at < body.size() && body[at] >= 0)
          body[at] = kBytes[random() % kBytes.size()];
    }
  }
  return body;
}

TEST(AnswerReader, AgreesWithASlowAndSimpleReader) {
  constexpr unsigned kSeed = 20261128;
  std::mt19937 random(kSeed);
  AnswerReader reader;
  ASSERT_GT(corpus().size(), 60U);
  for (const Golden& golden : corpus()) {
    for (int i = 0; i < 100; ++i) {
      const std::string body = i == 0 ? golden.body : mutated(golden.body, random);
      const Sent sent{golden.inspect, golden.type, body, golden.json_asked};
      const AnswerFacts facts = read_answer(reader, sent);
      if (!facts.known) continue;  // of whole answers: nothing to compare
      ASSERT_EQ(describe(facts), describe(read_slowly(sent))) << golden.name << ", seed " << kSeed << "\n" << body;
    }
  }
}

constexpr std::string_view kChunk = R"(data: {"choices":[{"delta":{"content":"a"}}]})"
                                    "\n\n";
constexpr std::string_view kEnd = R"(data: {"choices":[{"delta":{},"finish_reason":"stop"}]})"
                                  "\n\n";

TEST(AnswerReader, TimesTheEventsThatCarryOutput) {
  AnswerReader reader;
  send_head(reader, {.inspect = config::Inspect::kOpenAi, .body = {}});
  reader.on_data(": wait\n\n", 100);
  reader.on_data("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n", 200);
  reader.on_data(kChunk.substr(0, 20), 300);
  reader.on_data(kChunk.substr(20), 400);
  reader.on_data(kChunk, 700);
  reader.on_data(kChunk, 800);
  reader.on_data(kEnd, 900);
  reader.on_end(true);
  EXPECT_EQ(reader.facts().outputs, 3U);
  EXPECT_EQ(reader.facts().first_output_us, 400U);
  EXPECT_EQ(reader.facts().last_output_us, 800U);
  EXPECT_EQ(reader.facts().mean_gap_us(), 200U);
}

TEST(AnswerReader, IsOpenWhenTheStreamBreaks) {
  AnswerReader reader;
  Sent sent{config::Inspect::kOpenAi, "text/event-stream", kChunk};
  sent.complete = false;
  EXPECT_EQ(describe(read_answer(reader, sent)), "open 1 outputs");
  EXPECT_FALSE(reader.unreadable());
}

TEST(AnswerReader, KnowsBeforeTheEnd) {
  AnswerReader reader;
  send_head(reader, {.body = {}});
  reader.on_data(kChunk, 1);
  EXPECT_EQ(describe(reader.facts()), "open 1 outputs");
}

http::ResponseHead head_of(int status, std::string_view type, std::string_view encoding = {}) {
  http::ResponseHead head;
  head.status = status;
  head.framing = http::BodyFraming::kChunked;
  head.fields.add("content-type", type);
  if (!encoding.empty()) head.fields.add("content-encoding", encoding);
  return head;
}

bool unreadable(const http::ResponseHead& head, std::string_view body) {
  AnswerReader reader;
  reader.begin(config::Inspect::kAuto);
  reader.on_response_head(head);
  reader.on_data(body, 1);
  reader.on_end(true);
  EXPECT_FALSE(reader.facts().known && reader.unreadable());
  return reader.unreadable();
}

TEST(AnswerReader, SaysWhatItCannotRead) {
  EXPECT_FALSE(unreadable(head_of(200, "text/event-stream; charset=utf-8"), kChunk));
  EXPECT_FALSE(unreadable(head_of(200, "Text/Event-Stream", "identity"), kChunk));
  EXPECT_TRUE(unreadable(head_of(200, "text/event-stream", "gzip"), kChunk));
  EXPECT_TRUE(unreadable(head_of(200, "text/html"), "<p>"));
  EXPECT_TRUE(unreadable(head_of(200, "application/json"), R"({"error":"is a word"})"));
  EXPECT_TRUE(unreadable(head_of(200, "application/json"), R"({"choices":[)"));
  EXPECT_TRUE(unreadable(head_of(200, "text/event-stream"), "data: {\"hello\":1}\n\n"));
  // What failed says so by its status.
  EXPECT_FALSE(unreadable(head_of(500, "text/html"), "<p>"));
}

TEST(AnswerReader, HasNothingToReadWhereThereIsNoBody) {
  http::ResponseHead head = head_of(200, "text/html");
  head.framing = http::BodyFraming::kNone;
  EXPECT_FALSE(unreadable(head, {}));
}

TEST(AnswerReader, TakesTokensFromTheFieldsOfAWholeAnswer) {
  AnswerReader reader;
  http::ResponseHead head = head_of(200, "application/json");
  head.fields.add("x-prompt-tokens", "12");
  head.fields.add("x-generated-tokens", "34");
  reader.begin(config::Inspect::kTgi);
  reader.on_response_head(head);
  reader.on_data(R"({"generated_text":"hi"})", 5);
  reader.on_end(true);
  EXPECT_EQ(describe(reader.facts()), "ok stop 1 outputs 12+34 tokens");
}

TEST(AnswerReader, KnowsWhatAnAnswerCallsItself) {
  const auto id = [](config::Inspect inspect, std::string_view type, const std::string& body) {
    AnswerReader reader;
    return read_answer(reader, {inspect, type, body}).id;
  };
  const auto named = [](std::string_view name) { return join_key(JoinKind::kResponse, name); };
  constexpr std::string_view kStream = "text/event-stream";
  constexpr std::string_view kWhole = "application/json";
  const std::string calls = R"({"id":"chatcmpl-1","choices":[{"delta":{"tool_calls":[{"id":"call_1"}]}}]})";
  EXPECT_EQ(id(config::Inspect::kOpenAi, kStream, "data: " + calls + "\n\n" + std::string(kEnd)), named("chatcmpl-1"));
  EXPECT_EQ(id(config::Inspect::kAuto, kWhole, R"({"id":"chatcmpl-2","choices":[{"message":{"content":"a"}}]})"),
            named("chatcmpl-2"));
  EXPECT_EQ(id(config::Inspect::kOpenAi, kStream,
               "data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n"),
            named("resp_1"));
  EXPECT_EQ(id(config::Inspect::kAnthropic, kStream,
               "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n"),
            named("msg_1"));
  EXPECT_EQ(id(config::Inspect::kOip, kWhole, R"({"id":"42","outputs":[{"datatype":"BYTES","data":["a"]}]})"), named("42"));
  EXPECT_EQ(id(config::Inspect::kOpenAi, kStream, std::string(kChunk)), 0U);
  const std::string longest(127, 'i');
  const auto whole = [](const std::string& name) { return R"({"id":")" + name + R"(","choices":[{"text":"a"}]})"; };
  EXPECT_EQ(id(config::Inspect::kOpenAi, kWhole, whole(longest)), named(longest));
  EXPECT_EQ(id(config::Inspect::kOpenAi, kWhole, whole(longest + "i")), 0U);
}

TEST(AnswerReader, CutsTheNameOfAModelWhereItsSpaceEnds) {
  AnswerReader reader;
  const std::string body = R"({"model":")" + std::string(200, 'm') + R"(","choices":[{"message":{"content":"a"}}]})";
  EXPECT_EQ(read_answer(reader, {config::Inspect::kOpenAi, "application/json", body}).model(), std::string(64, 'm'));
}

TEST(AnswerReader, ReadsTextDeeperThanAnyAnswerWithoutTakingItForOne) {
  AnswerReader reader;
  const std::string deep = "data: " + std::string(100'000, '[') + "\n\n" + std::string(kChunk) + std::string(kEnd);
  EXPECT_EQ(describe(read_answer(reader, {config::Inspect::kOpenAi, "text/event-stream", deep})), "ok stop 1 outputs");
}

}  // namespace
}  // namespace weir::proxy
