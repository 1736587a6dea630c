// An origin's connection, byte by byte: what may be used again, and what a response that goes wrong is called.
#include "proxy/upstream/http1_upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "proxy/http/scanner.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

using testing::EndsWith;
using testing::StartsWith;

struct Observer final : Wakeable {
  void wake() override { ++woken; }
  int woken = 0;
};

// What came of a response's body.
struct Body {
  std::string data;
  std::size_t slices = 0;
  std::optional<Error> error;
};

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kPost = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Http1UpstreamTest : public testing::Test {
 protected:
  Http1UpstreamTest() { use(connect_pair(loop_.io)); }

  void use(Connected connected) {
    far_ = std::move(connected.far);
    upstream_ = std::make_unique<Http1Upstream>(std::move(connected.near), buffers_);
  }
  // Sends a request; a body of "hello" if it says so.
  void request(std::string_view text = kGet) {
    upstream_->begin(&observer_, limits_);
    http::RequestScanner scanner(http::request_limits(limits_));
    http::RequestHead head;
    ASSERT_TRUE(scanner.scan(text, head).done());
    upstream_->send_head(head, http::Edits());
    if (head.framing != http::BodyFraming::kNone) upstream_->send_body({"hello", true});
    upstream_->flush();
  }
  ResponseHeadEvent read_head() {
    ResponseHeadEvent event;
    EXPECT_TRUE(
        loop_.run_until([&] { return (event = upstream_->read_head()).state != ResponseHeadEvent::State::kPending; }));
    return event;
  }
  Body read_body() {
    Body body;
    bool ended = false;
    EXPECT_TRUE(loop_.run_until([&] {
      const http::BodyEvent event = upstream_->read_body();
      if (event.state == http::BodyEvent::State::kFailed) body.error = event.error;
      if (event.state == http::BodyEvent::State::kData) body.slices += event.data.empty() ? 0U : 1U;
      body.data += event.data;
      ended = event.end;
      return ended || body.error;
    }));
    return body;
  }
  // A whole exchange.
  Body exchange(std::string_view response, std::string_view text = kGet) {
    request(text);
    far_.send(response);
    EXPECT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
    return read_body();
  }
  Error head_error() {
    const ResponseHeadEvent event = read_head();
    EXPECT_EQ(event.state, ResponseHeadEvent::State::kFailed);
    return event.error;
  }
  static void expect_error(const Error& error, ErrorKind kind, Retry retry = Retry::kNever) {
    EXPECT_EQ(error.kind, kind) << error.context;
    EXPECT_EQ(error.side, Side::kUpstream);
    EXPECT_EQ(error.retry, retry);
    EXPECT_FALSE(error.context.empty());
  }

  Loop loop_;
  BufferPool buffers_;
  config::Limits limits_;
  Observer observer_;
  Peer far_;
  std::unique_ptr<Http1Upstream> upstream_;
};

TEST_F(Http1UpstreamTest, CarriesOneExchangeAfterAnother) {
  for (int i = 1; i <= 3; ++i) {
    request(i == 2 ? kPost : kGet);
    EXPECT_TRUE(upstream_->request_ended());
    EXPECT_EQ(upstream_->reused(), i > 1);
    EXPECT_TRUE(upstream_->untouched());
    const std::string sent = far_.take();
    EXPECT_THAT(sent,
                i == 2 ? StartsWith("POST /x HTTP/1.1\r\nhost: a\r\n") : StartsWith("GET /x HTTP/1.1\r\nhost: a\r\n"));
    EXPECT_THAT(sent, i == 2 ? EndsWith("content-length: 5\r\n\r\nhello") : EndsWith("\r\n\r\n"));
    EXPECT_EQ(upstream_->bytes_sent(), sent.size());
    far_.send(kOk);
    ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
    EXPECT_FALSE(upstream_->untouched());
    EXPECT_EQ(upstream_->head().status, 200);
    EXPECT_EQ(read_body().data, "ok");
    EXPECT_TRUE(upstream_->response_ended());
    EXPECT_EQ(upstream_->body_received(), 2U);
    EXPECT_TRUE(upstream_->park(&observer_));
  }
}

