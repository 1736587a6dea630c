// The far ends are plain sockets.
#include "proxy/upstream/single_request.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/proxy/net/shortage.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

using State = SingleRequest::State;

class SingleRequestTest : public testing::Test, public Wakeable {
 protected:
  void wake() override { ++woken_; }

  void begin(std::uint16_t port) { request_.emplace(loop_.io, buffers_, Remote{"127.0.0.1", port}, *this); }
  void begin() { begin(far_.port()); }
  void send(std::shared_ptr<const std::string> body = nullptr) {
    http::RequestHead head;
    head.method = body != nullptr ? "POST" : "GET";
    head.target = head.path = "/hook?a=b";
    head.authority = head.host = "far:80";
    http::Edits edits;
    edits.add("user-agent", "test");
    request_->send(head, edits, std::move(body));
  }
  bool becomes(State state) {
    return loop_.run_until([&] { return request_->state() == state; });
  }
  // The whole request, as it came.
  std::string asked(std::size_t bytes_behind_head) {
    EXPECT_TRUE(loop_.run_until([&] { return far_.accept(peer_); }));
    EXPECT_TRUE(loop_.run_until([&] {
      const std::size_t end = peer_.received().find("\r\n\r\n");
      return end != std::string::npos && peer_.received().size() >= end + 4 + bytes_behind_head;
    }));
    return peer_.take();
  }

  Loop loop_;
  BufferPool buffers_;
  Listening far_;
  Peer peer_;
  int woken_ = 0;
  std::optional<SingleRequest> request_;
};

TEST_F(SingleRequestTest, AsksOnAConnectionOfItsOwnAndTakesTheHead) {
  begin();
  EXPECT_EQ(woken_, 0);
  ASSERT_TRUE(becomes(State::kConnected));
  EXPECT_EQ(woken_, 1);
  send();
  EXPECT_EQ(asked(0), "GET /hook?a=b HTTP/1.1\r\nhost: far:80\r\nuser-agent: test\r\nconnection: close\r\n\r\n");
  peer_.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\nand");
  ASSERT_TRUE(becomes(State::kAnswered));
  EXPECT_EQ(woken_, 2);
  EXPECT_EQ(request_->head().status, 429);
  request_.reset();
  EXPECT_TRUE(loop_.run_until([&] { return peer_.ended() || peer_.reset(); }));
}

TEST_F(SingleRequestTest, SendsABodyOfAnySize) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, std::size_t{3'000'000}}) {
    const auto body = std::make_shared<const std::string>(size, 'x');
    begin();
    ASSERT_TRUE(becomes(State::kConnected));
    send(body);
    const std::string text = asked(size);
    EXPECT_NE(text.find("\r\ncontent-length: " + std::to_string(size) + "\r\n"), std::string::npos);
    EXPECT_TRUE(text.ends_with("\r\n\r\n" + *body));
    peer_.send("HTTP/1.1 204 No Content\r\n\r\n");
    ASSERT_TRUE(becomes(State::kAnswered));
    EXPECT_EQ(request_->head().status, 204);
    request_.reset();
    peer_ = Peer();
  }
}

TEST_F(SingleRequestTest, SaysWhyThereIsNoAnswer) {
  const auto failure = [this](std::string_view answer) {
    begin();
    EXPECT_TRUE(becomes(State::kConnected));
    send();
    asked(0);
    peer_.send(answer);
    peer_.close();
    EXPECT_TRUE(becomes(State::kFailed));
    return request_->failure();
  };
  EXPECT_EQ(failure(""), "it closed the connection before its response had come");
  EXPECT_EQ(failure("HTTP/1.1 200"), "it closed the connection before its response had come");
  EXPECT_EQ(failure("SSH-2.0-OpenSSH\r\n\r\n"), "what it answers is no response");
  const Listening nobody(-1);
  begin(nobody.port());
  ASSERT_TRUE(becomes(State::kFailed));
  EXPECT_EQ(request_->failure(), "it cannot be connected to");
  EXPECT_EQ(request_->shortage(), "");
}

TEST_F(SingleRequestTest, TellsWhatThisMachineLacks) {
  const Lacking descriptors(EMFILE);
  begin();
  ASSERT_TRUE(becomes(State::kFailed));
  EXPECT_NE(request_->shortage(), "");
}

TEST_F(SingleRequestTest, MayBeDestroyedInTheMiddleOfAWrite) {
  begin();
  ASSERT_TRUE(becomes(State::kConnected));
  send(std::make_shared<const std::string>(10'000'000, 'x'));
  ASSERT_TRUE(loop_.run_until([&] { return far_.accept(peer_); }));
  request_.reset();
  EXPECT_TRUE(loop_.run_until([&] { return peer_.ended() || peer_.reset(); }));
}

TEST_F(SingleRequestTest, TakesAShortAnswerWholeWhereItIsWanted) {
  begin();
  ASSERT_TRUE(becomes(State::kConnected));
  request_->want_answer(11);
  send();
  asked(0);
  peer_.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n");
  peer_.send("5\r\nworld\r\n0\r\n\r\n");
  ASSERT_TRUE(becomes(State::kAnswered));
  EXPECT_EQ(request_->head().status, 200);
  EXPECT_EQ(request_->answer(), "hello world");
}

TEST_F(SingleRequestTest, DoesWithoutALongerOne) {
  begin();
  ASSERT_TRUE(becomes(State::kConnected));
  request_->want_answer(10);
  send();
  asked(0);
  peer_.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello world");
  ASSERT_TRUE(becomes(State::kAnswered));
  EXPECT_EQ(request_->answer(), "");
}

TEST_F(SingleRequestTest, OfARefusalTheHeadIsEnough) {
  begin();
  ASSERT_TRUE(becomes(State::kConnected));
  request_->want_answer(10);
  send();
  asked(0);
  peer_.send("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 1000\r\n\r\n");
  ASSERT_TRUE(becomes(State::kAnswered));
  EXPECT_EQ(request_->head().fields.value(http::FieldId::kRetryAfter), "7");
}

TEST_F(SingleRequestTest, HalfAnAnswerIsNone) {
  begin();
  ASSERT_TRUE(becomes(State::kConnected));
  request_->want_answer(100);
  send();
  asked(0);
  peer_.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
  peer_.close();
  ASSERT_TRUE(becomes(State::kFailed));
}

}  // namespace
}  // namespace weir::proxy
