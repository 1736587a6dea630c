// Confined to the control thread. The order and the times of a drain; it does nothing itself.
//
// serving -> delay (not ready, still serving, `Connection: close`) -> requests (no listeners, everything finishes)
// -> streams (requests that still ran were cut, streams finish) -> ended
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "config/config.h"

namespace weir::app {

class Drain {
 public:
  enum class State : std::uint8_t { kServing, kDelay, kRequests, kStreams, kEnded };
  // What the caller has to do now, once.
  enum class Action : std::uint8_t { kNone, kBeginDrain, kCloseListeners, kCutRequests, kStop };

  struct Times {
    Milliseconds delay{0};          // drainDelay
    Milliseconds requests{30'000};  // drain: from the closing of the listeners
    Milliseconds streams{300'000};  // streamDrain: likewise; Milliseconds::max(): for ever
  };

  // The first request to end. Further ones change nothing.
  void begin(const Times& times, SteadyTime now);
  Action advance(SteadyTime now, bool drained);

  State state() const { return state_; }
  bool draining() const { return state_ != State::kServing; }

 private:
  Action end();

  State state_ = State::kServing;
  bool announced_ = false;
  Times times_;
  SteadyTime since_;  // the beginning, then the closing of the listeners
};

// The longest that any listener or route allows.
Drain::Times drain_times(const config::Config& config);

}  // namespace weir::app
