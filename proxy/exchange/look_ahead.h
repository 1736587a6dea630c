// Confined to one worker. Reads a request's body before it is known who gets it, up to what its route or its version
// depends on: the body is kept meanwhile, and whoever sends it reads it from its beginning. Like the forwarder it never
// waits itself.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "config/body_text.h"
#include "config/limits.h"
#include "proxy/downstream/downstream_stream.h"
#include "proxy/forward/judged_clock.h"
#include "proxy/forward/request_body.h"
#include "proxy/inspect/request_reader.h"
#include "proxy/net/deadline_list.h"

namespace weir::proxy {

struct LookAheadSpec {
  DownstreamStream& downstream;
  RequestBody& body;   // the downstream's; nothing of it has been read but by another look-ahead
  Deadline& deadline;  // wakes the downstream's waker; the look-ahead's own while it runs
  JudgedClock& clock;
  const config::Timeouts& timeouts;
  std::uint64_t limit = 0;  // bytes: what is not found in so many is not looked for any further
};

class LookAhead {
 public:
  // Until `reader`, which has begun and is shown what comes from here on, knows what is needed.
  LookAhead(const LookAheadSpec& spec, RequestReader& reader, const config::BodyNeeds& needs);

  // True: it is to be resumed whenever the downstream's waker has been woken. False: it is over. What is no JSON is not
  // read.
  bool start();
  bool resume();

  // What has made an end of the request: its client's fault, or a want of memory (kNoResources).
  const std::optional<Error>& error() const { return error_; }
  // Over for the limit alone.
  bool gave_up() const { return gave_up_; }

 private:
  bool advance();
  bool read();
  bool over();
  void fail(const Error& error) { error_ = error; }
  SteadyTime due() const;

  DownstreamStream& downstream_;
  RequestBody& body_;
  Deadline& deadline_;
  JudgedClock& clock_;
  const config::Timeouts& timeouts_;
  std::uint64_t limit_;
  RequestReader& reader_;
  config::BodyNeeds needs_;
  std::optional<Error> error_;
  bool gave_up_ = false;
  SteadyTime now_{};
  SteadyTime moved_{};  // last time the client sent something, or began to be waited for
};

}  // namespace weir::proxy
