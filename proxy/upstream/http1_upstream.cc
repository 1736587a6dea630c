#include "proxy/upstream/http1_upstream.h"

#include <algorithm>
#include <utility>

namespace weir::proxy {
namespace {

constexpr std::size_t kHeadBuffer = 8 * 1024;

}  // namespace

Http1Upstream::Http1Upstream(ByteStream stream, BufferPool& buffers) : stream_(std::move(stream)), buffers_(buffers) {}

void Http1Upstream::begin(Wakeable* observer, const config::Limits& limits) {
  codec_.reset();
  codec_.set_limits(limits);
  stream_buffer_ = limits.buffer;
  head_limit_ = limits.request_line + limits.response_fields + kHeadBuffer;
  stream_.set_observer(observer);
  ++exchanges_;
  written_before_ = stream_.bytes_written();
  reader_.reset();
  head_done_ = false;
  untouched_ = true;
}

bool Http1Upstream::park(Wakeable* observer) {
  // One that has carried nothing ages as any other does: its end before a response is mere age.
  const bool unused = exchanges_ == 0;
  exchanges_ = std::max<std::uint64_t>(exchanges_, 1);
  const bool clean =
      (unused || (head_done_ && codec_.reusable())) && !stream_.writing() && !stream_.write_failed() && writer_.empty();
  reader_.unpin(in_);
  // Bytes behind the response belong to no request: the two of us disagree about where it ended.
  if (!clean || broken_ || fault_ || end_of_input_ || reader_.decoded_ahead() || !in_.empty()) return false;
  stream_.set_observer(observer);
  // A long response's buffer is not kept: the next one may be of a route that allows less.
  if (!stream_.reading() && in_.capacity() > kHeadBuffer) in_.release();
  arm_read();
  // A read that has something already, behind a response that filled its buffer to the brim. Whoever comes before it is
  // taken would get it as the answer to a request of his.
  return stream_.can_redirect_read();
}

void Http1Upstream::send_head(const http::RequestHead& request, const http::Edits& edits) {
  codec_.write_head(request, edits, writer_.collected());
}

void Http1Upstream::send_body(const http::BodySlice& slice) {
  fault_ = fault_ || writer_.send_body(codec_, stream_, slice) != http::Fault::kNone;
}

void Http1Upstream::send_trailers(const http::FieldList& trailers) {
  fault_ = fault_ || codec_.finish(trailers, writer_.collected()) != http::Fault::kNone;
}

void Http1Upstream::take_read() {
  if (!stream_.is_open()) return;
  const ReadResult read = stream_.take_read();
  switch (read.state) {
    case ReadState::kData:
      in_.filled(read.bytes);
      untouched_ = false;
      break;
    case ReadState::kCutOff:
      cut_off_ = true;
      [[fallthrough]];
    case ReadState::kEnd:
      end_of_input_ = true;
      break;
    case ReadState::kFailed:
      broken_ = true;
      break;
    case ReadState::kPending:
      // A write has found it broken. But a read that has brought something is about to tell.
      if (stream_.write_failed() && stream_.can_redirect_read() && !stream_.unread()) broken_ = true;
      break;
    case ReadState::kIdle:
    case ReadState::kReadable:
    case ReadState::kCancelled:
      break;
  }
}

void Http1Upstream::make_space() {
  if (!in_) in_ = buffers_.take(kHeadBuffer);
  // The body of a long response gets the larger buffer once the small one is empty.
  const bool long_body = head_done_ && in_.empty() && !codec_.body_ended();
  if (long_body && in_.capacity() < stream_buffer_ && !buffers_.crowded()) in_.grow(stream_buffer_);
  if (in_.space().empty()) in_.compact();
  if (in_.space().empty()) in_.grow(in_.capacity() * 2);
}

void Http1Upstream::arm_read() {
  if (stream_.reading()) return;
  make_space();
  stream_.start_read(in_.space());
}

// True: something has come.
bool Http1Upstream::read_rest() {
  if (stream_.reading() || broken_ || end_of_input_) return false;
  make_space();
  if (!stream_.read_rest(in_.space())) return false;
  take_read();
  return true;
}

Error Http1Upstream::broken(std::string_view context) const {
  const ErrorKind kind = end_of_input_ && !untouched_ ? ErrorKind::kTruncated : ErrorKind::kReset;
  const Retry retry = untouched_ && reused() ? Retry::kIfReusedConnection : Retry::kNever;
  return {kind, Side::kUpstream, retry, context};
}

ResponseHeadEvent Http1Upstream::read_head() {
  take_read();
  if (!in_.empty()) {
    const http::Scan scan = codec_.read_head({in_.data(), in_.size()});
    if (scan.failed()) {
      fault_ = true;
      return {ResponseHeadEvent::State::kFailed, http::to_error(scan.fault, Side::kUpstream)};
    }
    if (scan.done()) {
      reader_.pin(scan.bytes);
      head_done_ = !codec_.head().interim();
      if (head_done_) keep_alive_timeout_s_ = codec_.head().keep_alive_timeout_s;
      return {ResponseHeadEvent::State::kHead, {}};
    }
    if (in_.size() > head_limit_) {
      return {ResponseHeadEvent::State::kFailed, http::to_error(http::Fault::kFieldsTooLarge, Side::kUpstream)};
    }
  }
  if (broken_ || end_of_input_) {
    // With TLS 1.3 an origin sees our certificate when our part of the handshake is over (RFC 8446 4.4.2.4): what it
    // has against it comes in the place of a response, and it was never connected to for all that it knows.
    const bool refused = untouched_ && !reused() && !tls_failure().empty();
    if (refused && stream_.tls()->certificate_refused()) {
      return {ResponseHeadEvent::State::kFailed,
              {ErrorKind::kConnect, Side::kUpstream, Retry::kIfUnsent, "tls_handshake"}};
    }
    const std::string_view closed = refused ? "tls_handshake" : "upstream_closed";
    return {ResponseHeadEvent::State::kFailed, broken(untouched_ ? closed : "upstream_truncated_head")};
  }
  arm_read();
  return {};
}

void Http1Upstream::next_head() {
  reader_.unpin(in_);
  codec_.next_head();
}

http::BodyEvent Http1Upstream::read_body() {
  take_read();
  http::BodyEvent event = reader_.next(codec_, in_, Side::kUpstream);
  while (event.state == http::BodyEvent::State::kPending && read_rest())
    event = reader_.next(codec_, in_, Side::kUpstream);
  if (event.state != http::BodyEvent::State::kPending) {
    fault_ = fault_ || event.state == http::BodyEvent::State::kFailed;
    event.more = codec_.body_is_plain() && stream_.rest_waits();
    return event;
  }
  if (broken_) return http::failed_body(broken("upstream_reset"));
  if (end_of_input_) {
    // A response may end with its connection, if its framing says so; and, through TLS, if the origin says that it ends
    // (RFC 9112 9.8).
    if (cut_off_ || codec_.body_eof() != http::Fault::kNone) return http::failed_body(broken("upstream_truncated"));
    return http::body_slice({}, true);
  }
  arm_read();
  return event;
}

}  // namespace weir::proxy
