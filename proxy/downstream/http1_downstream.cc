#include "proxy/downstream/http1_downstream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::proxy {
namespace {

constexpr std::size_t kHeadBuffer = 4 * 1024;

}  // namespace

Http1Downstream::Http1Downstream(ByteStream stream, const SocketAddress& peer, BufferPool& buffers,
                                 const config::Limits& limits)
    : stream_(std::move(stream)), buffers_(buffers), peer_(peer), codec_(limits) {
  set_limits(limits);
  stream_.set_observer(&waker_);
}

void Http1Downstream::set_limits(const config::Limits& limits) {
  if (request_begun()) return;
  codec_.set_limits(limits);
  stream_buffer_ = limits.buffer;
  head_limit_ = limits.request_line + limits.fields + kHeadBuffer;
}

std::string_view Http1Downstream::peer_text() const {
  if (peer_text_.empty()) peer_text_ = ip_text(peer_);
  return peer_text_;
}

std::string_view Http1Downstream::client_certificate() const {
  if (stream_.tls() == nullptr) return {};
  if (!client_certificate_) client_certificate_ = stream_.tls()->client_certificate();
  return *client_certificate_;
}

void Http1Downstream::take_read() {
  if (!stream_.is_open()) {
    broken_ = true;
    return;
  }
  const ReadResult read = stream_.take_read();
  if (read.state == ReadState::kData) in_.filled(read.bytes);
  // Requests say themselves where they end: what a client leaves unsaid about its last one takes nothing away.
  if (read.state == ReadState::kEnd || read.state == ReadState::kCutOff) end_of_input_ = true;
  if (read.state == ReadState::kFailed) broken_ = true;
  if (read.state == ReadState::kPending || read.state == ReadState::kIdle) return;
  const bool parks = std::exchange(parking_, false) && read.state == ReadState::kCancelled;
  parked_ = parks;
  if (!parks) return;
  in_.release();
  writer_.release();
  codec_.release();
  stream_.start_wait();
}

void Http1Downstream::make_space(std::size_t capacity) {
  // An earlier request's route may have allowed for more than this one's does.
  if (in_.empty() && in_.capacity() >= 2 * std::max({capacity, stream_buffer_, kHeadBuffer})) in_.release();
  if (!in_) in_ = buffers_.take(buffers_.crowded() ? kHeadBuffer : capacity);
  if (in_.empty() && in_.capacity() < capacity && !buffers_.crowded()) in_.grow(capacity);
  if (in_.space().empty()) in_.compact();
  if (in_.space().empty()) in_.grow(in_.capacity() * 2);
}

void Http1Downstream::arm_read(std::size_t capacity) {
  if (broken_ || end_of_input_) return;
  if (stream_.reading()) {
    // Armed behind a request that is done with by now: its place is free again.
    if (!in_.empty() || !stream_.can_redirect_read()) return;
    make_space(capacity);
    stream_.redirect_read(in_.space());
    return;
  }
  make_space(capacity);
  stream_.start_read(in_.space());
}

// True: something has come.
bool Http1Downstream::read_rest(std::size_t capacity) {
  if (stream_.reading() || broken_ || end_of_input_) return false;
  make_space(capacity);
  if (!stream_.read_rest(in_.space())) return false;
  take_read();
  return true;
}

ProxyHeader::State Http1Downstream::read_proxy_header() {
  take_read();
  if (broken_ || end_of_input_) return ProxyHeader::State::kMalformed;
  if (stream_.reading()) return ProxyHeader::State::kMore;
  if (!in_) in_ = buffers_.take(kHeadBuffer);
  for (;;) {
    if (in_.space().empty()) in_.grow(in_.capacity() * 2);  // no header is so long that this comes twice
    const ReadResult ahead = stream_.peek(in_.space());
    if (ahead.state == ReadState::kPending) {
      stream_.start_wait();
      return ProxyHeader::State::kMore;
    }
    if (ahead.state != ReadState::kData) return ProxyHeader::State::kMalformed;
    const ProxyHeader header = parse_proxy_header({in_.data(), in_.size() + ahead.bytes});
    if (header.state == ProxyHeader::State::kMore) {
      stream_.skip(ahead.bytes);
      in_.filled(ahead.bytes);
      continue;
    }
    if (header.state == ProxyHeader::State::kWhole) {
      stream_.skip(header.size - in_.size());
      in_.consume(in_.size());
      if (header.source) peer_ = *header.source;
      peer_text_.clear();
    }
    return header.state;
  }
}

RequestEvent Http1Downstream::read_request() {
  take_read();
  // A reply may wait behind bytes that the client is slow to take, and nobody else sends it on. The next request waits
  // with it: a client that does not read is answered no further.
  flush();
  if (stream_.writing()) return {};
  if (!in_.empty()) {
    const http::Scan scan = codec_.read_head({in_.data(), in_.size()});
    if (scan.failed()) return {RequestEvent::State::kRefused, scan.fault};
    if (scan.done()) {
      reader_.pin(scan.bytes);
      return {RequestEvent::State::kRequest, http::Fault::kNone};
    }
    if (in_.size() > head_limit_) return {RequestEvent::State::kRefused, http::Fault::kFieldsTooLarge};
    if (in_.size() == in_.capacity() && buffers_.full()) return {RequestEvent::State::kOverloaded, http::Fault::kNone};
  }
  if (broken_ || end_of_input_) return {RequestEvent::State::kClosed, http::Fault::kNone};
  if (!parked_) arm_read(kHeadBuffer);
  return {};
}

