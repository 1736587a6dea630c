#include "proxy/upstream/cluster.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "config/address.h"

namespace weir::proxy {
namespace {

std::string name_of(const Remote& remote) {
  return remote.unix_path.empty() ? config::to_string({remote.host, remote.port}) : "unix:" + remote.unix_path;
}

// Those of `before` that are among them are taken out of it, and go on as they are. Where another stands at the name of
// one of them, what that one still has open counts with its own.
std::vector<std::unique_ptr<Endpoint>> endpoints_of(const UpstreamContext& context,
                                                    std::vector<ClusterSpec::Origin> origins, EndpointGroup& group,
                                                    std::vector<std::unique_ptr<Endpoint>>& before) {
  std::vector<std::unique_ptr<Endpoint>> endpoints;
  for (ClusterSpec::Origin& origin : origins) {
    if (origin.name.empty()) origin.name = name_of(origin.remote);
    const std::shared_ptr<EndpointState> state = group.endpoint(origin.name);
    const auto same = [&](const auto& known) {
      return known != nullptr && &known->state() == state.get() && known->is_at(origin.remote);
    };
    if (const auto at = std::find_if(before.begin(), before.end(), same); at != before.end()) {
      (*at)->come_back();
      endpoints.push_back(std::move(*at));
      continue;
    }
    const auto named = [&](const auto& known) { return known != nullptr && known->state().name() == origin.name; };
    const auto other = std::find_if(before.begin(), before.end(), named);
    Endpoint::Address address{std::move(origin.remote), state, nullptr};
    if (other != before.end()) address.connections = (*other)->count_of_name();
    endpoints.push_back(std::make_unique<Endpoint>(std::move(address), context.deadlines, context.counters,
                                                   state->counters(context.worker)));
  }
  std::erase(before, nullptr);
  return endpoints;
}

}  // namespace

// A connection that nobody waits for.
struct Cluster::Opening final : public Wakeable {
  Opening(Cluster& of, Endpoint& to, const config::Timeouts& timeouts)
      : cluster(of),
        endpoint(to),
        idle_timeout(timeouts.upstream_idle),
        deadline(
            of.context_.deadlines,
            [](void* self) {
              static_cast<Opening*>(self)->connector.expire();
              static_cast<Opening*>(self)->finish();
            },
            this),
        connector(of.context_.io, to.remote(), *this) {
    endpoint.add_connection(1);
    deadline.set(after(std::chrono::steady_clock::now(), timeouts.connect));
  }
  ~Opening() {
    if (!done) endpoint.add_connection(-1);
  }

  void wake() override {
    if (connector.state() != Connector::State::kPending) finish();
  }
  void finish() {
    if (connector.state() == Connector::State::kConnected) {
      done = true;
      cluster.context_.counters.add(Count::kUpstreamOpened);
      endpoint.keep_idle(std::make_unique<Http1Upstream>(connector.take(), cluster.context_.buffers), idle_timeout);
    } else {
      cluster.note_unconnected(endpoint, connector);
    }
    Cluster& of = cluster;
    std::erase_if(of.openings_, [this](const auto& opening) { return opening.get() == this; });  // the end of it
    of.pending_.wake_next();
  }

