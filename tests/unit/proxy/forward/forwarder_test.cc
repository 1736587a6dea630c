// Bodies both ways between two sides that say what a test tells them to: what waits for what.
#include "proxy/forward/forwarder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy/forward/forwarded.h"

namespace weir::proxy {
namespace {

using testing::ElementsAre;

class ForwarderTest : public Forwarded {
 protected:
  void expect_error(ErrorKind kind, Side side, std::string_view context) {
    ASSERT_TRUE(finish());
    ASSERT_TRUE(result_->error);
    EXPECT_EQ(result_->error->kind, kind);
    EXPECT_EQ(result_->error->side, side);
    EXPECT_EQ(result_->error->context, context);
  }
};

TEST_F(ForwarderTest, CarriesARequestAndItsResponse) {
  start();
  EXPECT_EQ(origin_.script.told, "<POST>");
  EXPECT_TRUE(client_.watched);
  EXPECT_FALSE(result_);
  origin_.statuses = {200};
  say(origin_.script, "hello ");
  say(origin_.script, "world", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
  EXPECT_TRUE(result_->response_started);
  EXPECT_FALSE(client_.head_released());
  EXPECT_EQ(client_.script.told, "<200 x-edited>hello world");
  EXPECT_TRUE(client_.script.told_end);
  EXPECT_THAT(heads_, ElementsAre(200));
  EXPECT_EQ(ends_, 1);
}

TEST_F(ForwarderTest, CarriesABodyAsItComes) {
  with_body();
  start();
  EXPECT_EQ(origin_.script.told, "<POST>");  // the head does not wait for the body
  EXPECT_FALSE(client_.watched);
  say(client_.script, "a");
  wake();
  EXPECT_EQ(origin_.script.told, "<POST>a");
  say(client_.script, "b");
  say(client_.script, "c", true);
  wake();
  EXPECT_EQ(origin_.script.told, "<POST>abc");
  EXPECT_TRUE(origin_.script.told_end);
  EXPECT_TRUE(client_.watched);
  origin_.statuses = {204};
  say(origin_.script, "", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_TRUE(client_.head_released());
}

TEST_F(ForwarderTest, ReadsNothingFromTheClientWhileTheOriginTakesNoMore) {
  with_body();
  start();
  say(client_.script, "a");
  wake();
  const int reads = client_.script.reads;
  origin_.script.sending = true;
  say(client_.script, "b", true);
  for (int i = 0; i < 3; ++i) wake();
  EXPECT_EQ(client_.script.reads, reads);
  EXPECT_EQ(origin_.script.told, "<POST>a");
  origin_.script.sending = false;
  wake();
  EXPECT_EQ(origin_.script.told, "<POST>ab");
}

TEST_F(ForwarderTest, ReadsNothingFromTheOriginWhileTheClientTakesNoMore) {
  start();
  origin_.statuses = {200};
  say(origin_.script, "a");
  wake();
  const int reads = origin_.script.reads;
  client_.script.sending = true;
  say(origin_.script, "b", true);
  for (int i = 0; i < 3; ++i) wake();
  EXPECT_EQ(origin_.script.reads, reads);
  EXPECT_EQ(ends_, 0);
  client_.script.sending = false;
  wake();
  EXPECT_EQ(client_.script.told, "<200 x-edited>ab");
  EXPECT_TRUE(result_);
}

TEST_F(ForwarderTest, ReadsNoHeadWhileTheClientStillTakesTheOneBefore) {
  start();
  client_.script.sending = true;
  const int reads = origin_.head_reads;
  origin_.statuses = {200};
  wake();
  EXPECT_EQ(origin_.head_reads, reads);
  client_.script.sending = false;
  wake();
  EXPECT_EQ(client_.script.told, "<200 x-edited>");
}

// Each side is held back by its own reader alone.
TEST_F(ForwarderTest, GoesOnOneWayWhileTheOtherIsHeldBack) {
  with_body();
  start();
  origin_.statuses = {200};
  say(origin_.script, "a");
  wake();
  client_.script.sending = true;
  say(client_.script, "1");
  wake();
  EXPECT_EQ(origin_.script.told, "<POST>1");
  client_.script.sending = false;
  origin_.script.sending = true;
  say(origin_.script, "b");
  say(client_.script, "2");
  wake();
  EXPECT_EQ(client_.script.told, "<200 x-edited>ab");
  EXPECT_EQ(origin_.script.told, "<POST>1");
}

TEST_F(ForwarderTest, PassesOnAnEarlyResponse) {
  with_body();
  start();
  say(client_.script, "part");
  origin_.statuses = {413};
  say(origin_.script, "too large", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
  EXPECT_EQ(client_.script.told, "<413 x-edited>too large");
  EXPECT_FALSE(origin_.script.told_end);
}

TEST_F(ForwarderTest, SendsTheRestBehindAnEarlyAnswer) {
  with_body();
  start();
  say(client_.script, "part");
  origin_.statuses = {200};
  say(origin_.script, "whole", true);
  wake();
  EXPECT_FALSE(result_);
  EXPECT_EQ(client_.script.told, "<200 x-edited>whole");
  say(client_.script, "rest", true);
  origin_.script.fills_at_flush = true;
  wake();
  EXPECT_EQ(origin_.script.told, "<POST>partrest");
  EXPECT_FALSE(result_);  // the last slice lies in the client's buffer until the origin has taken it
  origin_.script.sending = false;
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
}

TEST_F(ForwarderTest, EndsAnUploadBehindItsAnswerWhenTheOriginHangsUp) {
  with_body();
  start();
  origin_.statuses = {200};
  say(origin_.script, "whole", true);
  wake();
  EXPECT_FALSE(result_);
  origin_.script.send_fails = true;
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
}

TEST_F(ForwarderTest, EndsAnUploadBehindItsAnswerWhenTheClientLeaves) {
  with_body();
  start();
  origin_.statuses = {200};
  say(origin_.script, "whole", true);
  origin_.script.sending = true;  // so that the client is not asked for more
  wake();
  EXPECT_FALSE(result_);
  client_.is_gone = true;
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
}

TEST_F(ForwarderTest, ReadsTheResponseOfAnOriginThatTakesNoMore) {
  with_body();
  start();
  origin_.script.send_fails = true;
  say(client_.script, "never read");
  wake();
  EXPECT_EQ(client_.script.says.size(), 1U);
  EXPECT_FALSE(result_);
  origin_.statuses = {413};
  say(origin_.script, "too large", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
  EXPECT_EQ(client_.script.told, "<413 x-edited>too large");
}

TEST_F(ForwarderTest, CarriesTrailersBothWays) {
  with_body();
  client_.script.says_trailers.add("x-sum", "1");
  origin_.script.says_trailers.add("grpc-status", "0");
  start();
  say(client_.script, "a", true);
  origin_.statuses = {200};
  say(origin_.script, "b", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_EQ(origin_.script.told, "<POST>a|x-sum=1");
  EXPECT_EQ(client_.script.told, "<200 x-edited>b|grpc-status=0");
}

TEST_F(ForwarderTest, PassesOnInterimHeadsAtOnce) {
  start();
  origin_.statuses = {102, 103};
  wake();
  EXPECT_EQ(client_.script.told, "<102><103>");
  EXPECT_TRUE(heads_.empty());
  EXPECT_FALSE(result_);
  origin_.statuses = {200};
  say(origin_.script, "", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_EQ(client_.script.told, "<102><103><200 x-edited>");
  EXPECT_THAT(heads_, ElementsAre(200));
}

TEST_F(ForwarderTest, TellsAClientThatWaitsToGoOn) {
  with_body();
  client_.head.expect_continue = true;
  start();
  EXPECT_EQ(client_.script.told, "<100>");
  say(client_.script, "a", true);
  wake();
  EXPECT_EQ(origin_.script.told, "<POST>a");
}

TEST_F(ForwarderTest, SaysWhatTheOriginFailedWith) {
  start();
  origin_.statuses = {0};
  wake();
  expect_error(ErrorKind::kReset, Side::kUpstream, "upstream_closed");
  EXPECT_FALSE(result_->response_started);
  EXPECT_FALSE(client_.head_released());
}

TEST_F(ForwarderTest, SaysThatTheHeadIsGoneOnceABodyWasAskedFor) {
  with_body();
  start();
  origin_.statuses = {0};
  wake();
  expect_error(ErrorKind::kReset, Side::kUpstream, "upstream_closed");
  EXPECT_TRUE(client_.head_released());
}

TEST_F(ForwarderTest, PassesNothingOnOfAnAnswerThatIsHeldBack) {
  refused_ = 503;
  start();
  origin_.statuses = {503};
  say(origin_.script, "busy", true);
  wake();
  expect_error(ErrorKind::kStatus, Side::kUpstream, "status");
  EXPECT_FALSE(result_->client_heard);
  EXPECT_EQ(client_.script.told, "");
  EXPECT_TRUE(heads_.empty());
}

TEST_F(ForwarderTest, HoldsNothingBackBehindAnInterimHead) {
  refused_ = 503;
  start();
  origin_.statuses = {103, 503};
  say(origin_.script, "busy", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
  EXPECT_TRUE(result_->client_heard);
  EXPECT_EQ(client_.script.told, "<103><503 x-edited>busy");
}

TEST_F(ForwarderTest, HoldsAnAnswerUntilItIsKnownHowItBegins) {
  beginning_ = Beginning::kUnknown;
  start();
  origin_.statuses = {200};
  say(origin_.script, "one");
  wake();
  EXPECT_EQ(client_.script.told, "");
  EXPECT_FALSE(forwarder_->result().response_started);
  beginning_ = Beginning::kGood;
  say(origin_.script, " two");
  wake();
  EXPECT_EQ(client_.script.told, "<200 x-edited>one two");
  EXPECT_TRUE(forwarder_->result().response_started);
  say(origin_.script, " three", true);
  wake();
  ASSERT_TRUE(finish());
  EXPECT_EQ(client_.script.told, "<200 x-edited>one two three");
}

TEST_F(ForwarderTest, PassesOnAnAnswerThatEndsBeforeItIsKnownHowItBegins) {
  beginning_ = Beginning::kUnknown;
  start();
  origin_.statuses = {200};
  say(origin_.script, "", true);
  wake();
  ASSERT_TRUE(finish());
  EXPECT_FALSE(result_->error);
  EXPECT_TRUE(result_->response_started);
  EXPECT_EQ(client_.script.told, "<200 x-edited>");
}

TEST_F(ForwarderTest, TakesBackAnAnswerThatBeginsBadly) {
  beginning_ = Beginning::kUnknown;
  start();
  origin_.statuses = {200};
  say(origin_.script, "one");
  wake();
  beginning_ = Beginning::kRefused;
  say(origin_.script, "two");
  wake();
  expect_error(ErrorKind::kStatus, Side::kUpstream, "status");
  EXPECT_FALSE(result_->response_started);
  EXPECT_FALSE(result_->client_heard);
  EXPECT_EQ(client_.script.told + client_.script.collected, "");
  EXPECT_TRUE(body_.replayable());
}

TEST_F(ForwarderTest, TakesBackAnAnswerThatBreaksBeforeItIsKnownHowItBegins) {
  beginning_ = Beginning::kUnknown;
  start();
  origin_.statuses = {200};
  say(origin_.script, "one");
  origin_.script.says.push_back(http::failed_body({ErrorKind::kTruncated, Side::kUpstream, Retry::kNever, "broke"}));
  wake();
  expect_error(ErrorKind::kTruncated, Side::kUpstream, "broke");
  EXPECT_FALSE(result_->response_started);
  EXPECT_EQ(client_.script.told + client_.script.collected, "");
}

TEST_F(ForwarderTest, SendsTheSameToASecondOrigin) {
  with_body();
  client_.head.expect_continue = true;
  body_.keep(100);
  start();
  say(client_.script, "hello");
  wake();
  origin_.statuses = {0};
  wake();
  expect_error(ErrorKind::kReset, Side::kUpstream, "upstream_closed");
  ASSERT_TRUE(body_.replayable());
  body_.rewind();
  result_.reset();
  origin_ = ScriptedUpstream();
  start();
  say(client_.script, " world", true);
  wake();
  EXPECT_EQ(origin_.script.told, "<POST>hello world");
  EXPECT_TRUE(origin_.script.told_end);
  origin_.statuses = {200};
  say(origin_.script, "ok", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
  EXPECT_EQ(client_.script.told, "<100><200 x-edited>ok");  // told to go on once
  EXPECT_FALSE(body_.replayable());                         // what was kept is given back
}

TEST_F(ForwarderTest, SendsWhatCameBeforeAResponseBroke) {
  start();
  origin_.statuses = {200};
  say(origin_.script, "part");
  origin_.script.says.push_back(
      http::failed_body({ErrorKind::kTruncated, Side::kUpstream, Retry::kNever, "upstream_truncated"}));
  wake();
  expect_error(ErrorKind::kTruncated, Side::kUpstream, "upstream_truncated");
  EXPECT_TRUE(result_->response_started);
  EXPECT_EQ(client_.script.told, "<200 x-edited>part");
  EXPECT_FALSE(client_.script.told_end);
  EXPECT_EQ(ends_, 0);
}

TEST_F(ForwarderTest, SaysWhatIsWrongWithARequestsBody) {
  with_body();
  start();
  say(client_.script, "part");
  client_.script.says.push_back(
      http::failed_body({ErrorKind::kProtocol, Side::kDownstream, Retry::kNever, "bad_chunk"}));
  wake();
  expect_error(ErrorKind::kProtocol, Side::kDownstream, "bad_chunk");
  EXPECT_TRUE(client_.head_released());
  EXPECT_FALSE(origin_.script.told_end);
}

// A client that closes its side inside its upload may still read.
TEST_F(ForwarderTest, GivesAClientItsEarlyAnswerWhateverBecomesOfItsBody) {
  with_body();
  start();
  say(client_.script, "part");
  origin_.statuses = {200};
  say(origin_.script, "whole", true);
  client_.script.fills_at_flush = true;
  wake();
  ASSERT_TRUE(client_.script.sending);
  client_.is_half_closed = client_.is_gone = true;
  client_.script.says.push_back(
      http::failed_body({ErrorKind::kTruncated, Side::kDownstream, Retry::kNever, "client_closed"}));
  wake();
  EXPECT_FALSE(result_);  // its last bytes are still in the origin's buffer
  client_.script.sending = false;
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
  EXPECT_EQ(client_.script.told, "<200 x-edited>whole");
}

// What has come meanwhile must not count as delivered, nor be written to a connection that is closed.
TEST_F(ForwarderTest, GivesNothingToAClientThatTakesNoMore) {
  start();
  origin_.statuses = {200};
  say(origin_.script, "part");
  client_.script.fills_at_flush = true;
  wake();
  say(origin_.script, "rest", true);
  client_.script.sending = false;
  client_.script.send_fails = client_.is_gone = true;
  wake();
  expect_error(ErrorKind::kReset, Side::kDownstream, "client_gone");
  EXPECT_EQ(client_.script.told, "<200 x-edited>part");
  EXPECT_EQ(ends_, 0);
}

TEST_F(ForwarderTest, StopsWhenTheClientIsGone) {
  start();
  client_.is_gone = true;
  wake();
  expect_error(ErrorKind::kReset, Side::kDownstream, "client_gone");
}

TEST_F(ForwarderTest, StopsWhenTheClientLeavesInTheMiddleOfAResponse) {
  start();
  origin_.statuses = {200};
  say(origin_.script, "part");
  wake();
  client_.is_gone = true;
  wake();
  expect_error(ErrorKind::kReset, Side::kDownstream, "client_gone");
  EXPECT_TRUE(result_->response_started);
}

struct Watching final : BodyObserver {
  void on_response_head(const http::ResponseHead& head) override { seen += "<" + std::to_string(head.status) + ">"; }
  void on_data(std::string_view data, std::uint64_t) override { seen += "[" + std::string(data) + "]"; }
  void on_end(bool complete) override { seen += complete ? "." : "!"; }
  std::string seen;
};

TEST_F(ForwarderTest, ShowsAResponsesBodyToItsObserver) {
  Watching watching;
  body_observer_ = &watching;
  start();
  origin_.statuses = {103, 200};
  say(origin_.script, "a");
  say(origin_.script, "b", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_EQ(watching.seen, "<200>[a][b].");
}

TEST_F(ForwarderTest, TellsTheObserverOfABodyThatBreaks) {
  Watching watching;
  body_observer_ = &watching;
  start();
  origin_.statuses = {200};
  say(origin_.script, "a");
  origin_.script.says.push_back(http::failed_body({ErrorKind::kTruncated, Side::kUpstream, Retry::kNever, "broke"}));
  wake();
  ASSERT_TRUE(result_);
  EXPECT_EQ(watching.seen, "<200>[a]!");
}

// Every slice in three pieces, of which the second is the filter's own.
struct Marking final : BodyFilter {
  void take(const http::BodyEvent& slice) override {
    slice_ = slice;
    left_ = 3;
  }
  bool pending() const override { return left_ > 0; }
  http::BodyEvent next() override {
    --left_;
    if (left_ == 2) return http::body_slice({}, false);
    return left_ == 1 ? http::body_slice("+", false) : slice_;
  }
  http::BodyEvent slice_;
  int left_ = 0;
};

TEST_F(ForwarderTest, SendsWhatTheFiltersMakeOfTheBodies) {
  Marking request, response;
  Watching watching;
  request_filter_ = &request;
  response_filter_ = &response;
  body_observer_ = &watching;
  with_body();
  say(client_.script, "ab");
  say(client_.script, "c", true);
  start();
  EXPECT_EQ(origin_.script.told, "<POST>+ab+c");
  origin_.statuses = {200};
  say(origin_.script, "de");
  say(origin_.script, "f", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
  EXPECT_EQ(client_.script.told, "<200 x-edited>+de+f");
  EXPECT_EQ(watching.seen, "<200>[de][f].") << "it sees what came";
  EXPECT_EQ(ends_, 1);
}

TEST_F(ForwarderTest, AnswersAClientThatHasFinishedSendingWhenTold) {
  start(false);
  client_.is_half_closed = true;
  wake();
  EXPECT_FALSE(result_);
  origin_.statuses = {200};
  say(origin_.script, "a", true);
  wake();
  ASSERT_TRUE(result_);
  EXPECT_FALSE(result_->error);
}

TEST_F(ForwarderTest, CancelsForAClientThatHasFinishedSending) {
  start();
  client_.is_half_closed = true;
  wake();
  expect_error(ErrorKind::kEof, Side::kDownstream, "client_half_closed");
}

}  // namespace
}  // namespace weir::proxy
