// Confined to one worker. The seam between bytes and messages: HTTP/1 on one connection, bytes in -> events, events ->
// bytes out, with no socket. A second protocol is a second pair of codecs; nothing above downstream and upstream
// streams knows which one it is.
//
// One exchange at a time: reset(), read_head() until done, read_body() until ended; and out, write_head(), frame() for
// each slice, finish() if there are trailers.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/limits.h"
#include "proxy/http/body.h"
#include "proxy/http/fault.h"
#include "proxy/http/head.h"
#include "proxy/http/reply.h"
#include "proxy/http/scanner.h"
#include "proxy/http/serialize.h"

namespace weir::http {

// The side that reads requests and writes responses.
class ServerCodec {
 public:
  explicit ServerCodec(const config::Limits& limits) : scanner_(request_limits(limits)) {}

  // Forgets the exchange, keeps the storage.
  void reset();
  // For the heads to come: while idle().
  void set_limits(const config::Limits& limits) { scanner_.set_limits(request_limits(limits)); }
  // Gives the storage back, for a connection that goes idle.
  void release();

  // As RequestScanner::scan. Once done, head() is filled and the body's framing is known.
  Scan read_head(std::string_view buffer);
  bool idle() const { return scanner_.idle(); }
  RequestHead& head() { return head_; }
  const RequestHead& head() const { return head_; }
  // What is valid of a head that is refused, or has not come to its end: a log tells of it. Of its target there is a
  // path, whatever it is, and no user information. After read_head(), of the same buffer.
  const RequestHead& refused_head(std::string_view buffer);

  // Before the first read_body(): the limit may be the route's. kBodyTooLarge: refuse with 413. Once more where the
  // route is known only when some of the body is: the limit is another from there on.
  Fault start_body(std::uint64_t limit);
  BodyDecoder::Result read_body(std::string_view input) { return body_.decode(input); }
  Fault body_eof() { return body_.finish_at_eof(); }
  bool body_ended() const { return body_.ended(); }
  bool body_is_plain() const { return body_.plain(); }
  const FieldList& trailers() const { return body_.trailers(); }
  std::uint64_t body_received() const { return body_.received(); }

  // Appends a response's head and decides the framing of its body. `closing`: the connection ends with this response.
  // Interim heads may come before the final one (and are left out for an HTTP/1.0 client).
  void write_head(const ResponseHead& response, const Edits& edits, bool closing, HeadBuffer& out);
  void write_reply(const LocalReply& reply, const Edits& edits, HeadBuffer& out);
  Fault frame(std::size_t size, bool end, BodyEncoder::Frame& out) { return encoder_.frame(size, end, out); }
  Fault finish(const FieldList& trailers, HeadBuffer& out) { return encoder_.finish(trailers, out); }
  bool response_ended() const { return encoder_.ended(); }
  // Whether the connection may carry another request once both bodies have ended.
  bool keep_alive() const { return keep_alive_; }

 private:
  Receiver receiver(bool closing) const;

  RequestScanner scanner_;
  RequestHead head_;
  BodyDecoder body_;
  BodyEncoder encoder_;
  // Of the request in hand, whole or not: its head's bytes may be gone by the time of the response.
  Receiver receiver_;
  bool keep_alive_ = true;
  bool body_started_ = false;
};

// The side that writes requests and reads responses.
class ClientCodec {
 public:
  explicit ClientCodec(const config::Limits& limits) : scanner_(response_limits(limits)) {}

  void reset();
  // For the heads to come: after reset().
  void set_limits(const config::Limits& limits) { scanner_.set_limits(response_limits(limits)); }
  void release();

  void write_head(const RequestHead& request, const Edits& edits, HeadBuffer& out);
  Fault frame(std::size_t size, bool end, BodyEncoder::Frame& out) { return encoder_.frame(size, end, out); }
  Fault finish(const FieldList& trailers, HeadBuffer& out) { return encoder_.finish(trailers, out); }
  bool request_ended() const { return encoder_.ended(); }

  // Done with an interim head (head().interim()): pass it on, drop Scan::bytes from the buffer, call next_head(), and
  // read on. After a final head the body follows.
  Scan read_head(std::string_view buffer);
  void next_head();
  bool idle() const { return scanner_.idle(); }
  ResponseHead& head() { return head_; }
  const ResponseHead& head() const { return head_; }

  BodyDecoder::Result read_body(std::string_view input) { return body_.decode(input); }
  Fault body_eof() { return body_.finish_at_eof(); }
  bool body_ended() const { return body_.ended(); }
  bool body_is_plain() const { return body_.plain(); }
  const FieldList& trailers() const { return body_.trailers(); }
  std::uint64_t body_received() const { return body_.received(); }

  // Whether the connection may carry another request: the response allows it, its body and ours have ended.
  bool reusable() const { return final_ && head_.keep_alive && body_.ended() && encoder_.ended(); }

 private:
  ResponseScanner scanner_;
  ResponseHead head_;
  BodyDecoder body_;
  BodyEncoder encoder_;
  bool final_ = false;
};

}  // namespace weir::http
