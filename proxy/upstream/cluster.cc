#include "proxy/upstream/cluster.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace weir::proxy {

EndpointLease::EndpointLease(Cluster& cluster, Endpoint& endpoint, std::unique_ptr<Http1Upstream> stream)
    : cluster_(&cluster), endpoint_(&endpoint), stream_(std::move(stream)) {}

EndpointLease::EndpointLease(EndpointLease&& other) noexcept
    : cluster_(other.cluster_), endpoint_(other.endpoint_), stream_(std::move(other.stream_)) {}

EndpointLease& EndpointLease::operator=(EndpointLease&& other) noexcept {
  if (this == &other) return *this;
  drop();
  cluster_ = other.cluster_;
  endpoint_ = other.endpoint_;
  stream_ = std::move(other.stream_);
  return *this;
}

void EndpointLease::release(config::Duration idle_timeout) {
  if (stream_ == nullptr) return;
  if (cluster_->retired_) return drop();
  --endpoint_->active;
  --cluster_->leases_;
  endpoint_->keep_idle(std::move(stream_), idle_timeout);
  cluster_->wake_next();
}

void EndpointLease::avoid() {
  cluster_->avoid_ = endpoint_;
  cluster_->avoid_until_ = std::chrono::steady_clock::now() + Cluster::kAvoidFor;
}

void EndpointLease::drop() {
  if (stream_ == nullptr) return;
  stream_.reset();
  --endpoint_->active;
  --endpoint_->connections;
  --cluster_->leases_;
  cluster_->context_.counters.add(Count::kUpstreamConnections, -1);
  cluster_->wake_next();
}

Cluster::Cluster(const UpstreamContext& context, ClusterSpec spec)
    : context_(context), max_connections_(spec.max_connections), max_pending_(spec.max_pending) {
  for (Remote& origin : spec.origins) {
    endpoints_.push_back(std::make_unique<Endpoint>(std::move(origin), context.deadlines, context.counters));
  }
}

EndpointLease Cluster::make_lease(Endpoint& endpoint, std::unique_ptr<Http1Upstream> stream, User user) {
  ++endpoint.active;
  ++leases_;
  stream->begin(user.observer, user.limits);
  return {*this, endpoint, std::move(stream)};
}

// Two drawn at random, the less loaded one taken. Ejected endpoints are left out unless all are.
Endpoint* Cluster::pick() {
  if (endpoints_.size() == 1) return endpoints_.front().get();
  const SteadyTime now = std::chrono::steady_clock::now();
  const auto usable = [&](const Endpoint& endpoint) {
    return !endpoint.ejected(now) && (&endpoint != avoid_ || now >= avoid_until_);
  };
  const auto count = static_cast<std::uint32_t>(
      std::count_if(endpoints_.begin(), endpoints_.end(), [&](const auto& endpoint) { return usable(*endpoint); }));
  const bool panic = count == 0;
  const auto size = static_cast<std::uint32_t>(endpoints_.size());
  const auto draw = [&](std::uint32_t index) {
    for (const auto& endpoint : endpoints_) {
      if ((panic || usable(*endpoint)) && index-- == 0) return endpoint.get();
    }
    return endpoints_.front().get();
  };
  const std::uint32_t among = panic ? size : count;
  const std::uint32_t first = context_.random.below(among);
  Endpoint* const a = draw(first);
  if (among == 1) return a;
  const std::uint32_t second = (first + 1 + context_.random.below(among - 1)) % among;
  Endpoint* const b = draw(second);
  return b->active < a->active ? b : a;
}

EndpointLease Cluster::try_lease(Wakeable* observer, const config::Limits& limits) {
  if (!pending_.empty()) return {};
  Endpoint* const endpoint = pick();
  std::unique_ptr<Http1Upstream> stream = endpoint->take_idle();
  if (stream == nullptr) return {};
  context_.counters.add(Count::kUpstreamReused);
  return make_lease(*endpoint, std::move(stream), {observer, limits});
}

Awaitable<Result<EndpointLease>> Cluster::lease(Request request) {
  if (!has_room()) {
    const Room room = co_await wait_for_room(request);
    if (room == Room::kGivenUp) {
      co_return Error{ErrorKind::kCancelled, Side::kInternal, Retry::kNever, "given_up"};
    }
    if (room == Room::kNone) co_return Error{ErrorKind::kOverflow, Side::kInternal, Retry::kNever, "overflow"};
  }
  Endpoint* const endpoint = pick();
  std::unique_ptr<Http1Upstream> idle = request.fresh ? nullptr : endpoint->take_idle();
  if (idle != nullptr) {
    context_.counters.add(Count::kUpstreamReused);
    co_return make_lease(*endpoint, std::move(idle), {&request.waker, request.limits});
  }
  if (connections() >= max_connections_) close_an_idle_one();
  Result<EndpointLease> opened = co_await open(request, *endpoint);
  co_return std::move(opened);
}

