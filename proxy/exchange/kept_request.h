// Confined to one worker. A request that is kept whole, as a stream of its own: it can be sent when its client has long
// gone, and what comes back is dropped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/downstream/downstream_stream.h"
#include "proxy/http/codec.h"
#include "proxy/http/head_buffer.h"
#include "proxy/net/buffer_pool.h"
#include "proxy/net/waker.h"

namespace weir::proxy {

class KeptRequest final : public DownstreamStream {
 public:
  explicit KeptRequest(BufferPool& buffers);

  // As an origin would get it with these edits. False: the plan's edits have made something of it that is no request.
  bool keep_head(const http::RequestHead& head, const http::Edits& edits);
  // False: it would be longer than `limit` bytes, and is not kept.
  bool keep_body(std::string_view data, std::size_t limit);
  // What stands behind its body.
  void keep_trailers(const http::FieldList& trailers);
  std::string_view body() const { return {body_.data(), body_.size()}; }
  // It can be read from its beginning again.
  void rewind() { given_ = false; }
  // Nobody waits for the answer any more.
  void leave();
  // Gives the memory back. The head goes too.
  void release();

  Waker& waker() override { return waker_; }
  const SocketAddress& peer() const override { return peer_; }
  std::string_view peer_text() const override { return {}; }
  std::string_view scheme() const override { return "http"; }
  std::string_view client_certificate() const override { return {}; }
  http::RequestHead& request() override { return codec_.head(); }
  void keep_head() override {}
  void release_head() override {}
  bool head_released() const override { return false; }
  http::Fault start_body(const config::Limits& /*limits*/) override { return http::Fault::kNone; }
  void discard_body() override {}
  bool request_ended() const override;
  std::uint64_t request_body_received() const override { return body_.size(); }
  void watch() override {}
  bool gone() const override { return gone_; }
  bool half_closed() const override { return false; }
  void send_continue() override {}
  void send_head(const http::ResponseHead& /*response*/, const http::Edits& /*edits*/) override {}
  void send_reply(const http::LocalReply& /*reply*/, const http::Edits& /*edits*/) override {}
  void send_options_reply(const http::Edits& /*edits*/) override {}
  void hold() override {}
  bool holding() const override { return false; }
  void let_go() override {}
  void take_back() override {}
  bool response_ended() const override { return false; }
  std::uint64_t bytes_sent() const override { return 0; }
  void cut() override {}
  void close_after() override {}

  http::BodyEvent read_body() override;
  const http::FieldList& trailers() const override { return trailers_; }
  void send_body(const http::BodySlice& /*slice*/) override {}
  void send_trailers(const http::FieldList& /*trailers*/) override {}
  void flush() override {}
  bool sending() const override { return false; }
  bool send_failed() const override { return false; }

 private:
  BufferPool& buffers_;
  Waker waker_;
  SocketAddress peer_;
  http::HeadBuffer head_;  // what codec_'s head views
  http::ServerCodec codec_;
  ReadBuffer body_;
  std::string trailer_text_;  // what trailers_ views
  http::FieldList trailers_;
  bool given_ = false;  // all of the body
  bool gone_ = false;
};

}  // namespace weir::proxy
