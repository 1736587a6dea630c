// Confined to one worker. One version's endpoints: the connections to them, limits, and the queue of requests that wait
// for a connection. Which endpoint is chosen is Rotation's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/asio.h"
#include "base/ids.h"
#include "base/random.h"
#include "proxy/net/connector.h"
#include "proxy/upstream/bulkhead.h"
#include "proxy/upstream/endpoint.h"
#include "proxy/upstream/endpoint_state.h"
#include "proxy/upstream/rotation.h"
#include "proxy/upstream/shortage.h"

namespace weir::proxy {

class Cluster;

// What all clusters of a worker share. Outlives them.
struct UpstreamContext {
  IoContext& io;
  DeadlineList& deadlines;
  BufferPool& buffers;
  Counters& counters;
  Random& random;
  Shortage& shortage;
  std::uint32_t worker = 0;  // whose figures of an endpoint are counted
};

struct ClusterSpec {
  struct Origin {
    Remote remote;
    std::string name = {};  // what it is known by in the group; else its address
  };
  std::vector<Origin> origins;                     // at least one
  std::shared_ptr<EndpointGroup> group = nullptr;  // what all workers know of them; null: one of its own
  config::LoadBalancing balancing = {};
  config::Outlier outlier = {};
  // All of this worker.
  std::uint32_t max_connections = 1024;
  std::uint32_t max_pending = 1024;
  std::uint32_t endpoint_connections = config::kNoCount;
  std::uint32_t endpoint_pending = config::kNoCount;  // times the endpoints that take requests
  std::uint32_t workers = 1;                          // that share what a bulkhead may have
  std::chrono::milliseconds avoid_for{1'000};         // who has refused a connection, before he is asked again
};

// Which bulkhead a request belongs to, kNoId for none: what its limits then say of pending requests is said of that
// one, and how many places there are is the bulkhead's own (set_bulkheads()).
using BulkheadId = std::uint32_t;

// A connection to one endpoint, lent to one request. Given back by release(), or closed when destroyed.
class EndpointLease {
 public:
  EndpointLease() = default;
  EndpointLease(EndpointLease&& other) noexcept;
  EndpointLease& operator=(EndpointLease&& other) noexcept;
  ~EndpointLease() { drop(); }

  explicit operator bool() const { return stream_ != nullptr; }
  UpstreamStream& stream() const { return *stream_; }
  // What the request has shown of its endpoint: said at most once, while the lease is held.
  void succeeded() { endpoint_->state().succeeded(); }
  void failed(EndpointCount how);
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
  Bulkhead::Place place_;
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
  ~Cluster();

  // An idle connection, at once and without a coroutine; empty when one has to be opened or waited for. `observer` is
  // woken by the stream from now on, and `limits` are held to its response.
  EndpointLease try_lease(Wakeable* observer, const config::Limits& limits, EndpointChoice& choice,
                          BulkheadId bulkhead = kNoId);

  struct Request {
    Waker& waker;
    LeaseWaiter& waiter;
    config::Duration connect_timeout;
    const config::Limits& limits;
    EndpointChoice& choice;
    bool fresh = false;  // no idle connection will do
    BulkheadId bulkhead = kNoId;
    bool patient = true;  // false: where there is no room it fails with kOverflow at once, and nobody waits behind it
  };
  // Opens a connection, or waits for one. Errors: kConnect (not to be blamed on the request: retry kIfUnsent),
  // kOverflow, kNoResources when nobody could be asked (retry kIfUnsent), kCancelled when the waiter has given up.
  Awaitable<Result<EndpointLease>> lease(Request request);

  // Of the endpoints that take requests now, whether one is not the one to avoid.
  bool has_another(const EndpointChoice& choice, SteadyTime now) { return rotation_.has_another(choice, now); }

  // Opens a few connections to each endpoint, of 16 at most, before they are asked for, as far as the limits allow.
  // Those that cannot be opened count as any other.
  void open_idle(const config::Timeouts& timeouts);

  // From now on these, at least one. An endpoint that stays, with its name and its remote, keeps its connections; one
  // that is gone gets no more requests, and its connections close as soon as they are idle. Until then they count
  // against the limits as any other.
  void set_origins(std::vector<ClusterSpec::Origin> origins);

  // From now on as this says; also one that was retired. What is held goes on counting, and what is more than it may
  // have now closes as soon as it is idle.
  void become(ClusterSpec spec);

  // With every tick: an endpoint that comes back into rotation has room for those that wait, and nobody tells of it.
  // Whoever takes some wakes the next.
  void look_for_room();

  // From now on bulkhead i has places[i] in the whole process: those that wait get the ones there are now.
  void set_bulkheads(const std::vector<std::uint32_t>& places);

  // No more leases will be asked for, and what is given back is closed: the cluster may be destroyed once unused().
  void retire();
  bool unused() const { return leases_ == 0 && waiting_ == 0 && opening_ == 0; }

 private:
  friend class EndpointLease;
  struct Opening;

  // For open_idle(): of one endpoint, and of how many at most.
  static constexpr std::uint32_t kIdleAtFirst = 2;
  static constexpr std::size_t kEndpointsAtFirst = 16;

  Awaitable<Result<EndpointLease>> open(Request request, Endpoint& endpoint);
  enum class Room : std::uint8_t { kFound, kNone, kGivenUp };
  // What is waited for: a place in the bulkhead, or a connection, by one that has a place or needs none.
  struct Wanted {
    Bulkhead* bulkhead = nullptr;
    bool place = false;
  };
  Awaitable<Room> wait_for_room(Request& request, Wanted wanted);
  bool has_room(const Wanted& wanted);
  bool may_wait(const Request& request, const Wanted& wanted);
  Bulkhead* bulkhead(BulkheadId id) { return id == kNoId ? nullptr : &bulkheads_[id]; }
  // Nobody is overtaken.
  static bool lets_in(const Bulkhead& bulkhead) { return bulkhead.queue.empty() && bulkhead.has_room(); }
  // Held to what the request's route allows.
  struct User {
    Wakeable* observer;
    const config::Limits& limits;
  };
  EndpointLease make_lease(Endpoint& endpoint, std::unique_ptr<Http1Upstream> stream, User user);
  void note_unconnected(Endpoint& endpoint, const Connector& connector);
  void note_failure(Endpoint& endpoint, EndpointCount how);
  bool may_eject_another(SteadyTime now) const;
  std::uint32_t connections() const;
  bool has_room();
  std::uint64_t pending_limit();
  bool close_an_idle_one();
  void shrink();
  bool gives_up(const Endpoint& endpoint);
  UpstreamContext context_;
  std::shared_ptr<EndpointGroup> group_;
  config::LoadBalancing balancing_;
  config::Outlier outlier_;
  std::vector<std::unique_ptr<Endpoint>> gone_;  // until the last request that uses them is done
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  Rotation rotation_;
  std::uint32_t max_connections_;
  std::uint32_t max_pending_;
  std::uint32_t endpoint_pending_;
  std::uint32_t workers_;
  WaitQueue pending_;  // for a connection
  std::unordered_map<BulkheadId, Bulkhead> bulkheads_;
  std::uint32_t waiting_ = 0;  // for whatever
  std::uint32_t leases_ = 0;
  std::uint32_t opening_ = 0;
  bool retired_ = false;
  bool over_limits_ = false;  // it may be: limits have become smaller
  std::vector<std::unique_ptr<Opening>> openings_;
  std::chrono::milliseconds avoid_for_;
};

}  // namespace weir::proxy
