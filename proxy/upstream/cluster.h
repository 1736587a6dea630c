// Confined to one worker. One version's endpoints: choice by power of two (the less loaded of two drawn at random),
// limits, and the queue of requests that wait for a connection.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/asio.h"
#include "base/random.h"
#include "proxy/net/connector.h"
#include "proxy/upstream/endpoint.h"

namespace weir::proxy {

class Cluster;

// What all clusters of a worker share. Outlives them.
struct UpstreamContext {
  IoContext& io;
  DeadlineList& deadlines;
  BufferPool& buffers;
  Counters& counters;
  Random& random;
};

struct ClusterSpec {
  std::vector<Remote> origins;
  std::uint32_t max_connections = 1024;  // of this worker
  std::uint32_t max_pending = 1024;      // of this worker
};

// A connection to one endpoint, lent to one request. Given back by release(), or closed when destroyed.
class EndpointLease {
 public:
  EndpointLease() = default;
  EndpointLease(EndpointLease&& other) noexcept;
  EndpointLease& operator=(EndpointLease&& other) noexcept;
  ~EndpointLease() { drop(); }

  explicit operator bool() const { return stream_ != nullptr; }
  UpstreamStream& stream() const { return *stream_; }
  // The request goes out once more: to another endpoint, if there is one.
  void avoid();
  // Back to the idle ones if it can carry another request.
  void release(config::Duration idle_timeout);
  // Closes the connection.
  void drop();

 private:
  friend class Cluster;
  EndpointLease(Cluster& cluster, Endpoint& endpoint, std::unique_ptr<Http1Upstream> stream);

  Cluster* cluster_ = nullptr;
  Endpoint* endpoint_ = nullptr;
  std::unique_ptr<Http1Upstream> stream_;
};

// What a request that waits for a connection is asked and told.
class LeaseWaiter {
 public:
  // Set by whoever wakes the waiter: the client went away, or a deadline passed.
  virtual bool given_up() const = 0;
  // Time that passes while a connection is being opened is not the version's (PRODUCT.md section 5).
  virtual void connecting(bool now) = 0;

 protected:
  ~LeaseWaiter() = default;
};

class Cluster {
 public:
  Cluster(const UpstreamContext& context, ClusterSpec spec);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // An idle connection, at once and without a coroutine; empty when one has to be opened or waited for. `observer` is
  // woken by the stream from now on, and `limits` are held to its response.
  EndpointLease try_lease(Wakeable* observer, const config::Limits& limits);

  struct Request {
    Waker& waker;
    LeaseWaiter& waiter;
    config::Duration connect_timeout;
    const config::Limits& limits;
    bool fresh = false;  // no idle connection will do
  };
  // Opens a connection, or waits for one. Errors: kConnect (not to be blamed on the request: retry kIfUnsent),
  // kOverflow, kCancelled when the waiter has given up.
  Awaitable<Result<EndpointLease>> lease(Request request);

  // No more leases will be asked for, and what is given back is closed: the cluster may be destroyed once unused().
  void retire();
  bool unused() const { return leases_ == 0 && pending_.empty() && opening_ == 0; }

 private:
  friend class EndpointLease;

  Endpoint* pick();
  Awaitable<Result<EndpointLease>> open(Request request, Endpoint& endpoint);
  enum class Room : std::uint8_t { kFound, kNone, kGivenUp };
  Awaitable<Room> wait_for_room(Request& request);
  // Held to what the request's route allows.
  struct User {
    Wakeable* observer;
    const config::Limits& limits;
  };
  EndpointLease make_lease(Endpoint& endpoint, std::unique_ptr<Http1Upstream> stream, User user);
  bool may_eject_another(SteadyTime now) const;
  std::uint32_t connections() const;
  bool has_room() const;
  void close_an_idle_one();
  void wake_next();

  UpstreamContext context_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::uint32_t max_connections_;
  std::uint32_t max_pending_;
  std::deque<Waker*> pending_;
  std::uint32_t leases_ = 0;
  std::uint32_t opening_ = 0;
  bool retired_ = false;
  // Refused a connection, or failed a request that was sent once more: not asked again at once.
  static constexpr std::chrono::seconds kAvoidFor{1};
  Endpoint* avoid_ = nullptr;
  SteadyTime avoid_until_{};
};

}  // namespace weir::proxy
