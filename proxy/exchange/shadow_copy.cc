#include "proxy/exchange/shadow_copy.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <limits>
#include <utility>

#include "base/hash.h"
#include "proxy/exchange/retry_policy.h"
#include "proxy/http/media_type.h"
#include "proxy/route/model_path.h"

namespace weir::proxy {
namespace {

// Of the draw whether a request is copied: no other hash of its id is like it.
constexpr std::uint64_t kMirrorSeed = 4;

constexpr Error kTooLate{ErrorKind::kTimeout, Side::kUpstream, Retry::kNever, "timeout"};

std::uint32_t saturated_us(std::uint64_t us) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(us, std::numeric_limits<std::uint32_t>::max()));
}

// By its id alone, so that whoever else asks says the same. A higher share copies those of a lower one, and more.
bool is_drawn(const RequestContext& context) {
  const std::uint64_t hash = xxh3_64(context.request_id, context.service->split.spec().identity + kMirrorSeed);
  return bucket_ppm(static_cast<std::uint32_t>(hash)) < context.traffic->mirror_ppm;
}

std::optional<bool> is_sound(const AnswerFacts* facts) {
  if (facts == nullptr || !facts->known || facts->ending != Ending::kOk) return std::nullopt;
  return !facts->invalid;
}

// Of a stream only what was written in it can be JSON.
JsonForm json_form(const AnswerDigest& answer, std::optional<bool> sound, bool asked) {
  if (sound == false) return JsonForm::kInvalid;
  if (answer.json() != JsonForm::kNone) return answer.json();
  return sound && asked ? JsonForm::kValid : JsonForm::kNone;
}

// What is a copy already is not copied again: two weirs in a row would double it, two in a ring never end.
bool may_be_copied(const http::RequestHead& request, const RequestContext& context) {
  const Assignment& assigned = context.assignment;
  if (assigned.arm != Arm::kBaseline || !chosen_by_split(assigned.reason)) return false;
  if (context.traffic->identity != context.service->split.spec().identity) return false;
  if (context.hop_trusted && request.fields.has(http::FieldId::kXWeirShadow)) return false;
  const auto& methods = context.service->mirror.methods;
  return std::find(methods.begin(), methods.end(), request.method) != methods.end();
}

}  // namespace

ShadowCopy* begin_copy(WorkerContext& worker, const CopySource& source, RequestBody& body) {
  const RequestContext& context = source.context;
  const http::RequestHead& request = source.arrival.request;
  if (worker.draining || !may_be_copied(request, context) || !is_drawn(context)) return nullptr;
  const config::Mirror& mirror = context.service->mirror;
  if (request.framing == http::BodyFraming::kLength && request.content_length > mirror.body) {
    worker.counters.add(Count::kShadowTooLong);
    return nullptr;
  }
  const bool room = worker.copies.has_room(share_of(mirror.in_flight, worker.workers));
  const bool rests = worker.copies.rests(context.service->candidate, context.clock.started());
  if (!room || rests || worker.buffers.tight()) {
    worker.counters.add(Count::kShadowOverloaded);
    return nullptr;
  }
  auto made = std::make_unique<ShadowCopy>(worker, context);
  if (!made->keep_head(source)) return nullptr;
  ShadowCopy& copy = worker.copies.add(std::move(made));
  worker.counters.add(Count::kShadowActive);
  body.show(copy);
  return &copy;
}

ShadowCopy::ShadowCopy(WorkerContext& worker, const RequestContext& context)
    : worker_(worker),
      topology_(context.topology),
      route_(*context.route),
      service_(*context.service),
      candidate_(*topology_->version(service_.candidate)),
      timeouts_(route_.timeouts),
      deadline_(
          worker.deadlines, [](void* self) { static_cast<ShadowCopy*>(self)->request_.waker().wake(); }, this),
      request_(worker.buffers) {
  timeouts_.total = std::min(timeouts_.total, service_.mirror.timeout);
  comparison_.service = service_.id;
  comparison_.epoch = context.assignment.epoch;
  if (service_.judged == 0) return;
  pair_ = std::make_unique<JudgedPair>();
  pair_->held = HeldBytes(worker.lent);
  pair_->request_id = context.request_id;
}

