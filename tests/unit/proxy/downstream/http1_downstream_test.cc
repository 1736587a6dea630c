// A client's connection, byte by byte: one request after another, idle times, and how it ends.
#include "proxy/downstream/http1_downstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

struct Body {
  std::string data;
  std::optional<Error> error;
};

class Http1DownstreamTest : public testing::Test {
 protected:
  Http1DownstreamTest() { use(connect_pair(loop_.io)); }

  void use(Connected connected) {
    far_ = std::move(connected.far);
    client_ = std::make_unique<Http1Downstream>(std::move(connected.near), *parse_ip("::ffff:10.0.0.7", 1'234),
                                                buffers_, limits_);
  }
  RequestEvent read_request() {
    RequestEvent event;
    EXPECT_TRUE(
        loop_.run_until([&] { return (event = client_->read_request()).state != RequestEvent::State::kPending; }));
    return event;
  }
  // The next request, whose body may be read.
  void expect_request(std::string_view path) {
    ASSERT_EQ(read_request().state, RequestEvent::State::kRequest);
    EXPECT_EQ(client_->request().path, path);
    ASSERT_EQ(client_->start_body(limits_), http::Fault::kNone);
  }
  Body read_body() {
    Body body;
    EXPECT_TRUE(loop_.run_until([&] {
      const http::BodyEvent event = client_->read_body();
      if (event.state == http::BodyEvent::State::kFailed) body.error = event.error;
      body.data += event.data;
      return event.end || body.error;
    }));
    return body;
  }
  bool lingered() { return client_->linger() == Http1Downstream::Linger::kDone; }
  static config::Limits at_most(std::uint64_t body) {
    config::Limits limits;
    limits.body = body;
    return limits;
  }
  // Interim heads, until the kernel takes no more of them.
  void send_until_the_client_is_slow() {
    const std::string link(32 * 1024, 'x');
    http::ResponseHead hints;
    hints.status = 103;
    hints.fields.add("Link", link);
    while (!client_->sending()) {
      client_->send_head(hints, http::Edits());
      client_->flush();
    }
  }
  void answer(std::string_view body = "ok") {
    http::ResponseHead head;
    head.status = 200;
    head.reason = "OK";
    head.framing = http::BodyFraming::kLength;
    head.content_length = body.size();
    client_->send_head(head, http::Edits());
    client_->send_body({body, true});
    client_->flush();
  }
  Loop loop_;
  BufferPool buffers_;
  config::Limits limits_;
  Peer far_;
  std::unique_ptr<Http1Downstream> client_;
};

TEST_F(Http1DownstreamTest, KnowsItsClient) {
  EXPECT_EQ(client_->peer_text(), "10.0.0.7");
  EXPECT_EQ(client_->peer().port(), 1'234);
  EXPECT_EQ(client_->scheme(), "http");
}

TEST_F(Http1DownstreamTest, ServesPipelinedRequestsInOrder) {
  far_.send(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
      "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"
      "GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /5");
  expect_request("/1");
  EXPECT_TRUE(client_->request_ended());
  answer("one");
  ASSERT_TRUE(client_->next());
  expect_request("/2");
  EXPECT_EQ(read_body().data, "hello");
  EXPECT_EQ(client_->request_body_received(), 5U);
  answer("two");
  ASSERT_TRUE(client_->next());
  expect_request("/3");
  EXPECT_EQ(read_body().data, "abc");
  EXPECT_EQ(client_->trailers().value(http::FieldId::kOther), "y");
  answer("three");
  ASSERT_TRUE(client_->next());
  expect_request("/4");
  answer("four");
  EXPECT_FALSE(client_->next());
  const std::string answers = far_.take();
  EXPECT_THAT(answers, testing::ContainsRegex("one(.|\n)*two(.|\n)*three(.|\n)*connection: close(.|\n)*four$"));
}

TEST_F(Http1DownstreamTest, KnowsOfARequestThatNobodyHasReadYet) {
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  loop_.settle();
  EXPECT_FALSE(client_->request_waits());
  far_.send(kGet);
  EXPECT_TRUE(client_->request_waits());
  expect_request("/x");
  EXPECT_FALSE(client_->request_waits());
}

TEST_F(Http1DownstreamTest, TellsARequestThatHasBegunFromAnIdleConnection) {
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  EXPECT_FALSE(client_->request_begun());
  far_.send("\r\n");
  loop_.settle();
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  EXPECT_FALSE(client_->request_begun());  // an empty line is no request
  far_.send("GET /x HTTP/1.1\r\nHo");
  loop_.settle();
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  EXPECT_TRUE(client_->request_begun());
  far_.send("st: a\r\n\r\n");
  expect_request("/x");
}

TEST_F(Http1DownstreamTest, RefusesWhatIsNoRequestWithItsReason) {
  far_.send("GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
  const RequestEvent event = read_request();
  EXPECT_EQ(event.state, RequestEvent::State::kRefused);
  EXPECT_EQ(event.fault, http::Fault::kRepeatedHost);
}

TEST_F(Http1DownstreamTest, RefusesABodyThatIsLargerThanItsRouteAllows) {
  far_.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n");
  ASSERT_EQ(read_request().state, RequestEvent::State::kRequest);
  EXPECT_EQ(client_->start_body(at_most(5)), http::Fault::kBodyTooLarge);

  use(connect_pair(loop_.io));
  far_.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n");
  ASSERT_EQ(read_request().state, RequestEvent::State::kRequest);
  EXPECT_EQ(client_->start_body(at_most(5)), http::Fault::kNone);
  const Body body = read_body();
  ASSERT_TRUE(body.error);
  EXPECT_EQ(body.error->kind, ErrorKind::kTooLarge);
  EXPECT_EQ(body.error->side, Side::kDownstream);
}

TEST_F(Http1DownstreamTest, HoldsABodyToItsRouteWhereAnEarlierOneHadMoreRoom) {
  constexpr std::size_t kLarge = 256 * 1024;
  constexpr std::size_t kSmall = 16 * 1024;
  const std::string_view head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
  for (const std::size_t buffer : {kLarge, kSmall}) {
    limits_.buffer = buffer;
    far_.send(head);
    expect_request("/x");
    EXPECT_EQ(client_->read_body().state, http::BodyEvent::State::kPending);
    far_.send(std::string(30'000, 'x'));
    far_.send(std::string(30'000, 'x'));
    EXPECT_EQ(read_body().data.size(), 60'000U);
    EXPECT_EQ(buffers_.in_use(), buffer);
    answer();
    ASSERT_TRUE(client_->next());
  }
}

TEST_F(Http1DownstreamTest, ParksWithoutABufferAndReadsOn) {
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  client_->park();
  ASSERT_TRUE(loop_.run_until([&] {
    client_->read_request();
    return client_->parked();
  }));
  for (int i = 0; i < 3; ++i) {
    loop_.settle();
    EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
    EXPECT_TRUE(client_->parked());
  }
  far_.send(kGet);
  expect_request("/x");
  EXPECT_FALSE(client_->parked());
  answer();
  EXPECT_THAT(far_.take(), EndsWith("ok"));
  ASSERT_TRUE(client_->next());
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  client_->park();  // once more, after a request
  ASSERT_TRUE(loop_.run_until([&] {
    client_->read_request();
    return client_->parked();
  }));
  far_.close();
  EXPECT_EQ(read_request().state, RequestEvent::State::kClosed);
}

TEST_F(Http1DownstreamTest, GivesItsBufferToOthersWhileParked) {
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  const auto taken_anew = [&] { return buffers_.take(4 * 1024).data(); };
  const ReadBuffer held = buffers_.take(4 * 1024);
  const char* const before = taken_anew();
  EXPECT_EQ(taken_anew(), before);
  client_->park();
  ASSERT_TRUE(loop_.run_until([&] {
    client_->read_request();
    return client_->parked();
  }));
  EXPECT_NE(taken_anew(), before);  // the client's own is on top of the pool
}

TEST_F(Http1DownstreamTest, LosesNothingThatComesWhileItIsBeingParked) {
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  far_.send(kGet);
  client_->park();
  expect_request("/x");
  EXPECT_FALSE(client_->parked());
}

TEST_F(Http1DownstreamTest, DoesNotParkInTheMiddleOfARequest) {
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  far_.send("GET /x HT");
  loop_.settle();
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);
  client_->park();
  far_.send("TP/1.1\r\nHost: a\r\n\r\n");
  expect_request("/x");
}

TEST_F(Http1DownstreamTest, PromisesMoreOfABodyOnlyWhenItIsThere) {
  use(connect_tcp(loop_.io));
  const std::string data(3 * limits_.buffer, 'x');
  far_.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(data.size() + 1) + "\r\n\r\n" + data);
  expect_request("/1");
  std::size_t received = 0;
  int promises = 0;
  bool promised = false;
  ASSERT_TRUE(loop_.run_until([&] {
    const http::BodyEvent event = client_->read_body();
    promised = event.more;
    promises += event.more ? 1 : 0;
    received += event.data.size();
    return received == data.size();
  }));
  EXPECT_FALSE(promised);  // the last byte has not come
  EXPECT_GT(promises, 0);
}

TEST_F(Http1DownstreamTest, TellsAClientThatWaitsToSendItsBody) {
  far_.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  expect_request("/x");
  EXPECT_TRUE(client_->request().expect_continue);
  EXPECT_EQ(far_.take(), "");
  client_->send_continue();
  client_->flush();
  EXPECT_EQ(far_.take(), "HTTP/1.1 100 Continue\r\n\r\n");
  far_.send("hello");
  EXPECT_EQ(read_body().data, "hello");
  answer();
  EXPECT_THAT(far_.take(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(client_->next());
}

TEST_F(Http1DownstreamTest, DoesNotServeOnWhenABodyWasNotSentAfterAll) {
  far_.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  expect_request("/x");
  answer();
  EXPECT_FALSE(client_->next());  // what comes next may be the body
}

TEST_F(Http1DownstreamTest, SendsInterimHeadsBeforeTheFinalOne) {
  far_.send(kGet);
  expect_request("/x");
  http::ResponseHead hints;
  hints.status = 103;
  hints.reason = "Early Hints";
  hints.fields.add("Link", "</a>");
  client_->send_head(hints, http::Edits());
  client_->flush();
  EXPECT_EQ(far_.take(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  answer();
  EXPECT_THAT(far_.take(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

// Whatever is slow to go out, replies stay in order behind it, and reach a client that reads late.
TEST_F(Http1DownstreamTest, KeepsAReplyForAClientThatIsSlowToRead) {
  far_.send(kGet);
  expect_request("/x");
  send_until_the_client_is_slow();
  client_->send_reply({504, "timeout", "too late", false, std::nullopt}, http::Edits());
  EXPECT_FALSE(client_->sent());
  ASSERT_TRUE(client_->next());
  far_.send("GET /y HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.settle();
  EXPECT_EQ(client_->read_request().state, RequestEvent::State::kPending);  // not before the reply has gone
  client_->park();
  EXPECT_FALSE(client_->parked());

  std::string received;
  RequestEvent event;
  ASSERT_TRUE(loop_.run_until([&] {
    received += far_.take();
    return (event = client_->read_request()).state != RequestEvent::State::kPending;
  }));
  ASSERT_EQ(event.state, RequestEvent::State::kRequest);
  EXPECT_EQ(client_->request().path, "/y");
  answer("y");
  EXPECT_THAT(received + far_.take(),
              testing::ContainsRegex("HTTP/1.1 504 .*(.|\n)*too late(.|\n)*HTTP/1.1 200 (.|\n)*y$"));
}

TEST_F(Http1DownstreamTest, SendsAReplyToAClientThatHasFinishedSendingAndIsSlowToRead) {
  far_.send(kGet);
  far_.shutdown_send();
  expect_request("/x");
  send_until_the_client_is_slow();
  client_->send_reply({504, "timeout", "too late", true, std::nullopt}, http::Edits());
  EXPECT_FALSE(client_->next());
  std::string received;
  ASSERT_TRUE(loop_.run_until([&] {
    received += far_.take();
    return lingered();
  }));
  EXPECT_THAT(received + far_.take(), HasSubstr("too late"));
}

TEST_F(Http1DownstreamTest, AnswersAClientThatHasFinishedSending) {
  far_.send(kGet);
  far_.shutdown_send();
  expect_request("/x");
  ASSERT_TRUE(loop_.run_until([&] {
    client_->watch();
    return client_->half_closed();
  }));
  EXPECT_FALSE(client_->gone());
  answer();
  EXPECT_THAT(far_.take(), EndsWith("ok"));
  EXPECT_FALSE(client_->next());
}

TEST_F(Http1DownstreamTest, ServesWhatAHalfClosedClientHasPipelined) {
  far_.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  far_.shutdown_send();
  expect_request("/1");
  answer("one");
  ASSERT_TRUE(client_->next());
  expect_request("/2");
  answer("two");
  ASSERT_TRUE(loop_.run_until([&] {
    client_->watch();
    return client_->half_closed();
  }));
  EXPECT_FALSE(client_->next());
  EXPECT_THAT(far_.take(), EndsWith("two"));
}

TEST_F(Http1DownstreamTest, CallsAClientGoneThatEndsInsideItsRequest) {
  far_.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
  expect_request("/x");
  far_.shutdown_send();
  const Body body = read_body();
  EXPECT_EQ(body.data, "hell");
  ASSERT_TRUE(body.error);
  EXPECT_EQ(body.error->kind, ErrorKind::kTruncated);
  EXPECT_EQ(body.error->side, Side::kDownstream);
  EXPECT_TRUE(client_->gone());

  use(connect_pair(loop_.io));
  far_.send("GET /x HTTP/1.1\r\nHo");
  far_.shutdown_send();
  EXPECT_EQ(read_request().state, RequestEvent::State::kClosed);
}

TEST_F(Http1DownstreamTest, NoticesAResetWhileTheOriginWorks) {
  use(connect_tcp(loop_.io));
  far_.send(kGet);
  expect_request("/x");
  client_->watch();
  loop_.settle();
  EXPECT_FALSE(client_->gone());
  far_.close_with_reset();
  EXPECT_TRUE(loop_.run_until([&] {
    client_->watch();
    return client_->gone();
  }));
}

// It may fill its buffer to the brim: there is room to see the end of what comes behind it, and its own bytes stay.
TEST_F(Http1DownstreamTest, NoticesAnEndBehindARequestOfAnySize) {
  constexpr std::size_t kBuffer = 4 * 1024;
  constexpr std::string_view kHead = "GET /whole HTTP/1.1\r\nHost: a\r\nX: ";
  constexpr std::string_view kEnd = "\r\n\r\n";
  for (const std::size_t size : {kBuffer - 1, kBuffer, kBuffer + 1, 2 * kBuffer}) {
    use(connect_pair(loop_.io));
    const std::string padding(size - kHead.size() - kEnd.size(), 'x');
    far_.send(std::string(kHead) + padding + std::string(kEnd));
    expect_request("/whole");
    client_->watch();
    loop_.settle();
    far_.shutdown_send();
    EXPECT_TRUE(loop_.run_until([&] {
      client_->watch();
      return client_->half_closed();
    })) << size;
    const http::Field* const padded = client_->request().fields.find("x");
    ASSERT_NE(padded, nullptr);
    EXPECT_EQ(padded->value, padding);
  }
}

TEST_F(Http1DownstreamTest, KeepsWhatComesWhileTheOriginWorks) {
  far_.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_request("/1");
  client_->watch();
  far_.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.settle();
  client_->watch();
  EXPECT_EQ(client_->request().path, "/1");  // its bytes stay where they are
  answer();
  ASSERT_TRUE(client_->next());
  expect_request("/2");
}

// One buffer of it, and the rest stays with the kernel.
TEST_F(Http1DownstreamTest, ReadsAheadOneBufferAtMost) {
  far_.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_request("/1");
  std::string ahead;
  for (int i = 0; i < 500; ++i) ahead += "GET /n HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(far_.send(ahead), ahead.size());
  for (int i = 0; i < 20; ++i) {
    client_->watch();
    loop_.settle();
  }
  EXPECT_EQ(client_->request().path, "/1");
  answer();
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(client_->next()) << i;
    expect_request("/n");
    answer();
    far_.take();
  }
}

TEST_F(Http1DownstreamTest, LetsAClientReadItsReplyBeforeTheEnd) {
  use(connect_tcp(loop_.io));
  far_.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  expect_request("/x");
  http::LocalReply reply{503, "overflow", "too many", true, std::nullopt};
  client_->send_reply(reply, http::Edits());
  EXPECT_FALSE(client_->next());
  ASSERT_FALSE(lingered());
  far_.send(std::string(50'000, 'x'));  // it has not noticed yet
  ASSERT_TRUE(loop_.run_until([&] {
    EXPECT_FALSE(lingered());
    return far_.ended();
  }));
  EXPECT_THAT(far_.take(), testing::AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("connection: close")));
  EXPECT_FALSE(far_.reset());
  far_.close();
  EXPECT_TRUE(loop_.run_until([&] { return lingered(); }));
}

// For how long is its owner's to say: nothing that comes is kept.
TEST_F(Http1DownstreamTest, LingersOverAnyNumberOfBytes) {
  far_.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  expect_request("/x");
  client_->send_reply({503, "overflow", "too many", true, std::nullopt}, http::Edits());
  const std::string more(8 * 1024, 'x');
  std::size_t sent = 0;
  ASSERT_TRUE(loop_.run_until([&] {
    sent += far_.send(more);
    return lingered() || sent > 4U * 1024 * 1024;
  }));
  EXPECT_FALSE(lingered());
  far_.close();
  EXPECT_TRUE(loop_.run_until([&] { return lingered(); }));
}

TEST_F(Http1DownstreamTest, CutsSuchThatNobodyTakesAPartForTheWhole) {
  use(connect_tcp(loop_.io));
  far_.send(kGet);
  expect_request("/x");
  http::ResponseHead head;
  head.status = 200;
  head.framing = http::BodyFraming::kUntilClose;
  client_->send_head(head, http::Edits());
  client_->send_body({"part", false});
  client_->flush();
  client_->cut();
  EXPECT_TRUE(loop_.run_until([&] { return far_.reset(); }));
  client_->watch();
  EXPECT_TRUE(client_->gone());
  EXPECT_FALSE(client_->next());
}

TEST_F(Http1DownstreamTest, SaysThatItClosesWhenToldTo) {
  far_.send(kGet);
  expect_request("/x");
  client_->close_after();
  answer();
  EXPECT_THAT(far_.take(), HasSubstr("connection: close\r\n"));
  EXPECT_FALSE(client_->next());
}

TEST_F(Http1DownstreamTest, FramesForAnOldClient) {
  far_.send("GET /x HTTP/1.0\r\n\r\n");
  expect_request("/x");
  http::ResponseHead hints;
  hints.status = 103;
  client_->send_head(hints, http::Edits());
  http::ResponseHead head;
  head.status = 200;
  head.reason = "OK";
  head.framing = http::BodyFraming::kChunked;
  client_->send_head(head, http::Edits());
  client_->send_body({"part", false});
  client_->send_body({"s", true});
  client_->flush();
  EXPECT_EQ(far_.take(), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nparts");
  EXPECT_FALSE(client_->next());
}

TEST_F(Http1DownstreamTest, NeverEndsAMessageThatItCannotEnd) {
  far_.send(kGet);
  expect_request("/x");
  http::ResponseHead head;
  head.status = 200;
  head.framing = http::BodyFraming::kLength;
  head.content_length = 5;
  client_->send_head(head, http::Edits());
  client_->send_body({"more than that", false});
  EXPECT_TRUE(client_->gone());
  EXPECT_FALSE(client_->next());
}

}  // namespace
}  // namespace weir::proxy