Awaitable<Cluster::Room> Cluster::wait_for_room(Request& request) {
  if (pending_.size() >= max_pending_) co_return Room::kNone;
  pending_.push_back(&request.waker);
  context_.counters.add(Count::kPending);
  const auto queued = [&] { return std::find(pending_.begin(), pending_.end(), &request.waker) != pending_.end(); };
  while (!request.waiter.given_up() && queued()) {
    if (!request.waker.take()) co_await request.waker.wait();
    // Another may have taken what woke us: to the front again.
    if (!queued() && !has_room() && !request.waiter.given_up()) pending_.push_front(&request.waker);
  }
  std::erase(pending_, &request.waker);
  context_.counters.add(Count::kPending, -1);
  if (!request.waiter.given_up()) co_return Room::kFound;
  wake_next();  // who was woken for it and does not go on hands it on
  co_return Room::kGivenUp;
}

Awaitable<Result<EndpointLease>> Cluster::open(Request request, Endpoint& endpoint) {
  bool timed_out = false;
  struct Expiry {
    bool* flag;
    Waker* waker;
  } expiry{&timed_out, &request.waker};
  const auto on_expiry = [](void* self) {
    auto& passed = *static_cast<Expiry*>(self);
    *passed.flag = true;
    passed.waker->wake();
  };
  Deadline deadline(context_.deadlines, on_expiry, &expiry);
  deadline.set(after(std::chrono::steady_clock::now(), request.connect_timeout));

  ++opening_;
  ++endpoint.connections;
  context_.counters.add(Count::kUpstreamConnections);
  request.waiter.connecting(true);
  Connector connector(context_.io, endpoint.remote(), request.waker);
  while (connector.state() == Connector::State::kPending && !timed_out && !request.waiter.given_up()) {
    if (!request.waker.take()) co_await request.waker.wait();
  }
  request.waiter.connecting(false);
  --opening_;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (connector.state() == Connector::State::kConnected) {
    endpoint.connect_succeeded();
    avoid_ = nullptr;
    context_.counters.add(Count::kUpstreamOpened);
    auto stream = std::make_unique<Http1Upstream>(connector.take(), context_.buffers);
    co_return make_lease(endpoint, std::move(stream), {&request.waker, request.limits});
  }
  --endpoint.connections;
  context_.counters.add(Count::kUpstreamConnections, -1);
  wake_next();
  if (request.waiter.given_up()) co_return Error{ErrorKind::kCancelled, Side::kInternal, Retry::kNever, "given_up"};
  context_.counters.add(Count::kUpstreamConnectFailed);
  if (!connector.tls_failure().empty()) endpoint.tell_tls_failure(connector.tls_failure(), now);
  endpoint.connect_failed(now, may_eject_another(now));
  avoid_ = &endpoint;
  avoid_until_ = now + kAvoidFor;
  co_return Error{ErrorKind::kConnect, Side::kUpstream, Retry::kIfUnsent, connector.reason()};
}

// At most half of a version is out (HTTP.md section 0).
bool Cluster::may_eject_another(SteadyTime now) const {
  const auto out = std::count_if(endpoints_.begin(), endpoints_.end(), [&](const auto& e) { return e->ejected(now); });
  return (static_cast<std::size_t>(out) + 1) * 2 <= endpoints_.size();
}

std::uint32_t Cluster::connections() const {
  std::uint32_t sum = 0;
  for (const auto& endpoint : endpoints_) sum += endpoint->connections;
  return sum;
}

// An idle connection is room: it is used, or gives way to one that is opened. Nobody would wake a request that waits
// for it.
bool Cluster::has_room() const {
  return connections() < max_connections_ ||
         std::any_of(endpoints_.begin(), endpoints_.end(), [](const auto& endpoint) { return endpoint->has_idle(); });
}

void Cluster::close_an_idle_one() {
  const auto has_idle = [](const auto& endpoint) { return endpoint->has_idle(); };
  const auto at = std::find_if(endpoints_.begin(), endpoints_.end(), has_idle);
  if (at != endpoints_.end()) (*at)->close_oldest_idle();
}

void Cluster::wake_next() {
  if (pending_.empty()) return;
  Waker* const next = pending_.front();
  pending_.pop_front();
  next->wake();
}

void Cluster::retire() {
  retired_ = true;
  for (const auto& endpoint : endpoints_) endpoint->close_idle();
}

}  // namespace weir::proxy
