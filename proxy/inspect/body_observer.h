// Confined to one worker. What may watch one response's body as it passes: the seam for metrics that are read from the
// bytes. The forwarder has none by default, and then a slice costs one branch. An observer changes nothing and delays
// nothing of what it sees.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/http/head.h"

namespace weir::proxy {

class BodyObserver {
 public:
  virtual ~BodyObserver() = default;

  // Once per request, for the final head, before it goes to the client: 1xx heads pass unseen.
  virtual void on_response_head(const http::ResponseHead& head) = 0;

  // A part of the body, without its framing; the view is valid for this call alone. `elapsed_us`: of the judged clock.
  virtual void on_data(std::string_view data, std::uint64_t elapsed_us) = 0;

  // The last call, unless the request is given up before its response ends. `complete`: ended as its framing says.
  virtual void on_end(bool complete) = 0;
};

}  // namespace weir::proxy
