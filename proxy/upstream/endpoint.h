// Confined to one worker. One origin as this worker knows it: its idle connections and its load.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "config/limits.h"
#include "proxy/net/connector.h"
#include "proxy/net/deadline_list.h"
#include "proxy/observe/counters.h"
#include "proxy/upstream/endpoint_state.h"
#include "proxy/upstream/http1_upstream.h"

namespace weir::proxy {

class Endpoint {
 public:
  struct Address {
    Remote remote;
    std::shared_ptr<EndpointState> state;  // what all workers know of it
    // Of all that this worker has had under its name; null: it is the first.
    std::shared_ptr<std::uint32_t> connections = nullptr;
  };
  // `own`: this worker's, of this endpoint.
  Endpoint(Address address, DeadlineList& deadlines, Counters& counters, EndpointCounters& own);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  const Remote& remote() const { return address_.remote; }
  EndpointState& state() const { return *address_.state; }
  // Whether it is this one; `remote` is as it was given, without what the endpoint has added.
  bool is_at(const Remote& remote) const;

  // It is no endpoint of its version any more: what is idle closes, and what is in use does when it is given back.
  void leave() {
    gone_ = true;
    close_idle();
  }
  void come_back() { gone_ = false; }
  bool gone() const { return gone_; }

  // The idle connection used last, or null.
  std::unique_ptr<Http1Upstream> take_idle();
  // Keeps a connection that an exchange is done with, if it can carry another, for `idle_timeout` at most.
  // False: it was closed.
  bool keep_idle(std::unique_ptr<Http1Upstream> stream, config::Duration idle_timeout);
  // Closes the one that is idle for longest.
  void close_oldest_idle();
  void close_idle();
  bool has_idle() const { return !idle_.empty(); }

  // Requests that hold a lease.
  std::uint32_t active() const { return active_; }
  void add_active(int by) {
    active_ += static_cast<std::uint32_t>(by);
    own_.add(EndpointCount::kActive, by);
    if (by > 0) own_.add(EndpointCount::kRequests);
  }
  // Those, and the ones for which a connection is being opened: one that is slow to let anybody in is no idle one.
  std::uint32_t load() const { return active_ + awaited_; }
  void add_awaited(int by) { awaited_ += static_cast<std::uint32_t>(by); }
  // Open or opening, idle ones included.
  std::uint32_t connections() const { return connections_; }
  // With those of another that was at its name before, and has left or spoke another TLS.
  std::uint32_t connections_of_name() const { return *address_.connections; }
  const std::shared_ptr<std::uint32_t>& count_of_name() const { return address_.connections; }
  void add_connection(int by) {
    connections_ += static_cast<std::uint32_t>(by);
    *address_.connections += static_cast<std::uint32_t>(by);
    own_.add(EndpointCount::kConnections, by);
    counters_.add(Count::kUpstreamConnections, by);
  }
  void count(EndpointCount count) { own_.add(count); }

  // Why TLS came to nothing: counted, and said in the log once in a while.
  void tell_tls_failure(std::string_view why);
  static constexpr std::chrono::seconds kTellAgainAfter{10};

  // As Rotation last saw it.
  bool in = true;
  SteadyTime in_since{};
  SteadyTime avoided_until{};  // not asked before, unless all are out

 private:
  struct Idle;

  std::unique_ptr<Idle> spare();
  void remove(Idle* idle);

  Address address_;
  DeadlineList& deadlines_;
  Counters& counters_;
  EndpointCounters& own_;
  bool gone_ = false;
  std::uint32_t active_ = 0;
  std::uint32_t awaited_ = 0;
  std::uint32_t connections_ = 0;
  std::vector<std::unique_ptr<Idle>> idle_;
  std::vector<std::unique_ptr<Idle>> spare_;  // of connections in use: parking one again allocates nothing
  SteadyTime tell_tls_again_{};
};

}  // namespace weir::proxy
