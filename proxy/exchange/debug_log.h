// Confined to one worker. What is decided for each request, at log level debug: where an attempt went, what came of it,
// and what followed. Lines go into a ring that the control thread empties, and those that find no room are counted: a
// worker waits for nobody. At any other level a request pays for one look at the level. No path, header or address of a
// client is in a line: that is the access log's affair, and its redaction's.
#pragma once

#include <string_view>

#include "base/log.h"
#include "proxy/exchange/request_context.h"
#include "proxy/observe/line_ring.h"
#include "proxy/upstream/upstream_stream.h"

namespace weir::proxy {

class DebugLog {
 public:
  // Of a worker's lines between two looks of the control thread, in bytes.
  static constexpr std::size_t kRingSize = std::size_t{128} << 10;

  static bool on() { return log::enabled(log::Level::kDebug); }

  struct Attempt {
    const UpstreamStream* stream = nullptr;  // null: no connection could be had
    const Error* error = nullptr;            // null: it has been answered
    int status = 0;                          // of the origin's answer; 0: none has come
    bool cut = false;                        // by the end of the process
    Again then = {};                         // what follows, unless it was cut or answered
  };
  // One of a request that a version has been assigned to.
  void attempt(const RequestContext& context, const Attempt& attempt);
  // A request that was answered without a version.
  void answered(const RequestContext& context);

  LineRing& lines() { return lines_; }
  const LineRing& lines() const { return lines_; }

 private:
  LineRing lines_{kRingSize};
};

}  // namespace weir::proxy