bool Http1Downstream::next() {
  take_read();
  reader_.unpin(in_);
  const bool both_ended = codec_.body_ended() && codec_.response_ended() && !reader_.decoded_ahead();
  if (closing_ || broken_ || !both_ended || !codec_.keep_alive()) return false;
  if (end_of_input_ && in_.empty()) return false;
  codec_.reset();
  reader_.reset();
  head_.release();
  full_.release();
  keep_head_ = head_released_ = discarding_ = false;
  return true;
}

http::Fault Http1Downstream::start_body(const config::Limits& limits) {
  stream_buffer_ = limits.buffer;
  return codec_.start_body(limits.body);
}

void Http1Downstream::discard_body() {
  discarding_ = true;
  codec_.start_body(config::kUnlimited);
}

bool Http1Downstream::discard() {
  flush();
  for (;;) {
    const http::BodyEvent event = read_body();
    if (event.state == http::BodyEvent::State::kPending) return true;
    if (event.end || event.state == http::BodyEvent::State::kFailed) return false;
  }
}

void Http1Downstream::park() {
  if (parked_ || parking_ || !in_.empty() || !stream_.reading() || !sent()) return;
  parking_ = true;
  stream_.cancel_read();
}

Http1Downstream::Linger Http1Downstream::linger() {
  take_read();
  if (stream_.write_failed()) broken_ = true;
  if (broken_) return Linger::kDone;
  // A reply that came while an interim head was still on its way goes out behind it.
  flush();
  if (stream_.writing()) return Linger::kQuiet;
  if (end_of_input_) return Linger::kDone;
  if (!std::exchange(shut_down_, true)) stream_.shutdown_send();
  reader_.reset();
  const Linger state = in_.empty() ? Linger::kQuiet : Linger::kHeard;
  in_.consume(in_.size());
  if (!stream_.reading()) in_.release();  // a long head's room is not held for a client that has been told to go
  arm_read(stream_buffer_);
  return state;
}

// The bytes of the request stay pinned until it is done, so a read ahead goes behind them, while there is room. A request
// that has filled its buffer to the brim gets another one behind it, once: else its client's end would not be seen.
void Http1Downstream::watch() {
  take_read();
  if (stream_.reading() || broken_) return;
  if (end_of_input_) return stream_.watch_for_end();  // of both directions: a reset
  if (!in_) in_ = buffers_.take(kHeadBuffer);
  const bool whole = codec_.body_ended() && !reader_.decoded_ahead();
  if (in_.space().empty() && whole && !full_ && !buffers_.crowded()) full_ = leave_behind();
  if (in_.space().empty()) {
    stream_.watch_for_end();
  } else {
    stream_.start_read(in_.space());
  }
}

void Http1Downstream::send_continue() { writer_.collected().append(http::continue_response()); }

void Http1Downstream::send_head(const http::ResponseHead& response, const http::Edits& edits) {
  codec_.write_head(response, edits, closing_, writer_.collected());
}

void Http1Downstream::send_reply(const http::LocalReply& reply, const http::Edits& edits) {
  if (reply.close) closing_ = true;
  http::LocalReply framed = reply;
  framed.close = closing_;
  codec_.write_reply(framed, edits, writer_.collected());
  flush();
}

void Http1Downstream::send_options_reply(const http::Edits& edits) {
  const http::Receiver receiver{request().minor_version, false, request().keep_alive && !closing_};
  http::write_options_reply(edits, receiver, writer_.collected());
  if (!receiver.keep_alive) closing_ = true;
  flush();
}

// What is in use of the buffer stays where it is; what follows moves to another.
ReadBuffer Http1Downstream::leave_behind() {
  const std::string_view rest{in_.data() + reader_.pinned(), in_.size() - reader_.pinned()};
  ReadBuffer next = buffers_.take(rest.size() + kHeadBuffer);
  std::memcpy(next.space().data(), rest.data(), rest.size());
  next.filled(rest.size());
  reader_.pin(0);
  return std::exchange(in_, std::move(next));
}

// The head's views go on pointing into its buffer. False: bytes are just coming in behind it, and a read that has ended
// will wake us.
bool Http1Downstream::set_head_aside() {
  if (stream_.reading() && !stream_.can_redirect_read()) return false;
  head_ = leave_behind();
  if (stream_.reading()) stream_.redirect_read(in_.space());
  return true;
}

void Http1Downstream::release_head() {
  keep_head_ = false;
  if (!head_) return;
  head_.release();
  head_released_ = true;
}

http::BodyEvent Http1Downstream::read_body() {
  take_read();
  if (keep_head_ && !head_ && !set_head_aside()) return {};
  head_released_ = !head_;
  http::BodyEvent event = reader_.next(codec_, in_, Side::kDownstream);
  while (event.state == http::BodyEvent::State::kPending && read_rest(stream_buffer_))
    event = reader_.next(codec_, in_, Side::kDownstream);
  if (event.state != http::BodyEvent::State::kPending) {
    event.more = codec_.body_is_plain() && stream_.rest_waits();
    return event;
  }
  if (broken_) return http::failed_body({ErrorKind::kReset, Side::kDownstream, Retry::kNever, "client_reset"});
  if (end_of_input_)
    return http::failed_body({ErrorKind::kTruncated, Side::kDownstream, Retry::kNever, "client_closed"});
  arm_read(stream_buffer_);
  return event;
}

void Http1Downstream::send_body(const http::BodySlice& slice) {
  broken_ = broken_ || writer_.send_body(codec_, stream_, slice) != http::Fault::kNone;
}

void Http1Downstream::send_trailers(const http::FieldList& trailers) {
  broken_ = broken_ || codec_.finish(trailers, writer_.collected()) != http::Fault::kNone;
}

}  // namespace weir::proxy
