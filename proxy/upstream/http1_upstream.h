// Confined to one worker. An HTTP/1.1 connection to an origin: one exchange at a time, kept for the next one.
#pragma once

#include <memory>

#include "config/limits.h"
#include "proxy/http/codec.h"
#include "proxy/http/message_io.h"
#include "proxy/net/buffer_pool.h"
#include "proxy/net/byte_stream.h"
#include "proxy/upstream/upstream_stream.h"

namespace weir::proxy {

class Http1Upstream final : public UpstreamStream {
 public:
  Http1Upstream(ByteStream stream, BufferPool& buffers);

  // Before each exchange; `observer` is woken when anything changes. `limits` are those of the request's route.
  void begin(Wakeable* observer, const config::Limits& limits);
  // After an exchange, or before the first: whether the connection can carry another one. It is then watched on behalf
  // of `observer`, which is woken when the origin closes it.
  bool park(Wakeable* observer);
  // Of the last response; unset when it did not say.
  std::optional<std::uint32_t> keep_alive_timeout_s() const { return keep_alive_timeout_s_; }

  // Why TLS came to an end that is none of its own; empty when it did not.
  std::string_view tls_failure() const {
    return stream_.tls() == nullptr ? std::string_view() : stream_.tls()->failure();
  }

  void observe(Wakeable* observer) override { stream_.set_observer(observer); }
  void send_head(const http::RequestHead& request, const http::Edits& edits) override;
  bool request_ended() const override { return codec_.request_ended(); }
  std::uint64_t bytes_sent() const override { return stream_.bytes_written() - written_before_; }
  ResponseHeadEvent read_head() override;
  http::ResponseHead& head() override { return codec_.head(); }
  void next_head() override;
  bool response_ended() const override { return head_done_ && codec_.body_ended(); }
  std::uint64_t body_received() const override { return codec_.body_received(); }
  bool reused() const override { return exchanges_ > 1; }
  bool untouched() const override { return untouched_; }

  http::BodyEvent read_body() override;
  const http::FieldList& trailers() const override { return codec_.trailers(); }
  void send_body(const http::BodySlice& slice) override;
  void send_trailers(const http::FieldList& trailers) override;
  void flush() override { writer_.flush(stream_); }
  bool sending() const override { return stream_.writing(); }
  bool send_failed() const override { return stream_.write_failed(); }

 private:
  void take_read();
  void make_space();
  void arm_read();
  bool read_rest();
  Error broken(std::string_view context) const;

  ByteStream stream_;
  BufferPool& buffers_;
  http::ClientCodec codec_{config::Limits()};
  std::size_t stream_buffer_ = 0;  // bytes, for bodies
  std::size_t head_limit_ = 0;     // bytes that a response head may take
  ReadBuffer in_;
  http::BodyReader reader_;
  http::MessageWriter writer_;
  bool head_done_ = false;
  bool untouched_ = true;
  bool end_of_input_ = false;
  bool cut_off_ = false;  // the end came from the network alone
  bool broken_ = false;
  bool fault_ = false;
  std::uint64_t exchanges_ = 0;
  std::uint64_t written_before_ = 0;
  std::optional<std::uint32_t> keep_alive_timeout_s_;
};

}  // namespace weir::proxy
