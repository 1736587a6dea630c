// Confined to one worker. What may change a body as it passes, slice by slice. The forwarder has none by default.
#pragma once

#include "proxy/http/message_stream.h"

namespace weir::proxy {

class BodyFilter {
 public:
  virtual ~BodyFilter() = default;

  // Another slice of the body, with data or its end. It lives until it is used up, when pending() is false.
  virtual void take(const http::BodyEvent& slice) = 0;
  virtual bool pending() const = 0;
  // The next piece to be sent on: of the slice, or of the filter's own. Perhaps an empty one. It lives until the next
  // call here.
  virtual http::BodyEvent next() = 0;
};

}  // namespace weir::proxy
