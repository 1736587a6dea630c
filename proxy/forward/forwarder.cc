#include "proxy/forward/forwarder.h"

#include <algorithm>

namespace weir::proxy {

Forwarder::Forwarder(const ForwardSpec& spec)
    : downstream_(spec.downstream),
      body_(spec.body),
      upstream_(spec.upstream),
      observer_(spec.observer),
      clock_(spec.clock),
      timeouts_(spec.timeouts),
      cancel_on_half_close_(spec.cancel_on_half_close),
      body_observer_(spec.body_observer),
      request_filter_(spec.request_filter),
      deadline_(spec.deadline) {}

bool Forwarder::start(const http::Edits& edits) {
  now_ = client_moved_ = upstream_moved_ = std::chrono::steady_clock::now();
  const bool waits_for_continue = downstream_.request().expect_continue && !body_.asked();
  upstream_.send_head(downstream_.request(), edits);
  if (waits_for_continue) {
    downstream_.send_continue();
    downstream_.flush();
  }
  request_done_ = body_.ended();
  if (request_done_) upstream_.flush();
  return advance();
}

bool Forwarder::resume() {
  now_ = std::chrono::steady_clock::now();
  return advance();
}

bool Forwarder::advance() {
  const bool more = step();
  if (!more) deadline_.clear();
  return more;
}

// All that can be done without waiting; false when there is nothing left to do.
bool Forwarder::step() {
  pump_request();
  if (!result_.error) pump_response();
  // Nothing can be sent to another any more.
  if (!forgotten_ && result_.response_started && !upstream_.sending()) {
    body_.forget();
    forgotten_ = true;
  }
  if (finished()) return false;
  note_turns();
  if (!result_.error) check_client();
  if (!result_.error) check_deadlines();
  if (result_.error || finished()) return false;
  account_waiting();
  deadline_.set(due());
  return true;
}

void Forwarder::pump_request() {
  while (!request_done_ && !upstream_.sending()) {
    if (upstream_.send_failed()) {
      // The origin may have answered early and closed: its response is still to be read.
      request_done_ = true;
      break;
    }
    const http::BodyEvent event = read_request();
    if (event.state == http::BodyEvent::State::kPending) {
      upstream_.flush();
      return;
    }
    if (event.state == http::BodyEvent::State::kFailed) {
      if (!response_done_) return fail(event.error);
      // An answer that came early and whole is the client's, whatever becomes of the rest of its request.
      request_done_ = true;
      break;
    }
    client_moved_ = upstream_moved_ = now_;
    const bool trailers = event.end && body_.trailers().size() > 0;
    if (!upstream_.request_ended()) upstream_.send_body({event.data, event.end && !trailers, event.more});
    if (trailers) upstream_.send_trailers(body_.trailers());
    if (!event.end) continue;
    upstream_.flush();
    request_done_ = true;
  }
  // Nothing is asked of the client now: it may leave all the same.
  downstream_.watch();
}

// False while the final head has not come.
bool Forwarder::pump_head() {
  while (!head_done_) {
    const ResponseHeadEvent event = upstream_.read_head();
    if (event.state == ResponseHeadEvent::State::kPending) return false;
    if (event.state == ResponseHeadEvent::State::kFailed) {
      fail(event.error);
      return false;
    }
    http::Edits edits;
    if (upstream_.head().interim()) {
      // It is no head of the response, which `responseHeader` waits for however many of these come before it.
      // 100 is no word of an answer: the client was told to go on already.
      if (upstream_.head().status != 100) result_.client_heard = true;
      downstream_.send_head(upstream_.head(), edits);
      downstream_.flush();
      upstream_.next_head();
      continue;
    }
    upstream_moved_ = now_;
    if (!result_.client_heard && !observer_.passes_on(upstream_.head())) {
      fail({ErrorKind::kStatus, Side::kUpstream, Retry::kNever, "status"});
      return false;
    }
    if (body_observer_ != nullptr) body_observer_->on_response_head(upstream_.head());
    observer_.on_response_head(upstream_.head(), edits, now_);
    if (observer_.holds(upstream_.head())) downstream_.hold();
    response_filter_ = observer_.filter_response(upstream_.head());
    downstream_.send_head(upstream_.head(), edits);
    head_done_ = true;
    if (!downstream_.holding()) heard();
    upload_ends_ = turns_down(upstream_.head());
  }
  return true;
}

void Forwarder::pump_response() {
  if (downstream_.sending() || response_done_) return;
  // What the origin has said already is no whole answer when there is nobody to give it to.
  if (downstream_.send_failed()) return fail({ErrorKind::kReset, Side::kDownstream, Retry::kNever, "client_gone"});
  if (!pump_head()) return;
  while (!downstream_.sending() && !response_done_) {
    const http::BodyEvent event = read_response();
    if (event.state == http::BodyEvent::State::kPending) break;
    if (event.state == http::BodyEvent::State::kFailed) {
      downstream_.flush();
      return fail(event.error);
    }
    client_moved_ = upstream_moved_ = now_;
    if (!result_.response_started && held_back(event)) return;
    const bool trailers = event.end && upstream_.trailers().size() > 0;
    if (!downstream_.response_ended()) downstream_.send_body({event.data, event.end && !trailers, event.more});
    if (!result_.response_started && !downstream_.holding()) heard();  // or it had too much to be held
    if (trailers) downstream_.send_trailers(upstream_.trailers());
    if (!event.end) continue;
    response_done_ = true;
    observer_.on_response_end(now_);
  }
  downstream_.flush();
}

// True: for good.
bool Forwarder::held_back(const http::BodyEvent& event) {
  const Beginning beginning = observer_.beginning();
  if (beginning == Beginning::kRefused) {
    fail({ErrorKind::kStatus, Side::kUpstream, Retry::kNever, "status"});
    return true;
  }
  if (beginning == Beginning::kGood || event.end) downstream_.let_go();
  return false;
}

http::BodyEvent Forwarder::read_request() {
  if (request_filter_ == nullptr) return body_.read_body();
  if (request_filter_->pending()) return request_filter_->next();
  const http::BodyEvent event = body_.read_body();
  if (event.state != http::BodyEvent::State::kData) return event;
  request_filter_->take(event);
  return request_filter_->next();
}

http::BodyEvent Forwarder::read_response() {
  if (response_filter_ != nullptr && response_filter_->pending()) return response_filter_->next();
  const http::BodyEvent event = upstream_.read_body();
  if (event.state == http::BodyEvent::State::kPending) return event;
  if (body_observer_ != nullptr) show(event);
  if (response_filter_ == nullptr || event.state == http::BodyEvent::State::kFailed) return event;
  response_filter_->take(event);
  return response_filter_->next();
}

void Forwarder::show(const http::BodyEvent& event) const {
  if (!event.data.empty()) body_observer_->on_data(event.data, clock_.elapsed_us(now_));
  const bool failed = event.state == http::BodyEvent::State::kFailed;
  if (event.end || failed) body_observer_->on_end(!failed);
}

// What the client is still to take lies in the origin's buffer. A client that has left ends its writes as well: they
// fail. An origin that has answered early and reads on gets the rest of the request.
bool Forwarder::finished() const { return response_done_ && !downstream_.sending() && upload_over(); }

void Forwarder::fail(const Error& error) {
  if (result_.error) return;
  result_.error = error;
  downstream_.take_back();
}

void Forwarder::check_client() {
  if (response_done_) {
    upload_ends_ = upload_ends_ || downstream_.gone();
    return;
  }
  if (downstream_.gone()) {
    fail({ErrorKind::kReset, Side::kDownstream, Retry::kNever, "client_gone"});
  } else if (cancel_on_half_close_ && downstream_.half_closed()) {
    fail({ErrorKind::kEof, Side::kDownstream, Retry::kNever, "client_half_closed"});
  }
}

// A side is timed from when it is waited for: while the other one held everything up, nothing was asked of it. But a
// client that is behind with interim responses does not excuse an origin for what it has not said yet.
void Forwarder::note_turns() {
  const bool origin_takes = upstream_.sending();
  const bool client_takes = downstream_.sending();
  if (origin_takes != origin_takes_ || client_takes != client_takes_) {
    client_moved_ = now_;
    if (head_done_ || origin_takes != origin_takes_) upstream_moved_ = now_;
    origin_took_ = upstream_.bytes_sent();
    client_took_ = downstream_.bytes_sent();
  }
  origin_takes_ = origin_takes;
  client_takes_ = client_takes;
}

// A slice that a slow peer takes byte by byte is movement too. Nobody is woken for it: it is looked at when a deadline
// has passed, so a peer that stops is waited for up to twice as long.
void Forwarder::note_progress() {
  const std::uint64_t origin_took = upstream_.bytes_sent();
  const std::uint64_t client_took = downstream_.bytes_sent();
  if (upstream_.sending() && origin_took != origin_took_) upstream_moved_ = now_;
  if (downstream_.sending() && client_took != client_took_) client_moved_ = now_;
  origin_took_ = origin_took;
  client_took_ = client_took;
}

// Who is waited for: the client to send or to take, else the origin to take, to begin or to go on. Behind its answer an
// origin has as long to take a slice as the client to send one: nobody waits for anything else.
SteadyTime Forwarder::due() const {
  SteadyTime next = after(clock_.started(), timeouts_.total);
  if (client_owes()) {
    next = std::min(next, after(client_moved_, timeouts_.body_idle));
  } else if (!head_done_) {
    next = std::min(next, after(upstream_moved_, timeouts_.response_header));
  } else if (response_done_ && !upload_over()) {
    next = std::min(next, after(upstream_moved_, timeouts_.body_idle));
  }
  if (downstream_.sending()) {
    next = std::min(next, after(client_moved_, timeouts_.body_idle));
  } else if (head_done_ && !response_done_ && !client_owes()) {
    next = std::min(next, after(upstream_moved_, timeouts_.response_idle));
  }
  return next;
}

void Forwarder::check_deadlines() {
  if (now_ < due()) return;
  note_progress();
  if (now_ < due()) return;
  if (response_done_ && !downstream_.sending()) {
    upload_ends_ = true;  // the answer is whole, and the client has it
    return;
  }
  // Whichever passed, it is not the version's while the client is waited for; but an origin that has said nothing final
  // yet owes its answer.
  const bool takes_nothing = head_done_ || now_ >= after(client_moved_, timeouts_.body_idle);
  if (client_owes()) return fail({ErrorKind::kTimeout, Side::kDownstream, Retry::kNever, "body_timeout"});
  if (downstream_.sending() && takes_nothing)
    return fail({ErrorKind::kTimeout, Side::kDownstream, Retry::kNever, "client_stalled"});
  fail({ErrorKind::kTimeout, Side::kUpstream, Retry::kNever, head_done_ ? "response_timeout" : "timeout"});
}

void Forwarder::account_waiting() {
  clock_.set(JudgedClock::Wait::kClient, client_owes() || downstream_.sending(), now_);
}

}  // namespace weir::proxy
