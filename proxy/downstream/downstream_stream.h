// Confined to one worker. One request of a client and the response to it, whatever the protocol on the wire.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "config/limits.h"
#include "proxy/http/head.h"
#include "proxy/http/message_stream.h"
#include "proxy/http/reply.h"
#include "proxy/http/serialize.h"
#include "proxy/net/address.h"
#include "proxy/net/waker.h"

namespace weir::proxy {

class DownstreamStream : public http::BodySource, public http::BodySink {
 public:
  virtual ~DownstreamStream() = default;

  // Woken whenever anything here has changed.
  virtual Waker& waker() = 0;
  virtual const SocketAddress& peer() const = 0;
  virtual std::string_view peer_text() const = 0;  // its IP address, for X-Forwarded-For
  virtual std::string_view scheme() const = 0;     // "http" or "https"
  // What its verified certificate says, as x-forwarded-client-cert does; empty without one.
  virtual std::string_view client_certificate() const = 0;

  // Until the first read_body(), which makes room for the body where the head stood, or until release_head().
  virtual http::RequestHead& request() = 0;
  // Before the first read_body(): the body gets room of its own, the head stays until release_head().
  virtual void keep_head() = 0;
  virtual void release_head() = 0;
  // It is gone, and the request cannot be sent again.
  virtual bool head_released() const = 0;
  // Before the first read_body(): how long the body may be, and what is read ahead of it, by the route. Not kNone:
  // refuse with it. Once more, where the route is known only when some of the body has been read.
  virtual http::Fault start_body(const config::Limits& limits) = 0;
  // For a request that is answered without its body, or without the rest of it: what there is of it is dropped, and the
  // connection goes on behind it.
  virtual void discard_body() = 0;
  virtual bool request_ended() const = 0;
  virtual std::uint64_t request_body_received() const = 0;

  // Keeps a read under way while nothing is expected, so that a client that goes away is noticed. What it sends is kept
  // for its next request, one buffer of it.
  virtual void watch() = 0;
  virtual bool gone() const = 0;         // reset, or ended inside its request
  virtual bool half_closed() const = 0;  // sends no more, still reads

  // Tells a client that waits for it to send its body.
  virtual void send_continue() = 0;
  // An interim head may come before the final one.
  virtual void send_head(const http::ResponseHead& response, const http::Edits& edits) = 0;
  // What is sent from here on waits, the final head first, for let_go(); or for some 16 KB of it, which is then let go.
  virtual void hold() = 0;
  virtual bool holding() const = 0;
  virtual void let_go() = 0;
  // Nothing of what is held was ever sent: another head or a reply may be.
  virtual void take_back() = 0;
  virtual void send_reply(const http::LocalReply& reply, const http::Edits& edits) = 0;
  virtual void send_options_reply(const http::Edits& edits) = 0;
  virtual bool response_ended() const = 0;
  // Bytes that the kernel took, of whatever; only rises.
  virtual std::uint64_t bytes_sent() const = 0;
  // The response cannot be ended: the client must not take it for a whole one.
  virtual void cut() = 0;
  // The connection ends with this response.
  virtual void close_after() = 0;
};

}  // namespace weir::proxy