bool ShadowCopy::keep_head(const CopySource& source) {
  const RequestContext& context = source.context;
  http::Edits edits;
  edit_request(source.arrival, context, worker_.forwarded_space, edits);
  edits.set_fallback_host(candidate_.endpoints.front().authority);
  const std::string named = with_model(context.path, candidate_.model_path);
  edits.set_path(named.empty() ? context.path : named);
  if (route_.rewrite) edits.set_host(route_.rewrite->host);
  edits.change(route_.request_changes);
  edits.set(http::FieldId::kXWeirShadow, "x-weir-shadow", "true");
  const std::string_view key = find_affinity_key(candidate_.balancing.by, source.facts);
  if (!key.empty()) endpoint_.key = xxh3_64(key);
  return request_.keep_head(source.arrival.request, edits);
}

// Sent from a turn of the loop of its own: the exchange is in the middle of its own sending.
void ShadowCopy::on_body(std::string_view data, const http::FieldList* trailers) {
  if (state_ != State::kReading) return;
  if (!request_.keep_body(data, service_.mirror.body)) return give_up(Count::kShadowTooLong);
  if (worker_.buffers.tight()) return give_up(Count::kShadowOverloaded);
  if (trailers == nullptr) return;
  request_.keep_trailers(*trailers);
  json_asked_ = asks_json();
  if (pair_ != nullptr) begin_pair();
  state_ = State::kSent;
  running_ = true;
  asio::post(worker_.io, [this] {
    asio::co_spawn(worker_.io.get_executor(), run(), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);  // memory that ran out ends the process (proxy/server/worker.cc)
    });
  });
}

// The request that is being copied may have told its exchange long after it was copied.
bool ShadowCopy::asks_json() {
  if (route_.inspect == config::Inspect::kOff || !says_json(request_.request())) return false;
  std::unique_ptr<RequestReader> reader = worker_.readers.take();
  reader->begin(config::BodyText::kAnswerFormat);
  reader->take(request_.body());
  const bool asks = reader->asks_json();
  worker_.readers.give(std::move(reader));
  return asks;
}

BodyObserver* ShadowCopy::watch_baseline(AnswerReader* reader) {
  if (state_ == State::kGivenUp) return reader;
  baseline_.begin(reader);
  baseline_reader_ = reader;
  baseline_.keep(service_.judged, worker_.lent);
  if (reader != nullptr) reader->show_words(baseline_.words());
  return &baseline_;
}

// Without the whole of the baseline's answer there is nothing to compare another one with.
void ShadowCopy::baseline_ended(const Outcome& outcome) {
  baseline_ended_ = true;
  const AnswerReader* const reader = std::exchange(baseline_reader_, nullptr);
  baseline_sound_ = is_sound(reader == nullptr ? nullptr : &reader->facts());
  comparison_.sides[0] = {.version = outcome.version,
                          .outcome = outcome.outcome,
                          .json = json_form(baseline_, baseline_sound_, json_asked_),
                          .duration_us = saturated_us(outcome.latency_us),
                          .bytes = baseline_.bytes()};
  if (outcome.outcome == OutcomeClass::kClientAbort || state_ == State::kReading) give_up(Count::kShadowAbandoned);
  if (state_ == State::kAnswered) compare();
}

void ShadowCopy::give_up(Count why) {
  if (state_ != State::kReading && state_ != State::kSent) return;
  state_ = State::kGivenUp;
  worker_.counters.add(why);
  if (running_) {
    request_.leave();
  } else {
    leave();
  }
}

void ShadowCopy::forgo_judge() {
  if (pair_ == nullptr) return;
  pair_.reset();
  baseline_.keep(0, nullptr);
  answer_.keep(0, nullptr);
  worker_.counters.add(Count::kShadowUnjudged);
}

