// Confined to one worker. A client's HTTP/1 connection: its requests one after another, pipelined ones kept in order.
#pragma once

#include <cassert>
#include <optional>
#include <string>

#include "base/clock.h"
#include "config/limits.h"
#include "proxy/downstream/downstream_stream.h"
#include "proxy/http/codec.h"
#include "proxy/http/message_io.h"
#include "proxy/net/buffer_pool.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/proxy_header.h"

namespace weir::proxy {

struct RequestEvent {
  enum class State : std::uint8_t {
    kPending,     // a read is under way
    kRequest,     // request() is whole
    kRefused,     // `fault`: answer it and close
    kOverloaded,  // there is no memory for the rest of its head: say so and close
    kClosed,      // the client is gone, or has said all it had to
  };
  State state = State::kPending;
  http::Fault fault = http::Fault::kNone;
};

class Http1Downstream final : public DownstreamStream {
 public:
  Http1Downstream(ByteStream stream, const SocketAddress& peer, BufferPool& buffers, const config::Limits& limits);

  // Before all else, where a proxy says first for whom it has connected: peer() is who that is, if anybody. The bytes
  // behind its header stay in the kernel, be they a request's or those of TLS. kMore: something is waited for.
  ProxyHeader::State read_proxy_header();
  // Between exchanges. kPending too while the client has not taken the last response.
  RequestEvent read_request();
  // For the heads and bodies to come, unless one has begun.
  void set_limits(const config::Limits& limits);
  // Some of a request's head has come.
  bool request_begun() const { return !in_.empty() && !codec_.idle(); }
  // The kernel holds what may be a request, and we have not looked yet: no time to close.
  bool request_waits() const { return sent() && stream_.unread(); }
  // After an exchange: the rest of a body is to be dropped before the next request.
  bool discards() const { return discarding_ && !closing_ && codec_.keep_alive() && !codec_.body_ended(); }
  // Drops what has come of it. True: more is waited for.
  bool discard();
  // After an exchange: whether another request may follow. If so it is ready for read_request().
  bool next();
  // Gives the buffers back, as soon as nothing is being read into them, until the client says something.
  void park();
  bool parked() const { return parked_; }
  enum class Linger : std::uint8_t {
    kDone,
    kQuiet,  // something is waited for
    kHeard,  // the same, and something has come meanwhile
  };
  // Reads and drops until the client has closed, so that a response just sent is not lost to a reset, however much of a
  // refused body is still to come; the caller bounds the time.
  Linger linger();
  // What is valid of a head that is refused, or has not come to its end in time.
  const http::RequestHead& refused_request() { return codec_.refused_head({in_.data(), in_.size()}); }
  void close() { stream_.close(); }
  // The kernel has all that was to be sent.
  bool sent() const { return writer_.empty() && !stream_.writing(); }

  Waker& waker() override { return waker_; }
  const SocketAddress& peer() const override { return peer_; }
  std::string_view peer_text() const override;
  std::string_view scheme() const override { return stream_.tls() == nullptr ? "http" : "https"; }
  std::string_view client_certificate() const override;
  // It ended before its hands were shaken.
  bool handshake_failed() const { return stream_.tls() != nullptr && !stream_.tls()->established(); }

  // Of those: by plain HTTP, and it was told so.
  bool spoke_http() const { return stream_.tls() != nullptr && stream_.tls()->spoke_http(); }

  http::RequestHead& request() override {
    assert(!head_released_);
    return codec_.head();
  }
  void keep_head() override { keep_head_ = true; }
  void release_head() override;
  bool head_released() const override { return head_released_; }
  http::Fault start_body(const config::Limits& limits) override;
  void discard_body() override;
  bool request_ended() const override { return codec_.body_ended(); }
  std::uint64_t request_body_received() const override { return codec_.body_received(); }
  void watch() override;
  bool gone() const override {
    return broken_ || stream_.broke() || stream_.write_failed() ||
           (end_of_input_ && !codec_.body_ended() && !reader_.holds_more(in_));
  }
  bool half_closed() const override { return end_of_input_ || stream_.ended(); }

  void send_continue() override;
  void send_head(const http::ResponseHead& response, const http::Edits& edits) override;
  void hold() override { writer_.hold(); }
  bool holding() const override { return writer_.holding(); }
  void let_go() override { writer_.let_go(); }
  void take_back() override { writer_.take_back(); }
  void send_reply(const http::LocalReply& reply, const http::Edits& edits) override;
  void send_options_reply(const http::Edits& edits) override;
  bool response_ended() const override { return codec_.response_ended(); }
  std::uint64_t bytes_sent() const override { return stream_.bytes_written(); }
  void cut() override { stream_.abort(); }
  void close_after() override { closing_ = true; }

  http::BodyEvent read_body() override;
  const http::FieldList& trailers() const override { return codec_.trailers(); }
  void send_body(const http::BodySlice& slice) override;
  void send_trailers(const http::FieldList& trailers) override;
  void flush() override { writer_.flush(stream_); }
  bool sending() const override { return stream_.writing(); }
  bool send_failed() const override { return stream_.write_failed(); }

 private:
  void take_read();
  void make_space(std::size_t capacity);
  void arm_read(std::size_t capacity);
  bool read_rest(std::size_t capacity);
  ReadBuffer leave_behind();
  bool set_head_aside();

  ByteStream stream_;
  Waker waker_;
  BufferPool& buffers_;
  SocketAddress peer_;
  mutable std::string peer_text_;                          // made when first asked for
  mutable std::optional<std::string> client_certificate_;  // likewise
  http::ServerCodec codec_;
  std::size_t stream_buffer_ = 0;
  std::size_t head_limit_ = 0;
  ReadBuffer in_;
  ReadBuffer head_;  // set aside while the body is read
  ReadBuffer full_;  // left behind by a request that filled it
  http::BodyReader reader_;
  http::MessageWriter writer_;
  bool keep_head_ = false;
  bool head_released_ = false;
  bool discarding_ = false;
  bool closing_ = false;
  bool parking_ = false;  // a read is being cancelled, to park
  bool parked_ = false;
  bool end_of_input_ = false;
  bool broken_ = false;
  bool shut_down_ = false;
};

}  // namespace weir::proxy
