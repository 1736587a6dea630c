// Confined to one worker. Carries one request to an origin and its response back, both ways at once, with
// back-pressure: a slice is read only when the one before it has been taken. Knows no protocol. It never waits itself:
// the coroutine of its exchange does, so that it costs no frame of its own.
#pragma once

#include <optional>

#include "base/error.h"
#include "config/limits.h"
#include "proxy/downstream/downstream_stream.h"
#include "proxy/forward/judged_clock.h"
#include "proxy/forward/request_body.h"
#include "proxy/inspect/body_filter.h"
#include "proxy/inspect/body_observer.h"
#include "proxy/net/deadline_list.h"
#include "proxy/upstream/upstream_stream.h"

namespace weir::proxy {

// An answer that comes before its request is whole, and turns the request down: its upload ends with it (RFC 9112 9.6).
// Any other answer leaves the origin reading on.
inline bool turns_down(const http::ResponseHead& head) { return head.status >= 300; }

// How an answer begins that is held until that is known.
enum class Beginning : std::uint8_t {
  kUnknown,
  kGood,
  kRefused,  // the client never hears of it (kStatus)
};

// Told, in order, what the exchange has to add or to remember.
class ForwardObserver {
 public:
  // The final head has come, and the client has heard nothing yet. False: it never will of this one (kStatus).
  virtual bool passes_on(const http::ResponseHead& head) = 0;
  // The final head, before it goes to the client: what to change in it.
  virtual void on_response_head(http::ResponseHead& head, http::Edits& edits, SteadyTime now) = 0;
  // Behind that: whether the client hears of it only when it is known how the body begins.
  virtual bool holds(const http::ResponseHead& head) = 0;
  // Of an answer that is held, after each slice.
  virtual Beginning beginning() = 0;
  // Behind that: what changes the body, whose length is then not said before it. Null: it goes on as it comes.
  virtual BodyFilter* filter_response(const http::ResponseHead& head) = 0;
  // The last byte has come from upstream.
  virtual void on_response_end(SteadyTime now) = 0;

 protected:
  ~ForwardObserver() = default;
};

struct ForwardSpec {
  DownstreamStream& downstream;
  RequestBody& body;  // the downstream's, from its beginning
  UpstreamStream& upstream;
  ForwardObserver& observer;
  Deadline& deadline;  // wakes the downstream's waker; the forwarder's own while it runs
  JudgedClock& clock;
  const config::Timeouts& timeouts;
  bool cancel_on_half_close = true;
  BodyObserver* body_observer = nullptr;  // of the response, as it came; outlives the forwarder
  BodyFilter* request_filter = nullptr;   // the same of the request
};

struct ForwardResult {
  // The first thing that went wrong. Nothing: the response is whole and the client has it, but perhaps for its tail in
  // the kernel's hands.
  std::optional<Error> error;
  bool response_started = false;  // a final head is on its way to the client: nothing can be sent instead
  bool client_heard = false;      // that, or a head before it: the request cannot be sent to another
};

class Forwarder {
 public:
  explicit Forwarder(const ForwardSpec& spec);

  // Sends the head of the downstream's request with `edits`, which it needs no longer than that, and goes as far as it
  // can without waiting. True: it is to be resumed whenever the downstream's waker has been woken. False: request and
  // response are done, or one has failed; result() says which.
  bool start(const http::Edits& edits);
  bool resume();
  const ForwardResult& result() const { return result_; }

 private:
  bool advance();
  bool step();
  void pump_request();
  void pump_response();
  bool pump_head();
  bool held_back(const http::BodyEvent& event);
  void heard() { result_.response_started = result_.client_heard = true; }
  http::BodyEvent read_request();
  http::BodyEvent read_response();
  void show(const http::BodyEvent& event) const;
  void note_turns();
  void note_progress();
  void check_client();
  void check_deadlines();
  void account_waiting();
  bool finished() const;
  bool upload_over() const { return upload_ends_ || (request_done_ && !upstream_.sending()); }
  bool client_owes() const { return !request_done_ && !upload_ends_ && !upstream_.sending(); }
  void fail(const Error& error);
  SteadyTime due() const;

  DownstreamStream& downstream_;
  RequestBody& body_;
  UpstreamStream& upstream_;
  ForwardObserver& observer_;
  JudgedClock& clock_;
  const config::Timeouts& timeouts_;
  bool cancel_on_half_close_;
  BodyObserver* body_observer_;
  BodyFilter* request_filter_;
  BodyFilter* response_filter_ = nullptr;
  Deadline& deadline_;

  ForwardResult result_;
  bool forgotten_ = false;     // what was kept of the request
  bool request_done_ = false;  // nothing more will be sent upstream
  bool upload_ends_ = false;   // with the answer, be it whole or not
  bool head_done_ = false;
  bool response_done_ = false;  // all of it has come from upstream
  bool origin_takes_ = false;   // it was sending(), when last looked at
  bool client_takes_ = false;
  std::uint64_t origin_took_ = 0;  // bytes, when a deadline was last looked at
  std::uint64_t client_took_ = 0;
  SteadyTime now_{};
  SteadyTime client_moved_{};    // last time the client sent or took something, or began to be waited for
  SteadyTime upstream_moved_{};  // the same of the origin
};

}  // namespace weir::proxy
