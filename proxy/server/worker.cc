#include "proxy/server/worker.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "proxy/http/reply.h"

namespace weir::proxy {
struct Worker::Acceptor {
  Acceptor(IoContext& io, DeadlineList& deadlines, const ListenerSocket& socket)
      : address(socket.address), listener(io, deadlines, socket.descriptor, socket.family) {}

  std::string address;
  Listener listener;
  std::uint32_t connections = 0;
  bool closing = false;
};

Worker::Worker(const Snapshot<TrafficPlan>& plans, std::size_t ring_capacity, std::uint32_t workers)
    : context_(io_, plans, ring_capacity), workers_(workers), timer_(io_) {}

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
  for (const Connections::iterator connection : finished_) connections_.erase(connection);
  finished_.clear();
  forget_closed_listeners();
  const bool quiet = acceptors_.empty() && context_.counters.get(Count::kRequests) == 0 && connections_.empty();
  drained_.store(closing_ && quiet, std::memory_order_release);
  if (stopped_ && connections_.empty()) {
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
  return Connection::kNoListener;
}

void Worker::set_topology(std::shared_ptr<const Topology> topology, const std::vector<ListenerSocket>& added) {
  const Local<Topology> before = context_.topology;
  context_.set_topology(std::move(topology), workers_);
  // Connections follow their listener by its address; those of a listener that is gone are served by any other's
  // settings and end when they are idle, as do those that its queue still holds.
  if (before) {
    for (auto next = connections_.begin(); next != connections_.end();) {
      Connection& connection = *next++;
      if (connection.listener() == Connection::kNoListener) continue;
      const std::uint32_t place = listener_index(before->listeners[connection.listener()].address);
      const bool orphan = place == Connection::kNoListener;
      connection.move_to(orphan ? 0 : place);
      if (orphan) connection.close_when_idle();
    }
  }
  for (const auto& acceptor : acceptors_) {
    if (acceptor->closing || listener_index(acceptor->address) != Connection::kNoListener) continue;
    acceptor->closing = true;
    acceptor->listener.begin_close();
  }
  for (const ListenerSocket& socket : added) {
    acceptors_.push_back(std::make_unique<Acceptor>(io_, context_.deadlines, socket));
    Acceptor& acceptor = *acceptors_.back();
    acceptor.listener.start(
        [this, &acceptor](StreamSocket accepted, const SocketAddress& peer) {
          accept(acceptor, std::move(accepted), peer);
        },
        [this] { context_.counters.add(Count::kAcceptErrors); });
  }
}

void Worker::forget_closed_listeners() {
  std::erase_if(acceptors_,
                [](const auto& acceptor) { return acceptor->listener.closed() && acceptor->connections == 0; });
}

std::uint32_t Worker::connection_limit(const std::string& address) const {
  const std::uint32_t index = listener_index(address);
  if (index == Connection::kNoListener) return 0;
  return std::max(1U, context_.topology->listeners[index].limits.connections / workers_);
}

void Worker::accept(Acceptor& acceptor, StreamSocket socket, const SocketAddress& peer) {
  context_.counters.add(Count::kConnectionsAccepted);
  std::uint32_t place = listener_index(acceptor.address);
  // The last connections of a listener that a reload has taken away are served by any other's settings, then closed.
  const bool orphan = place == Connection::kNoListener;
  if (orphan) place = 0;
  if (context_.topology->listeners.empty()) return;
  if (!orphan && acceptor.connections >= connection_limit(acceptor.address)) return refuse(std::move(socket));
  ++acceptor.connections;
  context_.counters.add(Count::kConnections);
  connections_.emplace_front(context_, ByteStream(std::move(socket)), peer, place);
  if (orphan || closing_) connections_.front().close_when_idle();
  asio::co_spawn(io_.get_executor(), serve(connections_.begin(), acceptor.address), asio::detached);
}

// Over the limit: one answer from the kernel's buffer, and the connection is closed.
void Worker::refuse(StreamSocket socket) {
  context_.counters.add(Count::kConnectionsRefused);
  http::HeadBuffer out;
  http::LocalReply reply{503, "too_many_connections", "this listener serves as many connections as it may", true, 1};
  http::write_local_reply(reply, http::Edits(), {.minor_version = 1, .head_request = false, .keep_alive = false}, out);
  ByteStream stream(std::move(socket));
  const std::array<std::string_view, 1> parts{out.view()};
  stream.write(parts);
}

Awaitable<> Worker::serve(Connections::iterator connection, std::string address) {
  co_await connection->serve();
  finished_.push_back(connection);
  context_.counters.add(Count::kConnections, -1);
  for (const auto& acceptor : acceptors_) {
    if (acceptor->address == address && acceptor->connections > 0) --acceptor->connections;
  }
}

void Worker::begin_drain() { context_.draining = true; }

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
  for (auto next = connections_.begin(); next != connections_.end();) {
    Connection& connection = *next++;
    connection.cut();
  }
}

}  // namespace weir::proxy