TEST_F(Http1UpstreamTest, MayBeUsedAgainAfterEveryResponseWhoseEndIsCertain) {
  EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n").data, "ok");
  EXPECT_EQ(upstream_->trailers().value(http::FieldId::kOther), "y");
  EXPECT_TRUE(upstream_->park(&observer_));
  EXPECT_EQ(exchange("HTTP/1.1 204 No Content\r\n\r\n").data, "");
  EXPECT_TRUE(upstream_->park(&observer_));
  EXPECT_EQ(exchange("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n").data, "");
  EXPECT_TRUE(upstream_->park(&observer_));
  EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").data, "");
  EXPECT_TRUE(upstream_->park(&observer_));
  EXPECT_EQ(exchange("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok").data, "ok");
  EXPECT_TRUE(upstream_->park(&observer_));
}

TEST_F(Http1UpstreamTest, IsNotUsedAgainAfterAResponseThatEndsItsConnection) {
  for (const std::string_view response : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                                          "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"}) {
    use(connect_pair(loop_.io));
    EXPECT_EQ(exchange(response).data, "ok");
    EXPECT_FALSE(upstream_->park(&observer_)) << response;
  }
}

TEST_F(Http1UpstreamTest, IsNotUsedAgainWhenBytesStandBehindAResponse) {
  for (const std::string_view response : {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!",
                                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n!",
                                          "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"}) {
    use(connect_pair(loop_.io));
    exchange(response);
    EXPECT_FALSE(upstream_->park(&observer_)) << response;
  }
}

// Nothing of it has been read by then, and the next request would be sent before it is.
TEST_F(Http1UpstreamTest, IsNotUsedAgainWhenSomethingWaitsBehindAResponseThatFillsItsBuffer) {
  constexpr std::size_t kBuffer = 8 * 1024;
  constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\nContent-Length: 8151\r\n\r\n";
  const std::string filled = std::string(kHead) + std::string(8151, 'x');
  ASSERT_EQ(filled.size(), kBuffer);
  exchange(filled + "HTTP/1.1 200 OK\r\n");
  EXPECT_FALSE(upstream_->park(&observer_));
  use(connect_pair(loop_.io));
  exchange(filled);
  EXPECT_TRUE(upstream_->park(&observer_));
}

TEST_F(Http1UpstreamTest, IsNotUsedAgainBeforeBothMessagesHaveEnded) {
  request(kPost);
  EXPECT_FALSE(upstream_->park(&observer_));  // no response

  use(connect_pair(loop_.io));
  request();
  far_.send(kOk);
  read_head();
  EXPECT_FALSE(upstream_->park(&observer_));  // its body has not been read

  use(connect_pair(loop_.io));
  upstream_->begin(&observer_, limits_);
  http::RequestScanner scanner(http::request_limits(limits_));
  http::RequestHead head;
  ASSERT_TRUE(scanner.scan(kPost, head).done());
  upstream_->send_head(head, http::Edits());
  upstream_->send_body({"he", false});
  upstream_->flush();
  far_.send(kOk);
  read_head();
  EXPECT_EQ(read_body().data, "ok");
  EXPECT_FALSE(upstream_->park(&observer_));  // an answer to half a request
}

TEST_F(Http1UpstreamTest, IsWatchedWhileNobodyUsesIt) {
  for (const bool says_something : {false, true}) {
    use(connect_pair(loop_.io));
    exchange(kOk);
    Observer owner;
    ASSERT_TRUE(upstream_->park(&owner));
    loop_.settle();
    EXPECT_EQ(owner.woken, 0);
    if (says_something) {
      far_.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
    } else {
      far_.close();
    }
    EXPECT_TRUE(loop_.run_until([&] { return owner.woken == 1; }));
  }
}

TEST_F(Http1UpstreamTest, RemembersHowLongTheOriginWaits) {
  exchange("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=7, max=100\r\n\r\nok");
  EXPECT_EQ(upstream_->keep_alive_timeout_s(), 7U);
  ASSERT_TRUE(upstream_->park(&observer_));
  exchange(kOk);
  EXPECT_EQ(upstream_->keep_alive_timeout_s(), std::nullopt);
}

TEST_F(Http1UpstreamTest, GivesInterimHeadsOneByOne) {
  request();
  far_.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  for (const int status : {102, 103}) {
    ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
    EXPECT_EQ(upstream_->head().status, status);
    EXPECT_TRUE(upstream_->head().interim());
    EXPECT_FALSE(upstream_->response_ended());
    upstream_->next_head();
  }
  EXPECT_EQ(upstream_->read_head().state, ResponseHeadEvent::State::kPending);
  far_.send(kOk);
  ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
  EXPECT_EQ(upstream_->head().status, 200);
  EXPECT_EQ(read_body().data, "ok");
  EXPECT_TRUE(upstream_->park(&observer_));
}