// What it has taken others may have.
void ShadowCopy::leave() {
  request_.release();
  worker_.copies.leave();
  worker_.counters.add(Count::kShadowActive, -1);
}

Awaitable<> ShadowCopy::run() {
  clock_.start(std::chrono::steady_clock::now());
  for (bool again = false; state_ == State::kSent;) {
    Result<EndpointLease> opened = co_await lease(again);
    if (!opened) {
      settle_unconnected(opened.error());
      break;
    }
    EndpointLease held = std::move(*opened);
    RequestBody body(request_, worker_.buffers);
    inspect();
    Forwarder forwarder(
        {request_, body, held.stream(), *this, deadline_, clock_, timeouts_, false, &answer_, editor()});
    for (bool more = start(forwarder); more; more = forwarder.resume()) {
      if (!request_.waker().take()) co_await request_.waker().wait();
    }
    again = settle(forwarder.result(), held, again);
    if (!again) break;
  }
  end();
}

Awaitable<Result<EndpointLease>> ShadowCopy::lease(bool fresh) {
  Waker& waker = request_.waker();
  // None: a reload has taken the version away.
  Cluster* const cluster = worker_.clusters[candidate_.id].get();
  if (cluster == nullptr) co_return Error{ErrorKind::kOverflow, Side::kInternal, Retry::kNever, "no_version"};
  if (!fresh) {
    EndpointLease idle = cluster->try_lease(&waker, route_.limits, endpoint_);
    if (idle) co_return std::move(idle);
  }
  const Cluster::Request request{.waker = waker,
                                 .waiter = *this,
                                 .connect_timeout = timeouts_.connect,
                                 .limits = route_.limits,
                                 .choice = endpoint_,
                                 .fresh = fresh,
                                 .patient = false};
  deadline_.set(after(clock_.started(), timeouts_.total));
  Result<EndpointLease> opened = co_await cluster->lease(request);
  deadline_.clear();
  co_return std::move(opened);
}

void ShadowCopy::inspect() {
  attempt_ = {};
  AnswerReader* reader = nullptr;
  if (route_.inspect != config::Inspect::kOff) {
    if (inspection_ == nullptr) inspection_ = worker_.inspections.take();
    reader = &inspection_->begin(route_.inspect);
    if (json_asked_) reader->expect_json();
    attempt_.answer = &reader->facts();
    reader->show_words(answer_.words());
  }
  answer_.begin(reader);
  answer_.keep(service_.judged, worker_.lent);
}

// As the request itself would be changed on its way to the candidate. Behind inspect().
BodyFilter* ShadowCopy::editor() {
  if (inspection_ == nullptr || request_.request_ended()) return nullptr;
  return inspection_->edit(request_.request(), route_, candidate_);
}

// No coroutine: its frame would be as large as the edits are.
bool ShadowCopy::start(Forwarder& forwarder) {
  if (!std::exchange(sent_, true)) worker_.counters.add(Count::kShadowCopies);
  http::Edits edits;
  if (inspection_ != nullptr) edits.lengthen(inspection_->growth());
  return forwarder.start(edits);
}

bool ShadowCopy::total_passed() const {
  return std::chrono::steady_clock::now() >= after(clock_.started(), timeouts_.total);
}

void ShadowCopy::settle_unconnected(const Error& error) {
  const bool ours = error.kind == ErrorKind::kOverflow || error.kind == ErrorKind::kNoResources;
  if (ours) give_up(Count::kShadowOverloaded);
  attempt_.error = error;
  if (error.kind == ErrorKind::kCancelled) attempt_.error = kTooLate;  // or it was given up
}

