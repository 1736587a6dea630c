#include "proxy/exchange/exchange.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/hash.h"
#include "proxy/exchange/endpoint_report.h"
#include "proxy/exchange/forwarded.h"
#include "proxy/route/model_path.h"
#include "proxy/split/created_ids.h"
#include "proxy/split/unit_key.h"

namespace weir::proxy {

Exchange::Exchange(WorkerContext& worker, const Client& client, Local<Topology> topology,
                   const ListenerTopology& listener)
    : worker_(worker),
      downstream_(client.stream),
      waiting_(client.waiting),
      slowness_(client.slowness),
      listener_(listener),
      body_(client.stream, worker.buffers) {
  context_.topology = std::move(topology);
  context_.plan = worker.plan.current();
  context_.clock.start(client.heard);
  worker_.counters.add(Count::kRequests);
}

Exchange::~Exchange() {
  worker_.counters.add(Count::kRequests, -1);
  if (inspection_ != nullptr) worker_.inspections.give(std::move(inspection_));
  if (reader_ != nullptr) worker_.readers.give(std::move(reader_));
  if (shown_ != nullptr) worker_.shown_fields.give(std::move(shown_));
  if (context_.version == nullptr) return;
  VersionLoad& load = worker_.loads[context_.assignment.version];
  --load.active;
  if (retried_) --load.retried;
  if (context_.rescued) --load.rescued;
}

// The only coroutine from a head to its outcome, when a connection to the origin is at hand.
Awaitable<> Exchange::run() {
  identify(arrival(), listener_, worker_.random, context_);
  if (context_.topology->names_own_fields) show_own();
  if (context_.topology->access_log) worker_.access_log.begin(downstream_.request(), context_, shown_.get());
  if (worker_.draining) downstream_.close_after();
  Matched matched = match();
  while (matched == Matched::kNeedsBody) {
    const bool known = co_await look_ahead();
    matched = known ? match_again() : Matched::kNot;
  }
  if (matched == Matched::kNot) co_return end_unassigned();
  assign();
  Waker& waker = downstream_.waker();
  for (;;) {
    EndpointLease lease;
    if (again_ == Again::kNo) {
      // None: a reload has taken the version away, and left the listener behind.
      Cluster* const cluster = worker_.clusters[context_.assignment.version].get();
      if (cluster != nullptr) {
        lease = cluster->try_lease(&waker, context_.route->limits, context_.endpoint, context_.route->bulkhead);
      }
    }
    if (!lease) {
      Result<EndpointLease> opened = co_await pick();
      if (!opened) {
        if (settle_unconnected(opened.error())) break;
        continue;
      }
      lease = std::move(*opened);
    }
    Forwarder forwarder({downstream_, body_, lease.stream(), *this, waiting_, context_.clock, context_.route->timeouts,
                         context_.route->on_client_half_close == config::OnClientHalfClose::kCancel, observer(),
                         editor()});
    for (bool more = start(forwarder); more; more = forwarder.resume()) {
      if (!waker.take()) co_await waker.wait();
    }
    if (settle(forwarder.result(), lease)) break;
  }
  record();
}

void Exchange::end_unassigned() {
  if (DebugLog::on()) worker_.debug_log.answered(context_);
  write_line();
}

void Exchange::cut() {
  if (std::exchange(cut_, true)) return;
  worker_.counters.add(Count::kRequestsCut);
  downstream_.cut();
  downstream_.waker().wake();
}

void Exchange::assign() {
  // Where answers are told apart by the model that was asked for, it is read as it passes.
  if (context_.route->inspect != config::Inspect::kOff && says_json(downstream_.request())) {
    read_body();
    body_.show_to(reader_.get());
  }
  config::BodyTexts body;
  context_.assignment = context_.service->split.assign(unit_facts(body), *context_.traffic, worker_.random);
  context_.version = context_.topology->version(context_.assignment.version);
  ask(context_.version);
  // The head may be gone by the time of the answer.
  if (context_.assignment.reason == AssignmentReason::kNewCookie) cookie_secure_ = original().scheme == "https";
  if (context_.assignment.reason == AssignmentReason::kUnkeyed) worker_.counters.add(Count::kUnkeyed);
  if (context_.assignment.reason == AssignmentReason::kOverride) worker_.counters.add(Count::kOverridden);
  if (context_.assignment.reason == AssignmentReason::kCreator) worker_.counters.add(Count::kReturned);
  if (context_.assignment.reason == AssignmentReason::kSession) worker_.counters.add(Count::kKept);
  if (context_.assignment.forgot_session) worker_.counters.add(Count::kSessionsForgotten);
  ++worker_.loads[context_.assignment.version].active;
  const config::Retries& retries = context_.route->retries;
  const bool needed = may_be_rescued() || may_need_body(retries, idempotent(downstream_.request().method));
  if (!body_.ended() && needed) body_.keep(retries.body);
  if (context_.traffic->mirror_ppm > 0) copy_ = begin_copy(worker_, {arrival(), unit_facts(body), context_}, body_);
  watch_slowness(context_.clock.started());
}

// From now on this version, whose endpoints are its own: which of them is chosen by its rules alone.
void Exchange::ask(const VersionTopology* version) {
  context_.answering = version;
  context_.endpoint = {};
  if (version->balancing.by.empty()) return;
  config::BodyTexts body;
  const std::string_view key = find_affinity_key(version->balancing.by, unit_facts(body));
  if (!key.empty()) context_.endpoint.key = xxh3_64(key);
}

// Waits for a connection, but first for as long as the last failure asks for.
Awaitable<Result<EndpointLease>> Exchange::pick() {
  if (not_before_ > std::chrono::steady_clock::now()) {
    const bool waited = co_await back_off();
    if (!waited) co_return why_given_up();
  }
  Cluster* const cluster = worker_.clusters[context_.answering->id].get();
  // A reload has taken the version away between two attempts.
  if (cluster == nullptr) co_return Error{ErrorKind::kUnavailable, Side::kUpstream, Retry::kNever, "no_endpoint"};
  // What has just broken may have broken for all that are kept.
  const bool wants_fresh =
      again_ == Again::kFresh || (again_ == Again::kRetry && failed_.error.kind != ErrorKind::kStatus &&
                                  failed_.error.kind != ErrorKind::kNoResources);
  const Cluster::Request request{
      downstream_.waker(), *this,       context_.route->timeouts.connect, context_.route->limits,
      context_.endpoint,   wants_fresh, context_.route->bulkhead};
  waiting_.set(after(context_.clock.started(), context_.route->timeouts.total));
  Result<EndpointLease> lease = co_await cluster->lease(request);
  waiting_.clear();
  if (!lease && lease.error().kind == ErrorKind::kCancelled) co_return why_given_up();
  co_return std::move(lease);
}

// False: it was given up meanwhile.
Awaitable<bool> Exchange::back_off() {
  Waker& waker = downstream_.waker();
  waiting_.set(std::min(not_before_, after(context_.clock.started(), context_.route->timeouts.total)));
  while (!given_up() && std::chrono::steady_clock::now() < not_before_) {
    if (!waker.take()) co_await waker.wait();
  }
  waiting_.clear();
  co_return !given_up();
}

// A client that has gone, or a cut, is found by finish_failed().
Error Exchange::why_given_up() const {
  if (cut_ || downstream_.gone()) return {ErrorKind::kCancelled, Side::kInternal, Retry::kNever, "given_up"};
  if (client_cancelled()) return {ErrorKind::kEof, Side::kDownstream, Retry::kNever, "client_half_closed"};
  return {ErrorKind::kTimeout, Side::kUpstream, Retry::kNever, "timeout"};
}

bool Exchange::total_passed() const {
  return std::chrono::steady_clock::now() >= after(context_.clock.started(), context_.route->timeouts.total);
}

// Nobody waits for an answer any more.
bool Exchange::over() const { return cut_ || downstream_.gone() || client_cancelled() || total_passed(); }

bool Exchange::client_cancelled() const {
  return downstream_.half_closed() && context_.route->on_client_half_close == config::OnClientHalfClose::kCancel;
}

// No coroutine, for edits are large: a frame of more than 1020 bytes is not recycled (Asio's thread_info_base), and
// takes another's place each time.
bool Exchange::start(Forwarder& forwarder) const {
  http::Edits edits;
  edit_request(arrival(), context_, worker_.forwarded_space, edits);
  const Route& route = *context_.route;
  const std::string named = with_model(context_.path, context_.answering->model_path);
  edits.set_path(named.empty() ? context_.path : named);
  if (route.rewrite) edits.set_host(route.rewrite->host);
  edits.change(route.request_changes);
  if (inspection_ != nullptr) edits.lengthen(inspection_->growth());
  return forwarder.start(edits);
}

BodyObserver* Exchange::observer() {
  const config::Inspect inspect = context_.route->inspect;
  AnswerReader* reader = nullptr;
  if (inspect != config::Inspect::kOff) {
    if (inspection_ == nullptr) inspection_ = worker_.inspections.take();
    reader = &inspection_->begin(inspect);
    context_.answer = &reader->facts();
    note_creations();
  }
  return copy_ == nullptr ? reader : copy_->watch_baseline(reader);
}

// Of whatever the answer says that it has made.
void Exchange::note_creations() {
  const http::RequestHead& request = downstream_.request();
  PinTable* const creators = context_.service->split.creators();
  if (creators != nullptr && tells_ids(collection_of(request.path), request.method)) {
    inspection_->note_creations(*creators, context_.answering->id);
  }
}

// Behind observer().
BodyFilter* Exchange::editor() {
  if (inspection_ == nullptr || body_.ended()) return nullptr;
  return inspection_->edit(downstream_.request(), *context_.route, *context_.answering);
}

// For the log. Without a stream there was no connection.
void Exchange::tell_attempt(const UpstreamStream* stream, const Error* error) {
  const bool held_back = error != nullptr && error->kind == ErrorKind::kStatus;
  const int status = held_back ? failed_.status : context_.status;
  worker_.debug_log.attempt(context_, {stream, error, status, cut_, again_});
}

// There is no connection to an origin. True: the client has been told; false: once more.
bool Exchange::settle_unconnected(const Error& error) {
  failed_ = {.error = error, .unsent = true};
  again_ = again_after(failed_);
  if (DebugLog::on()) tell_attempt(nullptr, &error);
  if (again_ != Again::kNo) {
    send_again();
    return false;
  }
  finish_failed({.error = error});
  return true;
}

// What becomes of the connection to the origin. True: the client has its answer, whatever it is; false: once more.
bool Exchange::settle(const ForwardResult& result, EndpointLease& lease) {
  const UpstreamStream& upstream = lease.stream();
  response_bytes_ = upstream.body_received();
  tell_endpoint(result, lease);
  // What was to become of an answer that is held back was settled when it came.
  if (result.error && result.error->kind != ErrorKind::kStatus) {
    const bool unsent = upstream.untouched() && upstream.bytes_sent() == 0;
    failed_ = {.error = *result.error, .unsent = unsent || result.error->kind == ErrorKind::kConnect};
    again_ = result.client_heard ? Again::kNo : again_after(failed_);
  }
  if (DebugLog::on()) tell_attempt(&upstream, result.error ? &*result.error : nullptr);
  if (!result.error && !cut_) {
    assert(!downstream_.sending());  // or the buffer that it sends from would become another's
    lease.release(context_.route->timeouts.upstream_idle);
    return true;
  }
  if (again_ != Again::kNo && !cut_) {
    lease.drop();
    send_again();
    return false;
  }
  finish_failed(result);  // which cuts a client that still sends from the origin's buffer, before that goes
  lease.drop();
  return true;
}

void Exchange::tell_endpoint(const ForwardResult& result, EndpointLease& lease) const {
  EndpointReport shown;
  if (!result.error) {
    shown = report_of_answer(context_.status, context_.retry_after);
  } else if (result.error->kind == ErrorKind::kStatus) {
    shown = report_of_answer(failed_.status, failed_.retry_after);
  } else {
    shown = report_of_failure(*result.error, result.response_started);
  }
  if (shown.works) lease.succeeded();
  if (shown.failure) lease.failed(*shown.failure);
}

// The client has heard nothing: whether it may hear of another attempt instead of this one's failure.
Again Exchange::again_after(const FailedAttempt& failed) const {
  if (over() || !body_.replayable()) return Again::kNo;
  const config::Retries& retries = context_.route->retries;
  const bool repeatable = idempotent(downstream_.request().method);
  if (!refreshed_ && was_stale(failed, repeatable)) return Again::kFresh;
  const bool retries_left = tries_ <= retries.attempts;
  if (retries_left && may_retry(retries.when, failed, repeatable) && within_budget(Again::kRetry)) return Again::kRetry;
  const bool rescues = may_be_rescued() && may_rescue(context_.service->rescue.when, failed, repeatable);
  return rescues && within_budget(Again::kRescue) ? Again::kRescue : Again::kNo;
}

// Who has asked for the candidate by an override wants to see it fail; what it has made nobody else has.
bool Exchange::may_be_rescued() const {
  return context_.service->rescue.enabled && context_.assignment.arm == Arm::kCandidate && !context_.rescued &&
         context_.assignment.reason != AssignmentReason::kOverride &&
         context_.assignment.reason != AssignmentReason::kCreator;
}

// A request keeps the room that it once has: it is the same one that is sent again and again.
bool Exchange::within_budget(Again again) const {
  const VersionLoad& load = worker_.loads[context_.assignment.version];
  if (again == Again::kRetry) {
    if (retried_ || context_.rescued || has_room(context_.route->retries.when, load.retried, load.active)) return true;
    worker_.counters.add(Count::kRetriesOverBudget);
    return false;
  }
  const std::uint32_t active = load.active + worker_.loads[context_.service->baseline].active;
  if (has_room(context_.service->rescue.when, load.rescued, active)) return true;
  worker_.counters.add(Count::kRescuesOverBudget);
  return false;
}

void Exchange::send_again() {
  const SteadyTime now = std::chrono::steady_clock::now();
  VersionLoad& load = worker_.loads[context_.assignment.version];
  body_.rewind();
  context_.clock.set(JudgedClock::Wait::kClient, false, now);
  if (again_ == Again::kFresh) {
    refreshed_ = true;
    worker_.counters.add(Count::kStaleReused);
    return;
  }
  ++context_.attempts;
  if (again_ == Again::kRescue) {
    context_.begin_rescue(failed_, now);
    slowness_.clear();
    ++load.rescued;
    refreshed_ = false;
    tries_ = 1;
    ask(context_.topology->version(context_.service->baseline));
    return;
  }
  ++tries_;
  context_.note_failure(failed_);
  context_.endpoint.avoid = context_.endpoint.used;
  if (!context_.rescued && !std::exchange(retried_, true)) ++load.retried;
  worker_.counters.add(Count::kRetries);
  // Another endpoint is asked at once, the same one a little later: also where the others are out of rotation.
  Cluster* const cluster = worker_.clusters[context_.answering->id].get();
  if (cluster != nullptr && cluster->has_another(context_.endpoint, now)) return;
  not_before_ = now + back_off_time(static_cast<int>(tries_) - 1, worker_.random);
}

void Exchange::finish_failed(const ForwardResult& result) {
  // The client has the whole answer: what was cut is the rest of an upload, and no failure of anybody's.
  if (cut_ && context_.response_ended && downstream_.response_ended() && !downstream_.sending()) return;
  // None: it was cut, and what there was of the answer had nowhere to go.
  Error error = result.error.value_or(Error{ErrorKind::kCancelled, Side::kInternal, Retry::kNever, "shutting_down"});
  if (error.kind == ErrorKind::kCancelled || downstream_.gone()) {
    const bool ours = cut_;
    error = ours ? Error{ErrorKind::kCancelled, Side::kInternal, Retry::kNever, "shutting_down"}
                 : Error{ErrorKind::kReset, Side::kDownstream, Retry::kNever, "client_gone"};
    // What had failed upstream before the client went away stays the version's.
    if (!ours && result.error->side == Side::kUpstream) error = *result.error;
  }
  if (error.kind == ErrorKind::kStatus) error = failed_.error;
  context_.error = error;
  // A head that was held is no answer: nobody has it.
  if (!result.response_started && std::exchange(context_.status, 0) != 0) context_.note_failure({.error = error});
  if (!context_.response_ended) context_.latency_us = context_.clock.elapsed_us(std::chrono::steady_clock::now());
  const bool client_left = downstream_.gone() || (error.side == Side::kDownstream && error.kind == ErrorKind::kEof);
  if (result.response_started || client_left) {
    downstream_.cut();
    return;
  }
  http::LocalReply own = failure_reply(error, context_.rescued);
  if (error.kind == ErrorKind::kStatus && !context_.rescued) {
    own.status = failed_.status;
    if (own.status == 503) own.retry_after_s = held_retry_after_s_;
  }
  reply(own);
}

// Into the access log, when there is one.
void Exchange::write_line() {
  if (context_.log == nullptr) return;
  worker_.access_log.end(context_, {.listener = listener_.address,
                                    .peer = downstream_.peer(),
                                    .scheme = downstream_.scheme(),
                                    .bytes_in = downstream_.request_body_received(),
                                    .bytes_out = response_bytes_});
}

void Exchange::record() {
  slowness_.clear();
  if (inspection_ != nullptr) {
    if (inspection_->reader().unreadable()) worker_.counters.add(Count::kUninspected);
    worker_.counters.add(Count::kCreationsForgotten, inspection_->take_forgotten());
  }
  const Outcome outcome = context_.ended_outcome(downstream_.request_body_received(), response_bytes_);
  worker_.outcomes.push(outcome);
  const std::optional<Answer> answer = context_.ended_answer(outcome);
  if (answer) worker_.answers.push(*answer);
  if (const std::optional<Joinable> joinable = context_.joinable(outcome)) worker_.joins.push(*joinable);
  if (copy_ != nullptr) copy_->baseline_ended(outcome);
  name_failure(outcome, answer ? &*answer : nullptr);
  write_line();
}

// Behind the record that counts, so that whoever sees the name has counted the failure.
void Exchange::name_failure(const Outcome& outcome, const Answer* answer) {
  const std::optional<FailedRequest> failed = context_.failed_request(outcome, answer);
  if (failed) worker_.failures.push(*failed);
}

Arrival Exchange::arrival() const {
  return {downstream_.request(), downstream_.peer(), downstream_.peer_text(), downstream_.scheme(),
          downstream_.client_certificate()};
}

// Asked while a connection is waited for or opened: nobody else looks at the client then.
bool Exchange::given_up() const {
  if (!cut_) downstream_.watch();
  return over();
}

void Exchange::connecting(bool now) {
  downstream_.watch();
  context_.clock.set(JudgedClock::Wait::kConnecting, now, std::chrono::steady_clock::now());
}

// A request that has passed a threshold is counted while it still runs, so that a version that hangs is seen at once.
void Exchange::watch_slowness(SteadyTime now) {
  if (const std::optional<SteadyTime> next = context_.next_slowness(now)) slowness_.set(*next);
}

void Exchange::report_slowness() {
  const SteadyTime now = std::chrono::steady_clock::now();
  const Outcome outcome = context_.slow_outcome(context_.clock.elapsed_us(now));
  if (outcome.over != 0 || outcome.overdue_change != 0) worker_.outcomes.push(outcome);
  name_failure(outcome, nullptr);
  watch_slowness(now);
}

}  // namespace weir::proxy
