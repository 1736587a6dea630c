// How long an origin's idle connections are kept.
#include "proxy/upstream/endpoint.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "proxy/http/scanner.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class EndpointTest : public testing::Test {
 protected:
  // A connection that has carried one exchange.
  std::unique_ptr<Http1Upstream> used_connection(std::string_view response) {
    Connected connected = connect_pair(loop_.io);
    far_.push_back(std::move(connected.far));
    auto stream = std::make_unique<Http1Upstream>(std::move(connected.near), buffers_);
    endpoint_.add_connection(1);
    stream->begin(nullptr, limits_);
    http::RequestScanner scanner(http::request_limits(limits_));
    http::RequestHead head;
    EXPECT_TRUE(scanner.scan("GET / HTTP/1.1\r\nHost: a\r\n\r\n", head).done());
    stream->send_head(head, http::Edits());
    stream->flush();
    far_.back().send(response);
    EXPECT_TRUE(loop_.run_until([&] { return stream->read_head().state == ResponseHeadEvent::State::kHead; }));
    EXPECT_TRUE(loop_.run_until([&] { return stream->read_body().end; }));
    return stream;
  }

  static constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  Loop loop_;
  BufferPool buffers_;
  Counters counters_;
  config::Limits limits_;
  std::vector<Peer> far_;
  EndpointGroup group_;
  EndpointCounters own_;
  Endpoint endpoint_{{Remote{"127.0.0.1", 80}, group_.endpoint("a")}, loop_.deadlines, counters_, own_};
};

TEST_F(EndpointTest, GivesTheConnectionUsedLast) {
  std::unique_ptr<Http1Upstream> first = used_connection(kOk);
  std::unique_ptr<Http1Upstream> second = used_connection(kOk);
  const Http1Upstream* const last = first.get();
  ASSERT_TRUE(endpoint_.keep_idle(std::move(second), seconds(4)));
  ASSERT_TRUE(endpoint_.keep_idle(std::move(first), seconds(4)));
  EXPECT_EQ(counters_.get(Count::kUpstreamIdle), 2);
  EXPECT_EQ(endpoint_.take_idle().get(), last);
  EXPECT_EQ(counters_.get(Count::kUpstreamIdle), 1);
}

TEST_F(EndpointTest, ClosesWhatHasBeenIdleForLongEnough) {
  ASSERT_TRUE(endpoint_.keep_idle(used_connection(kOk), seconds(4)));
  loop_.advance_clock(seconds(4) - milliseconds(500));
  EXPECT_TRUE(endpoint_.has_idle());
  loop_.advance_clock(seconds(1));
  EXPECT_FALSE(endpoint_.has_idle());
  EXPECT_EQ(endpoint_.connections(), 0U);
  EXPECT_EQ(counters_.get(Count::kUpstreamIdle), 0);
  EXPECT_TRUE(loop_.run_until([&] { return far_.back().ended(); }));
}

TEST_F(EndpointTest, NeverClosesWhatMayBeIdleForEver) {
  ASSERT_TRUE(endpoint_.keep_idle(used_connection(kOk), config::kNever));
  loop_.advance_clock(std::chrono::hours(1'000));
  EXPECT_TRUE(endpoint_.has_idle());
}

// The origin closes after three seconds: nothing is sent in the last of them.
TEST_F(EndpointTest, ObeysWhatTheOriginSaysOfItsPatience) {
  const auto answer = [](int timeout_s) {
    return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=" + std::to_string(timeout_s) + "\r\n\r\nok";
  };
  ASSERT_TRUE(endpoint_.keep_idle(used_connection(answer(3)), seconds(60)));
  loop_.advance_clock(milliseconds(1'500));
  EXPECT_TRUE(endpoint_.has_idle());
  loop_.advance_clock(milliseconds(1'000));
  EXPECT_FALSE(endpoint_.has_idle());
  EXPECT_FALSE(endpoint_.keep_idle(used_connection(answer(1)), seconds(60)));
  EXPECT_FALSE(endpoint_.keep_idle(used_connection(answer(0)), seconds(60)));
  ASSERT_TRUE(endpoint_.keep_idle(used_connection(answer(1'000)), seconds(4)));
  loop_.advance_clock(seconds(5));
  EXPECT_FALSE(endpoint_.has_idle());
  EXPECT_EQ(endpoint_.connections(), 0U);
}

TEST_F(EndpointTest, ForgetsAnIdleConnectionThatTheOriginClosed) {
  ASSERT_TRUE(endpoint_.keep_idle(used_connection(kOk), seconds(4)));
  far_.back().close();
  EXPECT_TRUE(loop_.run_until([&] { return !endpoint_.has_idle(); }));
  EXPECT_EQ(endpoint_.connections(), 0U);
  EXPECT_EQ(endpoint_.take_idle(), nullptr);
}

TEST_F(EndpointTest, KeepsNothingThatCannotCarryAnotherRequest) {
  EXPECT_FALSE(endpoint_.keep_idle(
      used_connection("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), seconds(4)));
  EXPECT_FALSE(endpoint_.keep_idle(used_connection(kOk), seconds(0)));
  EXPECT_EQ(endpoint_.connections(), 0U);
}

TEST_F(EndpointTest, ClosesAllIdleConnectionsWhenTold) {
  ASSERT_TRUE(endpoint_.keep_idle(used_connection(kOk), seconds(4)));
  ASSERT_TRUE(endpoint_.keep_idle(used_connection(kOk), seconds(4)));
  endpoint_.close_idle();
  EXPECT_FALSE(endpoint_.has_idle());
  EXPECT_EQ(endpoint_.connections(), 0U);
}

}  // namespace
}  // namespace weir::proxy
