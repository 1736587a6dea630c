// A body that is sent a second time is the same from its first byte to its end.
#include "proxy/forward/request_body.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "tests/unit/proxy/forward/scripted_streams.h"

namespace weir::proxy {
namespace {

class RequestBodyTest : public testing::Test {
 protected:
  RequestBodyTest() { client_.head.framing = http::BodyFraming::kChunked; }
  void says(std::string_view data, bool end = false) { client_.script.says.push_back(http::body_slice(data, end)); }
  // What can be read now; "." at its end.
  std::string read() {
    std::string all;
    while (!body_.ended()) {
      const http::BodyEvent event = body_.read_body();
      if (event.state != http::BodyEvent::State::kData) break;
      all += event.data;
      if (event.end) all += ".";
    }
    return all;
  }

  BufferPool buffers_;
  ScriptedDownstream client_;
  RequestBody body_{client_, buffers_};
};

TEST_F(RequestBodyTest, IsReadOnceUnlessItIsKept) {
  says("hello", true);
  EXPECT_FALSE(body_.ended());
  EXPECT_EQ(read(), "hello.");
  EXPECT_TRUE(body_.ended());
  EXPECT_FALSE(body_.replayable());
}

TEST_F(RequestBodyTest, IsTheSameAgain) {
  body_.keep(100);
  says("hello");
  says(" world", true);
  EXPECT_EQ(read(), "hello world.");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(body_.replayable());
    body_.rewind();
    EXPECT_FALSE(body_.ended());
    EXPECT_EQ(read(), "hello world.");
  }
  EXPECT_EQ(client_.script.reads, 2);  // nobody asked the client again
}

TEST_F(RequestBodyTest, GoesOnWhereTheClientIs) {
  body_.keep(100);
  says("hello");
  EXPECT_EQ(read(), "hello");
  body_.rewind();
  EXPECT_EQ(read(), "hello");
  says(" world");
  EXPECT_EQ(read(), " world");
  body_.rewind();
  says("!", true);
  EXPECT_EQ(read(), "hello world!.");
}

TEST_F(RequestBodyTest, AnEmptyBodyHasItsEndEachTime) {
  body_.keep(100);
  says("", true);
  EXPECT_EQ(read(), ".");
  body_.rewind();
  EXPECT_FALSE(body_.ended());
  EXPECT_EQ(read(), ".");
  EXPECT_TRUE(body_.ended());
}

TEST_F(RequestBodyTest, IsGivenUpWhenItIsTooLong) {
  body_.keep(5);
  says("hello");
  EXPECT_EQ(read(), "hello");
  EXPECT_TRUE(body_.replayable());
  says("!", true);
  EXPECT_EQ(read(), "!.");
  EXPECT_FALSE(body_.replayable());
}

TEST_F(RequestBodyTest, IsNotKeptWhenItWillBeTooLong) {
  client_.head.framing = http::BodyFraming::kLength;
  client_.head.content_length = 6;
  body_.keep(5);
  says("hell");
  EXPECT_EQ(read(), "hell");
  EXPECT_FALSE(body_.replayable());
}

TEST_F(RequestBodyTest, IsForgottenWhenNothingCanBeSentAgain) {
  body_.keep(100);
  says("hello");
  EXPECT_EQ(read(), "hello");
  body_.forget();
  EXPECT_FALSE(body_.replayable());
  says(" world", true);
  EXPECT_EQ(read(), " world.");
}

TEST_F(RequestBodyTest, WhatWasLookedAtIsReadAgain) {
  says("hello");
  says(" world", true);
  EXPECT_FALSE(body_.asked());
  EXPECT_EQ(body_.look().data, "hello");
  EXPECT_TRUE(body_.asked());
  EXPECT_EQ(body_.looked_at(), 5U);
  EXPECT_FALSE(body_.ended());
  EXPECT_EQ(read(), "hello world.");
  EXPECT_TRUE(body_.ended());
  EXPECT_FALSE(body_.replayable());  // it was never to be kept
  EXPECT_EQ(client_.script.reads, 2);
}

TEST_F(RequestBodyTest, WhatWasLookedAtToItsEndCanBeSentAgain) {
  says("hello");
  says("", true);
  EXPECT_FALSE(body_.look().end);
  EXPECT_TRUE(body_.look().end);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(read(), "hello.");
    ASSERT_TRUE(body_.replayable());
    body_.rewind();
  }
}

