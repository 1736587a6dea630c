// Confined to one worker. One request to an origin and its response, whatever the protocol on the wire.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "proxy/http/head.h"
#include "proxy/http/message_stream.h"
#include "proxy/http/serialize.h"
#include "proxy/net/waker.h"

namespace weir::proxy {

struct ResponseHeadEvent {
  enum class State : std::uint8_t { kPending, kHead, kFailed };
  State state = State::kPending;
  Error error;
};

class UpstreamStream : public http::BodySource, public http::BodySink {
 public:
  virtual ~UpstreamStream() = default;

  virtual void observe(Wakeable* observer) = 0;

  // Collected with the first slices of the body; flush() sends it.
  virtual void send_head(const http::RequestHead& request, const http::Edits& edits) = 0;
  virtual bool request_ended() const = 0;
  // Bytes of this request that the kernel took.
  virtual std::uint64_t bytes_sent() const = 0;

  // Interim heads come before the final one: pass it on, call next_head(), and ask again.
  virtual ResponseHeadEvent read_head() = 0;
  virtual http::ResponseHead& head() = 0;  // until next_head() or the first read_body()
  virtual void next_head() = 0;
  virtual bool response_ended() const = 0;
  virtual std::uint64_t body_received() const = 0;

  // This connection has carried another exchange before: its end before a response may be mere age.
  virtual bool reused() const = 0;
  // Nothing of a response has come.
  virtual bool untouched() const = 0;
};

}  // namespace weir::proxy
