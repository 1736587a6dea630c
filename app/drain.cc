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
      state_ = State::kClosing;
      since_ = now;
      return Action::kCloseListeners;
    case State::kClosing:
      if (!drained && now - since_ < times_.limit) return Action::kNone;
      state_ = State::kEnded;
      return Action::kStop;
  }
  return Action::kNone;
}

}  // namespace weir::app
