#include "proxy/server/worker.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

namespace weir::proxy {
namespace {

http::LocalReply too_many_connections() {
  return {503, "too_many_connections", "this listener serves as many connections as it may", true, 1};
}

constexpr std::uint32_t kNoListener = UINT32_MAX;

// An exception that leaves a connection is memory that ran out in the middle of a request: its buffers have gone back
// to the pool while a write may still point into them, and the next turn of the loop would send another's bytes.
[[noreturn]] void end_process(const char* what) {
  std::fprintf(stderr, "weir: a request ended in an exception (%s); ending before its bytes can mix with others\n",
               what);
  std::abort();
}

}  // namespace

struct Worker::Acceptor {
  Acceptor(IoContext& io, DeadlineList& deadlines, const ListenerSocket& socket)
      : address(socket.address), listener(io, deadlines, socket.socket), load(socket.load) {}

  std::string address;
  Listener listener;
  std::shared_ptr<ListenerLoad> load;
  Connection::Place place;  // in the newest topology that has the listener
  bool closing = false;

  const ListenerTopology& settings() const { return place.topology->listeners[place.listener]; }
};

Worker::Worker(const Snapshot<TrafficPlan>& plans, std::size_t ring_capacity, const Place& place)
    : context_(io_, plans, ring_capacity),
      workers_(place.workers),
      timer_(io_),
      health_({io_, context_.deadlines, context_.buffers, context_.random, context_.shortage}) {
  context_.index = place.index;
}

Worker::~Worker() = default;

void Worker::run() {
  context_.date.update(std::chrono::system_clock::now());
  schedule_tick();
  io_.run();  // until the last tick: the loop ends once every handler has had its say
}

void Worker::post(std::function<void()> task) { asio::post(io_, std::move(task)); }

void Worker::schedule_tick() {
  timer_.start(DeadlineList::kTick, [this] { tick(); });
}

void Worker::tick() {
  context_.date.update(std::chrono::system_clock::now());
  context_.deadlines.advance(std::chrono::steady_clock::now());
  context_.buffers.set_lent(context_.lent->load(std::memory_order_relaxed));
  const auto buffered = static_cast<std::int64_t>(context_.buffers.in_use());
  context_.counters.add(Count::kBufferBytes, buffered - context_.counters.get(Count::kBufferBytes));
  context_.copies.sweep(context_.buffers.tight());
  if (!stopped_) context_.open_for_candidates();
  for (const auto& cluster : context_.clusters) {
    if (cluster != nullptr) cluster->look_for_room();
  }
  for (const Connections::iterator connection : finished_) connections_.erase(connection);
  finished_.clear();
  std::erase_if(acceptors_, [](const auto& acceptor) { return acceptor->listener.closed(); });
  resume_listeners();
  const bool quiet = acceptors_.empty() && context_.counters.get(Count::kRequests) == 0 && connections_.empty();
  drained_.store(closing_ && quiet, std::memory_order_release);
  if (stopped_ && connections_.empty() && context_.copies.empty()) {
    for (const auto& cluster : context_.clusters) {
      if (cluster != nullptr) cluster->retire();
    }
    return;
  }
  schedule_tick();
}

std::uint32_t Worker::listener_index(const std::string& address) const {
  const auto& listeners = context_.topology->listeners;
  for (std::uint32_t i = 0; i < listeners.size(); ++i) {
    if (listeners[i].address == address) return i;
  }
  return kNoListener;
}

void Worker::set_topology(std::shared_ptr<const Topology> topology, const std::vector<ListenerSocket>& added) {
  const Local<Topology> before = context_.topology;
  context_.set_topology(std::move(topology), workers_);
  // Connections follow their listener by its address; those of a listener that is gone go on by its last settings, and
  // end when they are idle, as do those that its queue still holds.
  if (before) {
    for (auto next = connections_.begin(); next != connections_.end();) {
      Connection& connection = *next++;
      if (connection.left()) continue;
      const std::uint32_t place = listener_index(before->listeners[connection.listener()].address);
      if (place != kNoListener) {
        connection.move_to(place);
      } else {
        connection.stay_behind(before);
        connection.close_when_idle();
      }
    }
  }
  const auto replaced = [&](const Acceptor& acceptor) {
    return std::any_of(added.begin(), added.end(),
                       [&](const ListenerSocket& socket) { return socket.address == acceptor.address; });
  };
  for (const auto& acceptor : acceptors_) {
    take_settings(*acceptor);
    const bool stays = listener_index(acceptor->address) != kNoListener && !replaced(*acceptor);
    if (acceptor->closing || stays) continue;
    acceptor->closing = true;
    acceptor->listener.begin_close();
  }
  for (const ListenerSocket& socket : added) {
    acceptors_.push_back(std::make_unique<Acceptor>(io_, context_.deadlines, socket));
    Acceptor& acceptor = *acceptors_.back();
    take_settings(acceptor);
    acceptor.listener.start(
        [this, &acceptor](StreamSocket accepted, const SocketAddress& peer) {
          accept(acceptor, std::move(accepted), peer);
        },
        [this] { context_.counters.add(Count::kAcceptErrors); });
  }
}

// What the last connections of a listener that is gone still go by.
void Worker::take_settings(Acceptor& acceptor) const {
  const std::uint32_t index = listener_index(acceptor.address);
  if (index != kNoListener) acceptor.place = {context_.topology, index};
}

void Worker::check_health() {
  std::vector<HealthTarget> targets;
  for (const auto& service : context_.topology->owned) {
    for (const VersionTopology& version : service->versions) {
      if (!version.health_check) continue;
      for (const EndpointAddress& endpoint : version.endpoints) {
        targets.push_back({.remote = endpoint.remote,
                           .authority = endpoint.authority,
                           .check = *version.health_check,
                           .state = version.group->endpoint(endpoint.url),
                           .group = version.group});
      }
    }
  }
  health_.set_targets(std::move(targets));
}

// Looked at with every tick, because it may be another worker's connection that has made room, or a reload.
void Worker::resume_listeners() {
  for (const auto& acceptor : acceptors_) {
    if (!acceptor->listener.paused() || acceptor->load->full(places(acceptor->address))) continue;
    acceptor->listener.resume();
  }
}

// The last connections of a listener that a reload has taken away are all let in.
std::uint32_t Worker::connection_limit(const std::string& address) const {
  const std::uint32_t index = listener_index(address);
  if (index == kNoListener) return UINT32_MAX;
  return std::max(1U, context_.topology->listeners[index].limits.connections);
}

// None while there is no memory for what they would do, or for the handshake that they begin with.
std::uint32_t Worker::places(const std::string& address) const {
  const std::uint32_t index = listener_index(address);
  const bool tls = index != kNoListener && context_.topology->listeners[index].tls != nullptr;
  if (context_.buffers.crowded() || (tls && context_.buffers.handshakes_crowded())) return 0;
  return connection_limit(address);
}

void Worker::accept(Acceptor& acceptor, StreamSocket socket, const SocketAddress& peer) {
  context_.counters.add(Count::kConnectionsAccepted);
  const ListenerTopology& settings = acceptor.settings();
  const bool gone = listener_index(acceptor.address) == kNoListener;
  // Whom a proxy speaks for is known later.
  if (!settings.proxy_protocol && !settings.addresses.empty() && !settings.addresses.admits(ip_bytes(peer))) {
    context_.counters.add(Count::kConnectionsDenied);
    return;  // which closes it: who may not connect is not told why
  }
  const std::uint32_t limit = places(acceptor.address);
  const bool overloaded = limit == 0;
  const bool admitted = acceptor.load->admit(limit, std::chrono::steady_clock::now());
  context_.counters.add(admitted ? Count::kConnections : Count::kConnectionsRefused);
  if (overloaded) context_.counters.add(Count::kOverloaded);
  ByteStream stream(std::move(socket));
  if (settings.tls != nullptr) stream.start_tls(settings.tls->accept());
  connections_.emplace_front(context_, std::move(stream), peer, acceptor.place);
  if (settings.proxy_protocol) connections_.front().expect_proxy_header();
  if (gone) connections_.front().stay_behind(acceptor.place.topology);
  if (gone || closing_) connections_.front().close_when_idle();
  if (acceptor.load->full(limit)) acceptor.listener.pause();
  const Entry entry{.admitted = admitted, .overloaded = overloaded};
  asio::co_spawn(io_.get_executor(), serve(connections_.begin(), acceptor.load, entry), asio::detached);
}

// Caught here, before anything else runs: a completion handler may be called a turn of the loop later.
Awaitable<> Worker::serve(Connections::iterator connection, std::shared_ptr<ListenerLoad> load, Entry entry) {
  try {
    if (entry.admitted) {
      co_await connection->serve();
      context_.counters.add(Count::kConnections, -1);
    } else {
      const http::LocalReply reply = entry.overloaded ? http::overloaded() : too_many_connections();
      co_await connection->turn_away(reply, *load);
    }
    finished_.push_back(connection);
    load->leave(entry.admitted);
  } catch (const std::exception& failure) {
    end_process(failure.what());
  } catch (...) {
    end_process("unknown");
  }
}

void Worker::begin_drain() {
  context_.draining = true;
  context_.copies.close();
}

void Worker::close_listeners() {
  closing_ = true;
  for (const auto& acceptor : acceptors_) acceptor->listener.begin_close();
  for (auto next = connections_.begin(); next != connections_.end();) {
    Connection& connection = *next++;
    connection.close_when_idle();
  }
}

void Worker::cut_requests() {
  for (auto next = connections_.begin(); next != connections_.end();) {
    Connection& connection = *next++;
    if (connection.finite_request()) connection.cut();
  }
}

void Worker::stop() {
  stopped_ = true;
  context_.stopping = true;
  acceptors_.clear();
  health_.stop();
  context_.copies.close();
  for (auto next = connections_.begin(); next != connections_.end();) {
    Connection& connection = *next++;
    connection.cut();
  }
}

}  // namespace weir::proxy