  Cluster& cluster;
  Endpoint& endpoint;
  const config::Duration idle_timeout;
  Deadline deadline;
  Connector connector;
  bool done = false;  // the connection is counted as the endpoint's
};

EndpointLease::EndpointLease(Cluster& cluster, Endpoint& endpoint, std::unique_ptr<Http1Upstream> stream)
    : cluster_(&cluster), endpoint_(&endpoint), stream_(std::move(stream)) {}

EndpointLease::EndpointLease(EndpointLease&& other) noexcept
    : cluster_(other.cluster_),
      endpoint_(other.endpoint_),
      stream_(std::move(other.stream_)),
      place_(std::move(other.place_)) {}

EndpointLease& EndpointLease::operator=(EndpointLease&& other) noexcept {
  if (this == &other) return *this;
  drop();
  cluster_ = other.cluster_;
  endpoint_ = other.endpoint_;
  stream_ = std::move(other.stream_);
  place_ = std::move(other.place_);
  return *this;
}

void EndpointLease::release(config::Duration idle_timeout) {
  if (stream_ == nullptr) return;
  if (cluster_->retired_ || endpoint_->gone()) return drop();
  if (cluster_->over_limits_ && cluster_->gives_up(*endpoint_)) return drop();
  endpoint_->add_active(-1);
  --cluster_->leases_;
  endpoint_->keep_idle(std::move(stream_), idle_timeout);
  place_.leave();
  cluster_->pending_.wake_next();
}

void EndpointLease::drop() {
  if (stream_ == nullptr) return;
  stream_.reset();
  endpoint_->add_active(-1);
  endpoint_->add_connection(-1);
  --cluster_->leases_;
  place_.leave();
  cluster_->pending_.wake_next();
}

void EndpointLease::failed(EndpointCount how) {
  const std::string_view tls = stream_->tls_failure();
  if (!tls.empty()) endpoint_->tell_tls_failure(tls);
  cluster_->note_failure(*endpoint_, how);
}

Cluster::Cluster(const UpstreamContext& context, ClusterSpec spec)
    : context_(context),
      group_(spec.group != nullptr ? std::move(spec.group) : std::make_shared<EndpointGroup>()),
      balancing_(std::move(spec.balancing)),
      outlier_(spec.outlier),
      endpoints_(endpoints_of(context, std::move(spec.origins), *group_, gone_)),
      rotation_({*group_, context.random}, {balancing_, spec.endpoint_connections}, endpoints_),
      max_connections_(spec.max_connections),
      max_pending_(spec.max_pending),
      endpoint_pending_(spec.endpoint_pending),
      workers_(spec.workers),
      avoid_for_(spec.avoid_for) {}

Cluster::~Cluster() = default;

EndpointLease Cluster::make_lease(Endpoint& endpoint, std::unique_ptr<Http1Upstream> stream, User user) {
  endpoint.add_active(1);
  ++leases_;
  stream->begin(user.observer, user.limits);
  return {*this, endpoint, std::move(stream)};
}

EndpointLease Cluster::try_lease(Wakeable* observer, const config::Limits& limits, EndpointChoice& choice,
                                 BulkheadId bulkhead_id) {
  if (!pending_.empty()) return {};
  Bulkhead* const within = bulkhead(bulkhead_id);
  if (within != nullptr && !lets_in(*within)) return {};
  Endpoint& endpoint = rotation_.pick(choice);
  std::unique_ptr<Http1Upstream> stream = endpoint.take_idle();
  if (stream == nullptr) return {};
  context_.counters.add(Count::kUpstreamReused);
  EndpointLease lease = make_lease(endpoint, std::move(stream), {observer, limits});
  if (within != nullptr) lease.place_ = Bulkhead::Place(*within);
  return lease;
}

Awaitable<Result<EndpointLease>> Cluster::lease(Request request) {
  Wanted wanted{bulkhead(request.bulkhead), true};
  Room room = Room::kFound;
  Bulkhead::Place place;
  if (wanted.bulkhead != nullptr) {
    if (!lets_in(*wanted.bulkhead)) room = co_await wait_for_room(request, wanted);
    if (room == Room::kFound) place = Bulkhead::Place(*wanted.bulkhead);
  }
  wanted.place = false;
  const bool overtakes = !pending_.empty();
  if (room == Room::kFound && (overtakes || !has_room())) room = co_await wait_for_room(request, wanted);
  if (room == Room::kGivenUp) co_return Error{ErrorKind::kCancelled, Side::kInternal, Retry::kNever, "given_up"};
  if (room == Room::kNone) co_return Error{ErrorKind::kOverflow, Side::kInternal, Retry::kNever, "overflow"};
  Endpoint& endpoint = rotation_.pick(request.choice);
  std::unique_ptr<Http1Upstream> idle = request.fresh ? nullptr : endpoint.take_idle();
  if (idle != nullptr) {
    context_.counters.add(Count::kUpstreamReused);
    EndpointLease lease = make_lease(endpoint, std::move(idle), {&request.waker, request.limits});
    look_for_room();
    lease.place_ = std::move(place);
    co_return std::move(lease);
  }
  if (!rotation_.may_open(endpoint)) endpoint.close_oldest_idle();
  if (connections() >= max_connections_) close_an_idle_one();
  Result<EndpointLease> opened = co_await open(request, endpoint);
  if (opened) opened->place_ = std::move(place);
  co_return std::move(opened);
}

bool Cluster::has_room(const Wanted& wanted) { return wanted.place ? wanted.bulkhead->has_room() : has_room(); }

bool Cluster::may_wait(const Request& request, const Wanted& wanted) {
  if (waiting_ >= pending_limit()) return false;
  return wanted.bulkhead == nullptr || wanted.bulkhead->pending < share_of(request.limits.pending, workers_);
}

Awaitable<Cluster::Room> Cluster::wait_for_room(Request& request, Wanted wanted) {
  if (!request.patient || !may_wait(request, wanted)) co_return Room::kNone;
  WaitQueue& queue = wanted.place ? wanted.bulkhead->queue : pending_;
  queue.join(request.waker);
  if (!wanted.place) look_for_room();
  ++waiting_;
  if (wanted.bulkhead != nullptr) ++wanted.bulkhead->pending;
  context_.counters.add(Count::kPending);
  while (!request.waiter.given_up() && queue.holds(request.waker)) {
    if (!request.waker.take()) co_await request.waker.wait();
    // Another may have taken what woke us: to the front again.
    const bool left = !queue.holds(request.waker) && !has_room(wanted) && !request.waiter.given_up();
    if (left) queue.join_in_front(request.waker);
  }
  queue.leave(request.waker);
  --waiting_;
  if (wanted.bulkhead != nullptr) --wanted.bulkhead->pending;
  context_.counters.add(Count::kPending, -1);
  if (!request.waiter.given_up()) co_return Room::kFound;
  queue.wake_next();  // who was woken for it and does not go on hands it on
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
  endpoint.add_connection(1);
  endpoint.add_awaited(1);
  look_for_room();
  request.waiter.connecting(true);
  Connector connector(context_.io, endpoint.remote(), request.waker);
  while (connector.state() == Connector::State::kPending && !timed_out && !request.waiter.given_up()) {
    if (!request.waker.take()) co_await request.waker.wait();
  }
  if (timed_out) connector.expire();
  request.waiter.connecting(false);
  endpoint.add_awaited(-1);
  --opening_;
  if (connector.state() == Connector::State::kConnected) {
    rotation_.connected(endpoint);
    context_.counters.add(Count::kUpstreamOpened);
    auto stream = std::make_unique<Http1Upstream>(connector.take(), context_.buffers);
    co_return make_lease(endpoint, std::move(stream), {&request.waker, request.limits});
  }
  endpoint.add_connection(-1);
  pending_.wake_next();
  if (request.waiter.given_up()) co_return Error{ErrorKind::kCancelled, Side::kInternal, Retry::kNever, "given_up"};
  note_unconnected(endpoint, connector);
  if (!connector.shortage().empty()) {
    co_return Error{ErrorKind::kNoResources, Side::kInternal, Retry::kIfUnsent, connector.reason()};
  }
  if (!endpoint.gone()) rotation_.avoid(endpoint, std::chrono::steady_clock::now() + avoid_for_);
  co_return Error{ErrorKind::kConnect, Side::kUpstream, Retry::kIfUnsent, connector.reason()};
}

// What is lacking here says nothing of the endpoint.
void Cluster::note_unconnected(Endpoint& endpoint, const Connector& connector) {
  const std::string shortage = connector.shortage();
  if (!shortage.empty()) return context_.shortage.tell(endpoint.state().name(), shortage);
  context_.counters.add(Count::kUpstreamConnectFailed);
  if (!connector.tls_failure().empty()) endpoint.tell_tls_failure(connector.tls_failure());
  note_failure(endpoint, EndpointCount::kConnectFailed);
}

void Cluster::note_failure(Endpoint& endpoint, EndpointCount how) {
  endpoint.count(how);
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!outlier_.enabled || !endpoint.state().failed(now, outlier_)) return;
  const EndpointGroup::Deciding deciding(*group_);
  if (!deciding || endpoint.state().ejected(now) || !may_eject_another(now)) return;
  endpoint.state().eject(now, outlier_);
  context_.counters.add(Count::kUpstreamEjected);
}

