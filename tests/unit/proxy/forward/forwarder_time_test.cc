// Who is waited for: whose deadline it is, and whose time.
#include <gtest/gtest.h>

#include "tests/unit/proxy/forward/forwarded.h"

namespace weir::proxy {
namespace {

constexpr config::Duration kSoon{20};

class ForwarderTimeTest : public Forwarded {
 protected:
  ForwarderTimeTest() {
    timeouts_.body_idle = timeouts_.response_header = timeouts_.response_idle = timeouts_.total = config::kNever;
  }
  void expect_timeout(Side side, std::string_view context) {
    ASSERT_TRUE(finish());
    ASSERT_TRUE(result_->error);
    EXPECT_EQ(result_->error->kind, ErrorKind::kTimeout);
    EXPECT_EQ(result_->error->side, side);
    EXPECT_EQ(result_->error->context, context);
  }
  void begin_response() {
    origin_.statuses = {200};
    say(origin_.script, "a");
    wake();
  }
};

TEST_F(ForwarderTimeTest, BlamesAClientThatDoesNotSendItsBody) {
  timeouts_.body_idle = kSoon;
  with_body();
  start();
  expect_timeout(Side::kDownstream, "body_timeout");
}

TEST_F(ForwarderTimeTest, BlamesAClientThatDoesNotReadItsResponse) {
  timeouts_.body_idle = kSoon;
  start();
  begin_response();
  client_.script.sending = true;
  wake();
  expect_timeout(Side::kDownstream, "client_stalled");
}

TEST_F(ForwarderTimeTest, BlamesAnOriginThatDoesNotAnswer) {
  timeouts_.response_header = kSoon;
  start();
  expect_timeout(Side::kUpstream, "timeout");
  EXPECT_FALSE(result_->response_started);
}

TEST_F(ForwarderTimeTest, BlamesAnOriginThatDoesNotTakeTheRequest) {
  timeouts_.response_header = kSoon;
  with_body();
  start();
  say(client_.script, "a");
  wake();
  origin_.script.sending = true;
  wake();
  expect_timeout(Side::kUpstream, "timeout");
}

TEST_F(ForwarderTimeTest, BlamesAnOriginThatStopsInTheMiddle) {
  timeouts_.response_idle = kSoon;
  start();
  begin_response();
  expect_timeout(Side::kUpstream, "response_timeout");
  EXPECT_TRUE(result_->response_started);
}

TEST_F(ForwarderTimeTest, EndsARequestThatTakesTooLongInAll) {
  timeouts_.total = kSoon;
  start();
  begin_response();
  expect_timeout(Side::kUpstream, "response_timeout");
}

TEST_F(ForwarderTimeTest, BlamesAClientThatOwesItsBodyWhenTheWholeTimeIsOver) {
  timeouts_.total = kSoon;
  with_body();
  start();
  begin_response();
  expect_timeout(Side::kDownstream, "body_timeout");
}

TEST_F(ForwarderTimeTest, BlamesAClientThatTakesNothingWhenTheWholeTimeIsOver) {
  timeouts_.total = kSoon;
  start();
  client_.script.fills_at_flush = true;
  begin_response();
  ASSERT_TRUE(client_.script.sending);
  expect_timeout(Side::kDownstream, "client_stalled");
}

// While the client sends, nobody can expect an answer.
TEST_F(ForwarderTimeTest, GivesTheOriginItsTimeOnceTheRequestIsWhole) {
  timeouts_.response_header = kSoon;
  with_body();
  start();
  pass(2 * kSoon);
  EXPECT_FALSE(result_);
  say(client_.script, "a", true);
  client_.waker().wake();
  EXPECT_FALSE(result_);  // the time begins now
  expect_timeout(Side::kUpstream, "timeout");
}

// An origin that has begun its answer may wait for the rest of the request before it goes on.
TEST_F(ForwarderTimeTest, BlamesNoOriginForAClientThatStopsInsideItsBody) {
  timeouts_.response_idle = kSoon;
  timeouts_.body_idle = 4 * kSoon;
  with_body();
  start();
  say(client_.script, "a");
  begin_response();
  expect_timeout(Side::kDownstream, "body_timeout");
}

TEST_F(ForwarderTimeTest, BlamesNoClientForAnOriginThatWasSlowToTakeItsBody) {
  timeouts_.body_idle = kSoon;
  with_body();
  say(client_.script, "a");
  origin_.script.fills_at_flush = true;
  start();
  ASSERT_TRUE(origin_.script.sending);
  pass(2 * kSoon);
  ASSERT_FALSE(result_);
  origin_.script.sending = false;
  client_.waker().wake();
  EXPECT_FALSE(result_);  // it has had no time yet to send more
  expect_timeout(Side::kDownstream, "body_timeout");
}

TEST_F(ForwarderTimeTest, BlamesNoOriginForAClientThatWasSlowToTakeItsResponse) {
  timeouts_.response_idle = kSoon;
  start();
  client_.script.fills_at_flush = true;
  begin_response();
  ASSERT_TRUE(client_.script.sending);
  pass(2 * kSoon);
  ASSERT_FALSE(result_);
  client_.script.sending = false;
  client_.waker().wake();
  EXPECT_FALSE(result_);
  expect_timeout(Side::kUpstream, "response_timeout");
}

TEST_F(ForwarderTimeTest, BlamesNoClientForAnOriginThatWasSlowToAnswer) {
  timeouts_.body_idle = kSoon;
  start();
  pass(2 * kSoon);
  ASSERT_FALSE(result_);
  origin_.statuses = {200};
  client_.script.fills_at_flush = true;
  client_.waker().wake();
  EXPECT_TRUE(client_.script.sending);
  EXPECT_FALSE(result_);  // it has had no time yet to read
  expect_timeout(Side::kDownstream, "client_stalled");
}

TEST_F(ForwarderTimeTest, BlamesAnOriginForInterimHeadsThoughItsClientIsBehindWithThem) {
  timeouts_.response_header = kSoon;
  start();
  for (int i = 0; i < 5 && !result_; ++i) {
    origin_.statuses = {103};
    client_.script.fills_at_flush = true;
    wake();
    pass(kSoon / 2);
    client_.script.sending = false;
    wake();
  }
  ASSERT_TRUE(result_);
  expect_timeout(Side::kUpstream, "timeout");
}

TEST_F(ForwarderTimeTest, EndsNoClientThatTakesASliceByteByByte) {
  timeouts_.body_idle = kSoon;
  start();
  client_.script.fills_at_flush = true;
  begin_response();
  for (int i = 0; i < 5; ++i) {
    ++client_.script.taken;
    pass(kSoon);
    ASSERT_FALSE(result_);
  }
  expect_timeout(Side::kDownstream, "client_stalled");
}

TEST_F(ForwarderTimeTest, EndsNoOriginThatTakesASliceByteByByte) {
  timeouts_.response_header = kSoon;
  with_body();
  say(client_.script, "a");
  origin_.script.fills_at_flush = true;
  start();
  for (int i = 0; i < 5; ++i) {
    ++origin_.script.taken;
    pass(kSoon);
    ASSERT_FALSE(result_);
  }
  expect_timeout(Side::kUpstream, "timeout");
}

TEST_F(ForwarderTimeTest, TheClockStandsWhileTheClientIsWaitedFor) {
  with_body();
  start();
  EXPECT_TRUE(clock_.standing());  // for its body
  say(client_.script, "a");
  wake();
  EXPECT_TRUE(clock_.standing());
  origin_.script.sending = true;
  wake();
  EXPECT_FALSE(clock_.standing());  // the origin does not take it
  origin_.script.sending = false;
  say(client_.script, "b", true);
  wake();
  EXPECT_FALSE(clock_.standing());  // for the answer
  begin_response();
  EXPECT_FALSE(clock_.standing());
  client_.script.sending = true;
  wake();
  EXPECT_TRUE(clock_.standing());  // the client does not take it
  client_.script.sending = false;
  wake();
  EXPECT_FALSE(clock_.standing());
}

TEST_F(ForwarderTimeTest, BlamesNobodyForAnUploadThatStopsBehindItsAnswer) {
  timeouts_.body_idle = kSoon;
  with_body();
  start();
  begin_response();
  say(origin_.script, "b", true);
  wake();
  EXPECT_FALSE(result_);
  ASSERT_TRUE(finish());  // the client sends no more
  EXPECT_FALSE(result_->error);
}

TEST_F(ForwarderTimeTest, BlamesNoOriginThatTakesNoMoreBehindItsAnswer) {
  timeouts_.body_idle = kSoon;
  timeouts_.response_idle = timeouts_.response_header = config::kNever;
  with_body();
  start();
  begin_response();
  say(origin_.script, "b", true);
  say(client_.script, "more");
  origin_.script.sending = true;
  wake();
  EXPECT_FALSE(result_);
  ASSERT_TRUE(finish());
  EXPECT_FALSE(result_->error);
}

TEST_F(ForwarderTimeTest, TheLastByteOfTheOriginEndsItsTime) {
  start();
  begin_response();
  say(origin_.script, "b", true);
  client_.script.fills_at_flush = true;
  wake();
  EXPECT_EQ(ends_, 1);
  EXPECT_FALSE(result_);
  EXPECT_TRUE(clock_.standing());
  wake();
  EXPECT_FALSE(result_);
  client_.script.sending = false;
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
  EXPECT_EQ(ends_, 1);
}

TEST_F(ForwarderTimeTest, AClientThatLeavesBeforeTheLastByteIsNoFailure) {
  start();
  begin_response();
  say(origin_.script, "b", true);
  client_.script.fills_at_flush = true;
  wake();
  client_.is_gone = true;
  wake();
  EXPECT_FALSE(result_);  // its last bytes are still in the origin's buffer
  client_.script.sending = false;
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
}

TEST_F(ForwarderTimeTest, SetsNoDeadlineThatNobodyAskedFor) {
  start();
  loop_.advance_clock(std::chrono::hours(24 * 365));
  loop_.settle();
  EXPECT_FALSE(result_);
}

}  // namespace
}  // namespace weir::proxy
