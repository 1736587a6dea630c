#include "proxy/inspect/answer_digest.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "proxy/inspect/answer_reader.h"

namespace weir::proxy {
namespace {

struct Given {
  std::string_view body;
  std::string_view type = "application/json";
  config::Inspect inspect = config::Inspect::kOff;
  bool complete = true;
  std::string_view encoding = {};
};

// As the forwarder shows it, in two pieces.
class Read {
 public:
  explicit Read(const Given& given, std::size_t cut = 1) {
    BodyObserver* also = nullptr;
    if (given.inspect != config::Inspect::kOff) {
      reader_.begin(given.inspect);
      also = &reader_;
    }
    digest.begin(also);
    if (also != nullptr) reader_.show_words(digest.words());
    http::ResponseHead head;
    head.status = 200;
    head.framing = http::BodyFraming::kChunked;
    head.fields.add("content-type", given.type);
    if (!given.encoding.empty()) head.fields.add("content-encoding", given.encoding);
    digest.on_response_head(head);
    digest.on_data(given.body.substr(0, cut), 1);
    if (cut < given.body.size()) digest.on_data(given.body.substr(cut), 2);
    digest.on_end(given.complete);
  }
  AnswerDigest digest;

 private:
  AnswerReader reader_;
};

Likeness likeness(const Given& one, const Given& other) { return Read(one).digest.likeness(Read(other).digest); }

TEST(AnswerDigest, TellsJsonFromWhatOnlySaysSo) {
  EXPECT_EQ(Read({.body = R"({"a":1})"}).digest.json(), JsonForm::kValid);
  EXPECT_EQ(Read({.body = R"({"a":1)"}).digest.json(), JsonForm::kInvalid);
  EXPECT_EQ(Read({.body = R"({"a":1})", .type = "application/problem+json; charset=utf-8"}).digest.json(),
            JsonForm::kValid);
  EXPECT_EQ(Read({.body = "{", .type = "text/plain"}).digest.json(), JsonForm::kNone);
  EXPECT_EQ(Read({.body = "\x1f\x8b", .encoding = "gzip"}).digest.json(), JsonForm::kNone);
  EXPECT_EQ(Read({.body = R"({"a":1)", .complete = false}).digest.json(), JsonForm::kNone);
  EXPECT_EQ(Read({.body = ""}).digest.json(), JsonForm::kNone);
}

TEST(AnswerDigest, ComparesBytesThenValues) {
  EXPECT_EQ(likeness({.body = R"({"a":1,"b":2})"}, {.body = R"({"a":1,"b":2})"}), Likeness::kIdentical);
  EXPECT_EQ(likeness({.body = R"({"a":1,"b":2})"}, {.body = R"({ "b": 2, "a": 1 })"}), Likeness::kEqual);
  EXPECT_EQ(likeness({.body = R"({"a":1})"}, {.body = R"({"a":2})"}), Likeness::kDifferent);
  EXPECT_EQ(likeness({.body = "a b", .type = "text/plain"}, {.body = "a  b", .type = "text/plain"}),
            Likeness::kDifferent);
  EXPECT_EQ(likeness({.body = "{1"}, {.body = "{2"}), Likeness::kDifferent);
}

constexpr std::string_view kSaid =
    "data: {\"id\":\"1\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"
    "data: {\"id\":\"1\",\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\ndata: [DONE]\n\n";
constexpr std::string_view kSameWords =
    "data: {\"id\":\"2\",\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n";
constexpr std::string_view kOtherWords =
    "data: {\"id\":\"2\",\"choices\":[{\"delta\":{\"content\":\"Hullo\"}}]}\n\ndata: [DONE]\n\n";

Given stream(std::string_view body, config::Inspect inspect = config::Inspect::kOpenAi) {
  return {.body = body, .type = "text/event-stream", .inspect = inspect};
}

TEST(AnswerDigest, ComparesWhatModelsSay) {
  EXPECT_EQ(likeness(stream(kSaid), stream(kSaid)), Likeness::kIdentical);
  EXPECT_EQ(likeness(stream(kSaid), stream(kSameWords)), Likeness::kEqual);
  EXPECT_EQ(likeness(stream(kSaid), stream(kOtherWords)), Likeness::kDifferent);
  // Nobody has read them.
  EXPECT_EQ(likeness(stream(kSaid, config::Inspect::kOff), stream(kSameWords, config::Inspect::kOff)),
            Likeness::kDifferent);
  const Given whole{.body = R"({"id":"3","choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]})",
                    .inspect = config::Inspect::kOpenAi};
  EXPECT_EQ(likeness(stream(kSaid), whole), Likeness::kEqual);
}

TEST(AnswerDigest, TextAndCallsAreNotTheSameWords) {
  const auto of = [](std::string_view message) {
    return R"({"id":"1","choices":[{"message":)" + std::string(message) + R"(,"finish_reason":"stop"}]})";
  };
  const std::string text = of(R"({"content":"f{}"})");
  const std::string call = of(R"({"content":"f","tool_calls":[{"function":{"arguments":"{}"}}]})");
  EXPECT_EQ(likeness({.body = text, .inspect = config::Inspect::kOpenAi}, {.body = call, .inspect = config::Inspect::kOpenAi}),
            Likeness::kDifferent);
}

TEST(AnswerDigest, CutsDoNotMatter) {
  const Read whole(stream(kSaid), kSaid.size());
  for (std::size_t cut = 0; cut < kSaid.size(); ++cut) {
    const Read read(stream(kSaid), cut);
    EXPECT_EQ(whole.digest.likeness(read.digest), Likeness::kIdentical) << cut;
    EXPECT_EQ(Read(stream(kSameWords)).digest.likeness(read.digest), Likeness::kEqual) << cut;
  }
}

TEST(AnswerDigest, AnotherAttemptBeginsAnew) {
  Read read({.body = "half of it", .complete = false});
  http::ResponseHead head;
  head.status = 200;
  head.fields.add("content-type", "application/json");
  read.digest.begin(nullptr);
  read.digest.on_response_head(head);
  read.digest.on_data("[1]", 1);
  read.digest.on_end(true);
  EXPECT_EQ(read.digest.bytes(), 3U);
  EXPECT_EQ(read.digest.likeness(Read({.body = "[1]"}).digest), Likeness::kIdentical);
}

}  // namespace
}  // namespace weir::proxy
