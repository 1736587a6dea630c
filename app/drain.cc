#include "app/drain.h"

#include <algorithm>

namespace weir::app {
namespace {

// "none" is the longest duration there is: a clock that counts finer could not hold it.
bool over(SteadyTime since, SteadyTime now, Milliseconds time) {
  return std::chrono::floor<Milliseconds>(now - since) >= time;
}

}  // namespace

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
      if (!over(since_, now, times_.delay)) return Action::kNone;
      state_ = State::kRequests;
      since_ = now;
      return Action::kCloseListeners;
    case State::kRequests:
      if (drained) return end();
      if (!over(since_, now, times_.requests)) return Action::kNone;
      if (times_.streams <= times_.requests) return end();
      state_ = State::kStreams;
      return Action::kCutRequests;
    case State::kStreams:
      return drained || over(since_, now, times_.streams) ? end() : Action::kNone;
  }
  return Action::kNone;
}

Drain::Action Drain::end() {
  state_ = State::kEnded;
  return Action::kStop;
}

Drain::Times drain_times(const config::Config& config) {
  config::Timeouts base = config::preset_timeouts(config.preset);
  config::apply(base, config.timeouts);
  Drain::Times times{.delay = base.drain_delay, .requests = base.drain, .streams = base.stream_drain};
  const auto stretch = [&](const config::TimeoutOverrides& overrides) {
    config::Timeouts inner = base;
    config::apply(inner, overrides);
    times.delay = std::max<Milliseconds>(times.delay, inner.drain_delay);
    times.requests = std::max<Milliseconds>(times.requests, inner.drain);
    times.streams = std::max<Milliseconds>(times.streams, inner.stream_drain);
  };
  for (const config::Listener& listener : config.listeners) stretch(listener.timeouts);
  for (const config::Route& route : config.routes) stretch(route.timeouts);
  return times;
}

}  // namespace weir::app