bool Cluster::may_eject_another(SteadyTime now) const {
  const auto out =
      std::count_if(endpoints_.begin(), endpoints_.end(), [&](const auto& e) { return e->state().ejected(now); });
  return (static_cast<std::uint64_t>(out) + 1) * kMillion <=
         endpoints_.size() * std::uint64_t{outlier_.max_ejected_ppm};
}

std::uint32_t Cluster::connections() const {
  std::uint32_t sum = 0;
  for (const auto& endpoint : endpoints_) sum += endpoint->connections();
  for (const auto& endpoint : gone_) sum += endpoint->connections();
  return sum;
}

// An idle connection is room: it is used, or gives way to one that is opened. Nobody would wake a request that waits
// for it.
bool Cluster::has_room() {
  const auto has_idle = [](const auto& endpoint) { return endpoint->has_idle(); };
  return (connections() < max_connections_ || std::any_of(endpoints_.begin(), endpoints_.end(), has_idle)) &&
         rotation_.has_room(std::chrono::steady_clock::now());
}

void Cluster::look_for_room() {
  if (!pending_.empty() && has_room()) pending_.wake_next();
}

std::uint64_t Cluster::pending_limit() {
  const std::uint64_t of_endpoints = endpoint_pending_ == config::kNoCount
                                         ? config::kNoCount
                                         : endpoint_pending_ * rotation_.size(std::chrono::steady_clock::now());
  return std::min<std::uint64_t>(max_pending_, of_endpoints);
}

