// Confined to one worker, but for post() and what says so. One thread of the data plane: an event loop, its listeners,
// its connections, its upstream pools. run() is the thread's whole life.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "base/asio.h"
#include "proxy/exchange/worker_context.h"
#include "proxy/net/listener.h"
#include "proxy/net/tick_timer.h"
#include "proxy/server/connection.h"
#include "proxy/server/listener_load.h"
#include "proxy/upstream/health_checker.h"

namespace weir::proxy {

// A socket to listen on, and the topology's listener it is for.
struct ListenerSocket {
  std::string address;  // as the plan says it: what tells listeners apart
  Listener::Socket socket;
  std::shared_ptr<ListenerLoad> load;  // of all workers' sockets for it
};

class Worker {
 public:
  struct Place {
    std::uint32_t index = 0;
    std::uint32_t workers = 1;
  };
  Worker(const Snapshot<TrafficPlan>& plans, std::size_t ring_capacity, const Place& place);
  ~Worker();

  void run();
  void post(std::function<void()> task);

  // On the worker's thread. `added` are sockets of listeners that the topology has and this worker does not, or not any
  // more: its own one for the same address then closes.
  void set_topology(std::shared_ptr<const Topology> topology, const std::vector<ListenerSocket>& added);
  // One worker asks for all.
  void check_health();
  void begin_drain();
  void close_listeners();
  // What is no stream.
  void cut_requests();
  void stop();

  // Any thread.
  bool drained() const { return drained_.load(std::memory_order_acquire); }
  const Counters& counters() const { return context_.counters; }
  OutcomeRing& outcomes() { return context_.outcomes; }
  AnswerRing& answers() { return context_.answers; }
  JoinRing& joins() { return context_.joins; }
  FailureRing& failures() { return context_.failures; }
  PairQueue& judged() { return context_.judged; }
  ComparisonRing& comparisons() { return context_.comparisons; }
  LineRing& access_lines() { return context_.access_log.lines(); }
  LineRing& debug_lines() { return context_.debug_log.lines(); }

 private:
  struct Acceptor;
  // Whether there is a place for a connection, or else memory.
  struct Entry {
    bool admitted = false;
    bool overloaded = false;
  };
  using Connections = std::list<Connection>;

  void tick();
  void schedule_tick();
  void accept(Acceptor& acceptor, StreamSocket socket, const SocketAddress& peer);
  Awaitable<> serve(Connections::iterator connection, std::shared_ptr<ListenerLoad> load, Entry entry);
  void take_settings(Acceptor& acceptor) const;
  void resume_listeners();
  std::uint32_t listener_index(const std::string& address) const;
  std::uint32_t connection_limit(const std::string& address) const;
  std::uint32_t places(const std::string& address) const;

  // Sockets and timers belong to this thread alone, so the loop locks nothing for them; posting stays safe for all.
  IoContext io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  WorkerContext context_;
  std::uint32_t workers_;
  TickTimer timer_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  Connections connections_;
  HealthChecker health_;                         // at work in the worker that was told to
  std::vector<Connections::iterator> finished_;  // erased at the next tick: whoever walks the list may have ended them
  bool closing_ = false;
  bool stopped_ = false;
  std::atomic<bool> drained_{false};
};

}  // namespace weir::proxy
