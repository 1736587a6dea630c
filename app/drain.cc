#include "app/drain.h"

namespace weir::app {

void Drain::begin(const Times& times, SteadyTime now) {
  if (draining()) return;
  state_ = State::kDelay;
  times_ = times;
  since_ = now;
}

Drain::Action Drain::advance(SteadyTime now, bool drained) {
  switch (state_) {
    case State::kServing:
    case State::kEnded:
      return Action::kNone;
    case State::kDelay:
      if (!announced_) {
        announced_ = true;
        return Action::kBeginDrain;
      }
      if (now - since_ < times_.delay) return Action::kNone;
      state_ = State::kRequests;
      since_ = now;
      return Action::kCloseListeners;
    case State::kRequests:
      if (drained) return end();
      if (now - since_ < times_.requests) return Action::kNone;
      if (times_.streams <= times_.requests) return end();
      state_ = State::kStreams;
      return Action::kCutRequests;
    case State::kStreams:
      return drained || now - since_ >= times_.streams ? end() : Action::kNone;
  }
  return Action::kNone;
}

Drain::Action Drain::end() {
  state_ = State::kEnded;
  return Action::kStop;
}

}  // namespace weir::app