// False: there is none.
bool Cluster::close_an_idle_one() {
  const auto has_idle = [](const auto& endpoint) { return endpoint->has_idle(); };
  const auto at = std::find_if(endpoints_.begin(), endpoints_.end(), has_idle);
  if (at == endpoints_.end()) return false;
  (*at)->close_oldest_idle();
  return true;
}

// Of what is more than the limits allow, what is idle closes now.
void Cluster::shrink() {
  for (const auto& endpoint : endpoints_) {
    while (rotation_.has_too_many(*endpoint) && endpoint->has_idle()) endpoint->close_oldest_idle();
  }
  while (connections() > max_connections_ && close_an_idle_one()) {
  }
  over_limits_ = true;
}

// And what is given back, as long as there is more.
bool Cluster::gives_up(const Endpoint& endpoint) {
  const bool whole = connections() > max_connections_;
  if (whole || rotation_.has_too_many(endpoint)) return true;
  const auto has_too_many = [this](const auto& other) { return rotation_.has_too_many(*other); };
  over_limits_ = std::any_of(endpoints_.begin(), endpoints_.end(), has_too_many);
  return false;
}

void Cluster::open_idle(const config::Timeouts& timeouts) {
  const std::size_t endpoints = std::min(endpoints_.size(), kEndpointsAtFirst);
  for (std::size_t i = 0; i < endpoints; ++i) {
    Endpoint& endpoint = *endpoints_[i];
    while (endpoint.connections() < kIdleAtFirst && rotation_.has_room(endpoint) && connections() < max_connections_) {
      openings_.push_back(std::make_unique<Opening>(*this, endpoint, timeouts));
    }
  }
}

void Cluster::set_origins(std::vector<ClusterSpec::Origin> origins) {
  // Whoever opens a connection to one counts among its connections until it has no more to do with it.
  std::erase_if(gone_, [](const auto& endpoint) { return endpoint->connections() == 0; });
  std::vector<std::unique_ptr<Endpoint>> before = std::move(endpoints_);
  std::move(gone_.begin(), gone_.end(), std::back_inserter(before));
  gone_.clear();
  endpoints_ = endpoints_of(context_, std::move(origins), *group_, before);
  for (std::unique_ptr<Endpoint>& endpoint : before) {
    endpoint->leave();
    gone_.push_back(std::move(endpoint));
  }
  std::erase_if(openings_, [](const auto& opening) { return opening->endpoint.gone(); });
  rotation_.endpoints_changed();
  look_for_room();
}

void Cluster::become(ClusterSpec spec) {
  retired_ = false;
  if (spec.group != nullptr) group_ = std::move(spec.group);
  balancing_ = std::move(spec.balancing);
  outlier_ = spec.outlier;
  max_connections_ = spec.max_connections;
  max_pending_ = spec.max_pending;
  endpoint_pending_ = spec.endpoint_pending;
  workers_ = spec.workers;
  avoid_for_ = spec.avoid_for;
  rotation_.rules_changed(*group_, spec.endpoint_connections);
  set_origins(std::move(spec.origins));
  if (!outlier_.enabled) {
    for (const auto& endpoint : endpoints_) endpoint->state().let_back(std::chrono::steady_clock::now());
  }
  shrink();
}

void Cluster::set_bulkheads(const std::vector<std::uint32_t>& places) {
  for (BulkheadId id = 0; id < places.size(); ++id) bulkheads_[id].set_places(share_of(places[id], workers_));
}

void Cluster::retire() {
  retired_ = true;
  openings_.clear();
  for (const auto& endpoint : endpoints_) endpoint->close_idle();
}

}  // namespace weir::proxy
