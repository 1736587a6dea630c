#include "proxy/exchange/look_ahead.h"

#include <algorithm>
#include <chrono>

namespace weir::proxy {

LookAhead::LookAhead(const LookAheadSpec& spec, RequestReader& reader, const config::BodyNeeds& needs)
    : downstream_(spec.downstream),
      body_(spec.body),
      deadline_(spec.deadline),
      clock_(spec.clock),
      timeouts_(spec.timeouts),
      limit_(spec.limit),
      reader_(reader),
      needs_(needs) {}

bool LookAhead::start() {
  if (!says_json(downstream_.request())) return false;
  now_ = moved_ = std::chrono::steady_clock::now();
  if (downstream_.request().expect_continue && !body_.asked()) {
    downstream_.send_continue();
    downstream_.flush();
  }
  return advance();
}

bool LookAhead::resume() {
  now_ = std::chrono::steady_clock::now();
  return advance();
}

// What the client takes its time for is not the version's.
bool LookAhead::advance() {
  const bool more = read();
  clock_.set(JudgedClock::Wait::kClient, more, now_);
  if (more) {
    deadline_.set(due());
  } else {
    deadline_.clear();
  }
  return more;
}

// False: there is nothing to wait for.
bool LookAhead::read() {
  while (!over()) {
    const http::BodyEvent event = body_.look();
    if (event.state == http::BodyEvent::State::kPending) {
      if (now_ >= due()) fail({ErrorKind::kTimeout, Side::kDownstream, Retry::kNever, "body_timeout"});
      return !error_;
    }
    if (event.state == http::BodyEvent::State::kFailed) {
      fail(event.error);
    } else {
      moved_ = now_;
      reader_.take(event.data);
    }
  }
  return false;
}

bool LookAhead::over() {
  if (error_ || body_.end_seen() || reader_.settles(needs_)) return true;
  gave_up_ = body_.looked_at() >= limit_;
  return gave_up_;
}

SteadyTime LookAhead::due() const {
  return std::min(after(clock_.started(), timeouts_.total), after(moved_, timeouts_.body_idle));
}

}  // namespace weir::proxy