TEST_F(RequestBodyTest, WhatWasLookedAtIsKeptWithTheRest) {
  says("hello");
  body_.look();
  body_.keep(100);
  says(" world", true);
  EXPECT_EQ(read(), "hello world.");
  body_.rewind();
  EXPECT_EQ(read(), "hello world.");
}

TEST_F(RequestBodyTest, WhatWasLookedAtBeyondTheLimitIsSentOnce) {
  says("hello");
  body_.look();
  body_.keep(4);
  EXPECT_TRUE(body_.replayable());  // nothing is lost yet
  says(" world", true);
  EXPECT_EQ(read(), "hello world.");
  EXPECT_FALSE(body_.replayable());
}

TEST_F(RequestBodyTest, NothingIsLookedAtWithoutMemory) {
  says("hello", true);
  buffers_.set_budget(0);
  const ReadBuffer another = buffers_.take(1);
  const http::BodyEvent event = body_.look();
  EXPECT_EQ(event.state, http::BodyEvent::State::kFailed);
  EXPECT_EQ(event.error.kind, ErrorKind::kNoResources);
}

TEST_F(RequestBodyTest, ARequestWithoutOneCanAlwaysBeSentAgain) {
  client_.head.framing = http::BodyFraming::kNone;
  EXPECT_TRUE(body_.ended());
  body_.forget();
  EXPECT_TRUE(body_.replayable());
  body_.rewind();
  EXPECT_TRUE(body_.ended());
}

// What was looked at before, and what is sent again, it knows.
TEST_F(RequestBodyTest, ShowsEachByteOnceToItsReader) {
  RequestReader reader;
  reader.begin(config::BodyText::kModel);
  says(R"({"mo)");
  reader.take(body_.look().data);
  body_.keep(100);
  body_.show_to(&reader);
  EXPECT_EQ(read(), R"({"mo)");
  says(R"(del":"m")");
  EXPECT_EQ(read(), R"(del":"m")");
  body_.rewind();
  EXPECT_EQ(read(), R"({"model":"m")");
  says("}", true);
  EXPECT_EQ(read(), "}.");
  EXPECT_EQ(reader.text(config::BodyText::kModel), "m");
}

struct Watched final : BodyWatcher {
  void on_body(std::string_view data, const http::FieldList* trailers) override {
    seen += data;
    if (trailers != nullptr) seen += ".";
  }
  std::string seen;
};

TEST_F(RequestBodyTest, IsShownEachByteOnceHoweverOftenItIsSent) {
  Watched watched;
  body_.keep(100);
  body_.show(watched);
  says("hello");
  EXPECT_EQ(read(), "hello");
  body_.rewind();
  says(" world", true);
  EXPECT_EQ(read(), "hello world.");
  body_.rewind();
  EXPECT_EQ(read(), "hello world.");
  EXPECT_EQ(watched.seen, "hello world.");
}

TEST_F(RequestBodyTest, ShowsWhatWasLookedAtBefore) {
  Watched watched;
  says("hello");
  body_.look();
  body_.show(watched);
  EXPECT_EQ(watched.seen, "hello");
  says(" world", true);
  EXPECT_EQ(read(), "hello world.");
  EXPECT_EQ(watched.seen, "hello world.");
}

TEST_F(RequestBodyTest, ShowsAtOnceWhatHasComeToItsEnd) {
  Watched watched;
  says("hello", true);
  body_.look();
  body_.show(watched);
  EXPECT_EQ(watched.seen, "hello.");
  EXPECT_EQ(read(), "hello.");
  EXPECT_EQ(watched.seen, "hello.");
}

}  // namespace
}  // namespace weir::proxy
