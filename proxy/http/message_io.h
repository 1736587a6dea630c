// Confined to one worker. What both ends of an exchange do alike between a codec and a connection: take slices of a
// body out of a read buffer, and collect what goes out into few writes. The buffer and the stream are proxy/net's, by
// their shape only: a codec has no sockets.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "proxy/http/body.h"
#include "proxy/http/fault.h"
#include "proxy/http/head_buffer.h"
#include "proxy/http/message_stream.h"

namespace weir::http {

// The unread front of a read buffer: what a head or the last slice still pins, and what has been decoded already.
class BodyReader {
 public:
  // `bytes` at the front of the buffer are in use until the next slice is asked for.
  void pin(std::size_t bytes) { pinned_ = bytes; }
  std::size_t pinned() const { return pinned_; }
  // Nothing is in use any more.
  template <class Buffer>
  void unpin(Buffer& in) {
    in.consume(std::exchange(pinned_, 0));
  }
  bool decoded_ahead() const { return has_ahead_; }
  // Bytes of the body have come that nobody has asked for yet.
  template <class Buffer>
  bool holds_more(const Buffer& in) const {
    return has_ahead_ || in.size() > pinned_;
  }
  void reset() {
    pinned_ = 0;
    has_ahead_ = false;
  }

  // The next slice in `in`, or kPending when more has to be read. Looks one step on, so that a last chunk that has come
  // already goes out with the data before it.
  template <class Codec, class Buffer>
  BodyEvent next(Codec& codec, Buffer& in, Side side) {
    unpin(in);
    while (has_ahead_ || (!codec.body_ended() && !in.empty())) {
      BodyDecoder::Result decoded = std::exchange(has_ahead_, false) ? ahead_ : codec.read_body({in.data(), in.size()});
      if (decoded.fault != Fault::kNone) return failed_body(to_error(decoded.fault, side));
      pinned_ = decoded.consumed;
      if (decoded.part.data.empty() && !decoded.part.end) {
        unpin(in);
        continue;
      }
      if (!decoded.part.end && in.size() > pinned_) {
        ahead_ = codec.read_body({in.data() + pinned_, in.size() - pinned_});
        has_ahead_ = ahead_.fault != Fault::kNone || !ahead_.part.data.empty();
        if (!has_ahead_) {
          pinned_ += ahead_.consumed;
          decoded.part.end = ahead_.part.end;
        }
      }
      return body_slice(decoded.part.data, decoded.part.end);
    }
    if (codec.body_ended()) return body_slice({}, true);
    return {};
  }

 private:
  std::size_t pinned_ = 0;
  BodyDecoder::Result ahead_;
  bool has_ahead_ = false;
};

// Bytes on their way out of a connection. What is collected goes out at flush(), or with the next large slice.
class MessageWriter {
 public:
  // Slices up to this size are copied behind what is collected: cheaper than one more part of a gathered write.
  static constexpr std::size_t kCopyBelow = 2 * 1024;
  static constexpr std::size_t kCollectAtMost = 16 * 1024;

  HeadBuffer& collected() { return collected_; }
  bool empty() const { return collected_.empty(); }

  // What is collected from here on stays, until it is let go or taken back; or until it is kCollectAtMost.
  void hold() {
    held_from_ = collected_.size();
    holding_ = true;
  }
  bool holding() const { return holding_; }
  void let_go() { holding_ = false; }
  // As if it had never been sent.
  void take_back() {
    if (std::exchange(holding_, false)) collected_.cut_to(held_from_);
  }

  template <class Codec, class Stream>
  Fault send_body(Codec& codec, Stream& stream, const BodySlice& slice) {
    BodyEncoder::Frame frame;
    const Fault fault = codec.frame(slice.data.size(), slice.end, frame);
    if (fault != Fault::kNone) return fault;
    collected_.append(frame.before);
    if (holding_ && collected_.size() + slice.data.size() > kCollectAtMost) let_go();
    if (slice.data.size() > kCopyBelow && !holding_) {
      swap();
      const std::array<std::string_view, 3> parts{sent_.view(), slice.data, frame.after};
      stream.write(parts, slice.more);
      return Fault::kNone;
    }
    collected_.append(slice.data);
    collected_.append(frame.after);
    if (collected_.size() >= kCollectAtMost) flush(stream);
    return Fault::kNone;
  }

  template <class Stream>
  void flush(Stream& stream) {
    if (collected_.empty() || holding_ || stream.writing() || !stream.is_open()) return;
    swap();
    const std::array<std::string_view, 1> parts{sent_.view()};
    stream.write(parts);
  }

  void release() {
    collected_.release();
    sent_.release();
  }

 private:
  void swap() {
    std::swap(collected_, sent_);
    collected_.clear();
  }

  HeadBuffer collected_;
  HeadBuffer sent_;  // pinned while the stream is writing
  std::size_t held_from_ = 0;
  bool holding_ = false;
};

}  // namespace weir::http