TEST_F(Http1UpstreamTest, ReadsAHeadThatComesByteByByte) {
  request();
  for (const char c : kOk.substr(0, kOk.size() - 2)) {
    ASSERT_EQ(upstream_->read_head().state, ResponseHeadEvent::State::kPending);
    far_.send({&c, 1});
    loop_.settle();
  }
  ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
  far_.send("ok");
  EXPECT_EQ(read_body().data, "ok");
}

TEST_F(Http1UpstreamTest, ReadsAHeadThatIsLargerThanItsBuffer) {
  std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
  for (int i = 0; i < 40; ++i) head += "X-" + std::to_string(i) + ": " + std::string(1'500, 'x') + "\r\n";
  EXPECT_EQ(exchange(head + "\r\nok").data, "ok");
  EXPECT_TRUE(upstream_->park(&observer_));
}

TEST_F(Http1UpstreamTest, StreamsABodyInSlicesOfItsBuffer) {
  std::string sent;
  while (sent.size() < 2'000'000) sent += std::to_string(sent.size()) + ",";
  const std::string message = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(sent.size()) + "\r\n\r\n" + sent;
  request();
  std::string_view rest = message;
  rest.remove_prefix(far_.send(rest));
  ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
  std::string got;
  std::size_t largest = 0;
  ASSERT_TRUE(loop_.run_until([&] {
    if (!rest.empty()) rest.remove_prefix(far_.send(rest));
    const http::BodyEvent event = upstream_->read_body();
    got += event.data;
    largest = std::max(largest, event.data.size());
    return event.end || event.state == http::BodyEvent::State::kFailed;
  }));
  EXPECT_TRUE(got == sent);
  EXPECT_LE(largest, limits_.buffer);
  EXPECT_EQ(upstream_->body_received(), sent.size());
  EXPECT_TRUE(upstream_->park(&observer_));
}

// What a slice promises, the next call has to keep: a sink may hold the slice back until then.
TEST_F(Http1UpstreamTest, PromisesMoreOfABodyOnlyWhenItIsThere) {
  const std::string data(3 * limits_.buffer, 'x');
  for (const bool chunked : {false, true}) {
    use(connect_tcp(loop_.io));
    request();
    const std::string size = std::to_string(data.size() + 1);
    far_.send(chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n" + data
                      : "HTTP/1.1 200 OK\r\nContent-Length: " + size + "\r\n\r\n" + data);
    ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
    std::size_t received = 0;
    int promises = 0;
    bool promised = false;
    ASSERT_TRUE(loop_.run_until([&] {
      const http::BodyEvent event = upstream_->read_body();
      promised = event.more;
      promises += event.more ? 1 : 0;
      received += event.data.size();
      return received == data.size();
    }));
    EXPECT_FALSE(promised);  // the last byte has not come
    EXPECT_EQ(promises > 0, !chunked);
  }
}

TEST_F(Http1UpstreamTest, TakesAnEndForNoMoreOfABody) {
  use(connect_tcp(loop_.io));
  request();
  far_.take();  // or its close is a reset
  far_.send("HTTP/1.1 200 OK\r\n\r\nall of it");
  far_.close();
  ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
  const http::BodyEvent event = upstream_->read_body();
  EXPECT_EQ(event.data, "all of it");
  EXPECT_FALSE(event.more);
  EXPECT_FALSE(read_body().error);
}

TEST_F(Http1UpstreamTest, EndsWithTheConnectionWhatIsFramedSo) {
  use(connect_tcp(loop_.io));
  request();
  far_.send("HTTP/1.1 200 OK\r\n\r\nall there is");
  read_head();
  far_.shutdown_send();
  const Body body = read_body();
  EXPECT_EQ(body.data, "all there is");
  EXPECT_FALSE(body.error);
  EXPECT_FALSE(upstream_->park(&observer_));
}

TEST_F(Http1UpstreamTest, TakesNoResetForTheEndOfABody) {
  use(connect_tcp(loop_.io));
  request();
  far_.take();
  far_.send("HTTP/1.1 200 OK\r\n\r\npart");
  read_head();
  EXPECT_EQ(upstream_->read_body().data, "part");
  far_.close_with_reset();
  const Body body = read_body();
  ASSERT_TRUE(body.error);
  expect_error(*body.error, ErrorKind::kReset);
}

TEST_F(Http1UpstreamTest, CallsAResponseTruncatedThatEndsBeforeItsEnd) {
  for (const std::string_view response : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}) {
    use(connect_pair(loop_.io));
    request();
    far_.send(response);
    ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
    far_.shutdown_send();
    const Body body = read_body();
    ASSERT_TRUE(body.error) << response;
    expect_error(*body.error, ErrorKind::kTruncated);
  }
  use(connect_pair(loop_.io));
  request();
  far_.send("HTTP/1.1 200 OK\r\nContent-");
  far_.shutdown_send();
  expect_error(head_error(), ErrorKind::kTruncated);
}

