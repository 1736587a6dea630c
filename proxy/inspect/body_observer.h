// Confined to one worker. What may watch one response's body as it passes: the seam for metrics that are read from the
// bytes. None is set by default, and then a response costs no virtual call. An observer never changes what it sees.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/http/head.h"

namespace weir::proxy {

class BodyObserver {
 public:
  // Whether the head may go out to the client. Held back: the head and what follows it wait in the response's bounded
  // buffer, until an answer says kRelease, the buffer is full or the body ends.
  enum class Head : std::uint8_t { kRelease, kHold };

  virtual ~BodyObserver() = default;

  // Once per request, for the final head: 1xx heads pass unseen.
  virtual Head on_response_head(const http::ResponseHead& head) = 0;

  // A part of the body, without its framing; the view is valid for this call alone. Once the head has gone out, the
  // answer means nothing.
  virtual Head on_data(std::string_view data) = 0;

  // The last call, unless the request is given up before its response ends. `complete`: ended as its framing says.
  virtual void on_end(bool complete) = 0;
};

}  // namespace weir::proxy