// True: once more, on a fresh connection, for the old one had been kept too long.
bool ShadowCopy::settle(const ForwardResult& result, EndpointLease& lease, bool fresh) {
  if (!result.error) {
    lease.release(timeouts_.upstream_idle);
    return false;
  }
  const UpstreamStream& upstream = lease.stream();
  const FailedAttempt failed{.error = *result.error,
                             .unsent = upstream.untouched() && upstream.bytes_sent() == 0};
  attempt_.error = result.error;
  lease.drop();  // before the body, which it may still be sent from, goes
  const bool stale = !fresh && state_ == State::kSent && was_stale(failed, idempotent(request_.request().method));
  if (stale) request_.rewind();
  return stale;
}

void ShadowCopy::end() {
  running_ = false;
  if (state_ == State::kSent) {
    state_ = State::kAnswered;
    note_candidate();
    worker_.buffers.set_lent(worker_.lent->load(std::memory_order_relaxed));
    if (worker_.buffers.lending_crowded()) forgo_judge();
    if (baseline_ended_) compare();
  }
  deadline_.clear();
  leave();
  if (inspection_ != nullptr) worker_.inspections.give(std::move(inspection_));
}

void ShadowCopy::note_candidate() {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::uint64_t duration_us = clock_.elapsed_us(attempt_.error ? now : ended_at_);
  comparison_.sides[1] = {.version = candidate_.id,
                          .outcome = classify(attempt_),
                          .json = json_form(answer_, is_sound(attempt_.answer), json_asked_),
                          .duration_us = saturated_us(duration_us),
                          .bytes = answer_.bytes()};
  if (comparison_.sides[1].outcome == OutcomeClass::kCapacity) worker_.copies.rest(candidate_.id, now);
}

void ShadowCopy::compare() {
  const bool both_good =
      std::all_of(comparison_.sides.begin(), comparison_.sides.end(),
                  [](const Comparison::Side& side) { return side.outcome == OutcomeClass::kOk; });
  if (both_good) comparison_.likeness = baseline_.likeness(answer_);
  // A call's arguments, which nobody asks for, are JSON all the same.
  auto& [baseline, candidate] = comparison_.sides;
  const bool alone = candidate.json == JsonForm::kInvalid && baseline.json == JsonForm::kNone && baseline_sound_ == true;
  if (alone) baseline.json = JsonForm::kValid;
  worker_.comparisons.push(comparison_);
  if (pair_ != nullptr && both_good && comparison_.likeness != Likeness::kIdentical) show_judge();
}

// While the request is there.
void ShadowCopy::begin_pair() {
  const http::RequestHead& head = request_.request();
  pair_->method = head.method;
  pair_->path = head.path;
  pair_->request = {.type = std::string(http::media_type(head.fields)),
                    .text = std::string(request_.body().substr(0, service_.judged)),
                    .bytes = request_.body().size()};
  pair_->held.set(pair_->request.text.capacity());
}

// Whose answer is better is asked only where both are good, and differ.
void ShadowCopy::show_judge() {
  pair_->comparison = comparison_;
  pair_->answers[0] = {.type = baseline_.type(), .text = baseline_.take_kept(), .bytes = baseline_.bytes()};
  pair_->answers[1] = {.type = answer_.type(), .text = answer_.take_kept(), .bytes = answer_.bytes()};
  pair_->held.set(pair_->request.text.capacity() + pair_->answers[0].text.capacity() + pair_->answers[1].text.capacity());
  worker_.buffers.set_lent(worker_.lent->load(std::memory_order_relaxed));
  if (worker_.buffers.lending_crowded()) return forgo_judge();
  if (!worker_.judged.push(std::move(pair_))) worker_.counters.add(Count::kShadowUnjudged);
}

void ShadowCopy::on_response_head(http::ResponseHead& head, http::Edits& /*edits*/, SteadyTime /*now*/) {
  attempt_.status = head.status;
  attempt_.retry_after = head.fields.has(http::FieldId::kRetryAfter);
}

void ShadowCopy::connecting(bool now) {
  clock_.set(JudgedClock::Wait::kConnecting, now, std::chrono::steady_clock::now());
}

}  // namespace weir::proxy