// Only a connection that has carried a response before may have died of age.
TEST_F(Http1UpstreamTest, AllowsARetryOnlyWhenAReusedConnectionEndsUntouched) {
  request();
  far_.shutdown_send();
  expect_error(head_error(), ErrorKind::kReset);

  use(connect_pair(loop_.io));
  exchange(kOk);
  ASSERT_TRUE(upstream_->park(&observer_));
  request();
  far_.shutdown_send();
  expect_error(head_error(), ErrorKind::kReset, Retry::kIfReusedConnection);

  use(connect_pair(loop_.io));
  exchange(kOk);
  ASSERT_TRUE(upstream_->park(&observer_));
  request();
  far_.send("HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
  upstream_->next_head();
  far_.shutdown_send();
  expect_error(head_error(), ErrorKind::kTruncated);
}

TEST_F(Http1UpstreamTest, CallsWhatIsNoResponseAProtocolError) {
  for (const std::string_view response :
       {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"}) {
    use(connect_pair(loop_.io));
    request();
    far_.send(response);
    expect_error(head_error(), ErrorKind::kProtocol);
    EXPECT_FALSE(upstream_->park(&observer_));
  }
  use(connect_pair(loop_.io));
  const Body body = exchange("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok!\r\n0\r\n\r\n");
  ASSERT_TRUE(body.error);
  expect_error(*body.error, ErrorKind::kProtocol);
  EXPECT_FALSE(upstream_->park(&observer_));
}

TEST_F(Http1UpstreamTest, HoldsTheLimitsOfAHead) {
  const std::string head = "HTTP/1.1 200 OK\r\nX: " + std::string(limits_.response_fields, 'x');
  use(connect_pair(loop_.io));
  request();
  std::string_view rest = head;
  ResponseHeadEvent event;
  ASSERT_TRUE(loop_.run_until([&] {
    if (!rest.empty()) rest.remove_prefix(far_.send(rest));
    return (event = upstream_->read_head()).state != ResponseHeadEvent::State::kPending;
  }));
  expect_error(event.error, ErrorKind::kTooLarge);
}

TEST_F(Http1UpstreamTest, NeverSendsLessThanARequestDeclared) {
  upstream_->begin(&observer_, limits_);
  http::RequestScanner scanner(http::request_limits(limits_));
  http::RequestHead head;
  ASSERT_TRUE(scanner.scan(kPost, head).done());
  upstream_->send_head(head, http::Edits());
  upstream_->send_body({"hell", true});
  upstream_->flush();
  far_.send(kOk);
  read_head();
  read_body();
  EXPECT_FALSE(upstream_->park(&observer_));
}

// A pooled connection is used by routes that allow more and less.
TEST_F(Http1UpstreamTest, HoldsEachResponseToTheLimitsOfItsRequest) {
  const std::string response = "HTTP/1.1 200 OK\r\nX: " + std::string(2'000, 'x') + "\r\nContent-Length: 0\r\n\r\n";
  request();
  far_.send(response);
  ASSERT_EQ(read_head().state, ResponseHeadEvent::State::kHead);
  read_body();
  ASSERT_TRUE(upstream_->park(&observer_));
  limits_.response_fields = 1'000;
  request();
  far_.send(response);
  const ResponseHeadEvent event = read_head();
  ASSERT_EQ(event.state, ResponseHeadEvent::State::kFailed);
  EXPECT_EQ(event.error.kind, ErrorKind::kTooLarge);
}

}  // namespace
}  // namespace weir::proxy
