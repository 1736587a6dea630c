#include "proxy/server/connection.h"

#include <algorithm>
#include <utility>

#include "proxy/exchange/client.h"
#include "proxy/split/unit_key.h"

namespace weir::proxy {
namespace {

http::LocalReply header_timeout() {
  return {408, "header_timeout", "the request's head did not arrive in time", true, std::nullopt};
}

}  // namespace

Connection::Connection(WorkerContext& worker, ByteStream stream, const SocketAddress& peer, Place place)
    : worker_(worker),
      stream_(std::move(stream), peer, worker.buffers, place.topology->listeners[place.listener].limits),
      deadline_(
          worker.deadlines, [](void* self) { static_cast<Connection*>(self)->stream_.waker().wake(); }, this),
      slowness_(
          worker.deadlines,
          [](void* self) {
            Exchange* const under_way = static_cast<Connection*>(self)->exchange_;
            if (under_way != nullptr) under_way->report_slowness();
          },
          this),
      listener_(place.listener),
      topology_(std::move(place.topology)) {}

// Takes up what a reload has brought.
void Connection::follow() {
  if (!left_) topology_ = worker_.topology;
}

// Of the listener that took the connection, as the newest topology has it.
const ListenerTopology* Connection::settings() const {
  return listener_ < topology_->listeners.size() ? &topology_->listeners[listener_] : nullptr;
}

// Not in the frame of serve(), which an idle connection keeps.
std::unique_ptr<Exchange, Connection::EndExchange> Connection::begin_exchange() {
  void* const block = worker_.exchange_blocks.take(sizeof(Exchange));
  const Exchange::Client client{stream_, deadline_, slowness_, heard_};
  return {new (block) Exchange(worker_, client, topology_, *settings()), {&worker_.exchange_blocks}};
}

void Connection::EndExchange::operator()(Exchange* exchange) const {
  exchange->~Exchange();
  blocks->give(exchange);
}

Awaitable<> Connection::serve() {
  if (stream_.handshake_failed()) tls_share_.shake_hands(worker_.buffers);  // that is to say, it has not been made yet
  bool admitted = true;
  if (proxy_header_) admitted = co_await take_proxy_header();
  if (!admitted) {
    stream_.close();
    co_return;
  }
  for (;;) {
    const Wait waited = co_await wait_for_request();
    if (waited == Wait::kClosed) {
      if (!stream_.sent()) co_await linger();
      break;
    }
    first_ = false;
    {
      const std::unique_ptr<Exchange, EndExchange> exchange = begin_exchange();
      exchange_ = exchange.get();
      co_await exchange->run();
      exchange_ = nullptr;
    }
    if (stream_.discards()) co_await discard_body();
    if (!stream_.next()) {
      co_await linger();
      break;
    }
  }
  note_handshake();
  stream_.close();
}

Awaitable<> Connection::turn_away(http::LocalReply reply, const ListenerLoad& load) {
  follow();
  bool tell = true;
  // It stands before what TLS is to read, and says who is told.
  if (proxy_header_) tell = co_await take_proxy_header(&load);
  if (tell) {
    reply_without_request(reply);
    co_await linger(&load);
    note_handshake();
  }
  stream_.close();
}

// False: it has not come in time, is none, or is of somebody who may not speak for others; or whom it is for may not
// come.
Awaitable<bool> Connection::take_proxy_header(const ListenerLoad* turned_away) {
  Waker& waker = stream_.waker();
  follow();
  if (settings() == nullptr) co_return false;
  const ListenerTopology& of = *settings();
  SteadyTime now = idle_since_ = std::chrono::steady_clock::now();
  const SteadyTime begun = now;
  SteadyTime end = after(now, of.timeouts.header);
  if (turned_away != nullptr) end = std::min(end, now + kLingerFor);
  ProxyHeader::State state = ProxyHeader::State::kMalformed;
  if (!of.hops_named || is_trusted(of.trusted_hops, stream_.peer())) state = stream_.read_proxy_header();
  idle_ = true;
  while (state == ProxyHeader::State::kMore) {
    const SteadyTime patience = std::min(end, closes_at());
    if (now >= patience || worker_.stopping) break;
    if (turned_away != nullptr && turned_away->hurries(begun, now)) break;
    deadline_.set(turned_away == nullptr ? patience : std::min(patience, now + ListenerLoad::kStayInACrowd));
    if (!waker.take()) co_await waker.wait();
    now = std::chrono::steady_clock::now();
    state = stream_.read_proxy_header();
  }
  deadline_.clear();
  idle_ = false;
  if (state != ProxyHeader::State::kWhole) {
    worker_.counters.add(Count::kProxyHeadersRefused);
    co_return false;
  }
  // Asked of whom the connection is for; who may speak for others was asked above.
  const bool admitted = of.addresses.admits(ip_bytes(stream_.peer()));
  if (!admitted) worker_.counters.add(Count::kConnectionsDenied);
  co_return admitted;
}

Awaitable<Connection::Wait> Connection::wait_for_request() {
  Waker& waker = stream_.waker();
  SteadyTime now = idle_since_ = std::chrono::steady_clock::now();
  park_at_ = idle_since_ + kParkAfter;
  request_begun_ = SteadyTime::max();
  idle_ = true;
  Wait result = Wait::kClosed;
  for (;;) {
    follow();
    if (settings() != nullptr) stream_.set_limits(settings()->limits);
    const RequestEvent event = stream_.read_request();
    if (!stream_.handshake_failed()) tls_share_.establish();
    if (event.state == RequestEvent::State::kRequest && settings() != nullptr) {
      result = Wait::kRequest;
      heard_ = now;
      break;
    }
    if (event.state == RequestEvent::State::kRefused) {
      co_await refuse(http::refusal(event.fault));
      break;
    }
    if (event.state == RequestEvent::State::kOverloaded) {
      worker_.counters.add(Count::kOverloaded);
      co_await refuse(http::overloaded());
      break;
    }
    if (event.state != RequestEvent::State::kPending || settings() == nullptr) break;
    const bool closes = now >= closes_at() && !stream_.request_waits();
    if (!stream_.request_begun() && (closes || worker_.stopping)) break;
    if (stream_.request_begun() && now >= request_begun_ && now - request_begun_ >= settings()->timeouts.header) {
      co_await refuse(header_timeout());
      break;
    }
    if (!idle_step(settings()->timeouts, now)) break;
    if (!waker.take()) co_await waker.wait();
    now = std::chrono::steady_clock::now();
  }
  deadline_.clear();
  idle_ = false;
  co_return result;
}

// When an idle connection that has been told to close does so.
SteadyTime Connection::closes_at() const {
  if (!closing_) return SteadyTime::max();
  return first_ ? idle_since_ + kFirstRequest : idle_since_;
}

// Sets the deadline of what is waited for now: the rest of a head, or a first byte. False: waited long enough.
bool Connection::idle_step(const config::Timeouts& timeouts, SteadyTime now) {
  if (stream_.request_begun()) {
    request_begun_ = std::min(request_begun_, now);
    deadline_.set(after(request_begun_, timeouts.header));
    return true;
  }
  const config::Duration patience = first_ ? timeouts.header : timeouts.keep_alive;
  const SteadyTime end = after(idle_since_, patience);
  if (now >= end && !stream_.request_waits()) {
    worker_.counters.add(Count::kIdleClosed);
    return false;
  }
  if (now >= park_at_) {
    stream_.park();
    park_at_ = now + kParkAfter;
  }
  deadline_.set(std::min(closes_at(), stream_.parked() ? end : std::min(end, park_at_)));
  return true;
}

// A request that cannot be read to the end of its head.
Awaitable<> Connection::refuse(http::LocalReply reply) {
  worker_.counters.add(Count::kRequestsRefused);
  reply_without_request(reply);
  co_await linger();
}

void Connection::reply_without_request(const http::LocalReply& reply) {
  const DrawnId id = draw_id(worker_.random);
  http::Edits edits;
  edits.add("x-request-id", {id.data(), id.size()});
  edits.add("date", worker_.date.view());
  stream_.send_reply(reply, edits);
  if (topology_->access_log) write_line(reply, {id.data(), id.size()});
}

// Who speaks plain HTTP has been answered below HTTP.
void Connection::note_handshake() {
  if (!stream_.handshake_failed()) return;
  worker_.counters.add(Count::kTlsHandshakesFailed);
  if (!stream_.spoke_http()) return;
  worker_.counters.add(Count::kRequestsRefused);
  const DrawnId id = draw_id(worker_.random);
  if (topology_->access_log) write_line({400, "tls_expected", "", true, std::nullopt}, {id.data(), id.size()});
}

// A request that could not be read has a line in the access log all the same.
void Connection::write_line(const http::LocalReply& reply, std::string_view request_id) {
  const ListenerTopology* const of = settings();
  RequestContext context;
  context.topology = topology_;
  context.client = ip_bytes(stream_.peer());
  context.request_id = request_id;
  context.status = reply.status;
  context.reason = reply.code;
  worker_.access_log.begin(stream_.refused_request(), context);
  worker_.access_log.end(context, {.listener = of == nullptr ? std::string_view() : std::string_view(of->address),
                                   .peer = stream_.peer(),
                                   .scheme = stream_.scheme()});
}

// A body that does not come to its end in time, or at all, ends the connection.
Awaitable<> Connection::discard_body() {
  Waker& waker = stream_.waker();
  const SteadyTime end = std::chrono::steady_clock::now() + kLingerFor;
  deadline_.set(end);
  while (!worker_.stopping && stream_.discard() && std::chrono::steady_clock::now() < end) {
    if (!waker.take()) co_await waker.wait();
  }
  deadline_.clear();
}

// Our last bytes are on their way: wait until the client has taken them, as long as for one that takes nothing of a
// response, and has closed, so that what it still sends does not reset them (RFC 9112 9.6). Many clients look for an
// answer only behind their whole request: while one sends on, that is waited for.
Awaitable<> Connection::linger(const ListenerLoad* turned_away) {
  Waker& waker = stream_.waker();
  const ListenerTopology* const of = settings();
  SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime end = of == nullptr ? now : after(now, of->timeouts.body_idle);
  // Who has not shaken hands cannot be told anything, and keeps the place of another who could.
  if (stream_.handshake_failed()) end = std::min(end, now + kLingerFor);
  SteadyTime sent = SteadyTime::max();
  const SteadyTime begun = now;
  while (!worker_.stopping) {
    const Http1Downstream::Linger state = stream_.linger();
    if (state == Http1Downstream::Linger::kDone) break;
    now = std::chrono::steady_clock::now();
    const bool sends_on = state == Http1Downstream::Linger::kHeard && !stream_.request_ended();
    if (sent == SteadyTime::max() && stream_.sent()) {
      sent = now;
      end = now + kLingerFor;
    } else if (sent != SteadyTime::max() && sends_on && !worker_.draining && !worker_.buffers.crowded()) {
      end = std::min(now + kLingerFor, sent + kLingerAtMost);
    }
    if (now >= end) break;
    if (turned_away != nullptr && turned_away->hurries(begun, now)) break;
    // Whether it is crowded is looked at once in a while.
    deadline_.set(turned_away == nullptr ? end : std::min(end, now + ListenerLoad::kStayInACrowd));
    if (!waker.take()) co_await waker.wait();
  }
  deadline_.clear();
}

void Connection::close_when_idle() {
  closing_ = true;
  stream_.close_after();
  if (idle_) stream_.waker().wake();
}

void Connection::cut() {
  closing_ = true;
  if (exchange_ != nullptr) return exchange_->cut();
  stream_.cut();
  stream_.waker().wake();
}

}  // namespace weir::proxy
