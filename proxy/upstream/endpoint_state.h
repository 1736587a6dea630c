// Thread-safe. What all workers know of a version's endpoints together: whether each may take requests. It outlives a
// reload in which the version keeps its name and the endpoint its URL.
//
// Shared, because a worker sees only its part of the requests: with many workers an endpoint that fails would be asked
// many times five requests before each of them had noticed. A request that goes well writes nothing here; what is
// written, rarely, is relaxed atomics.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/balancing.h"
#include "proxy/observe/counters.h"

namespace weir::proxy {

class EndpointGroup;

class EndpointState {
 public:
  EndpointState(EndpointGroup& group, std::string name);
  EndpointState(const EndpointState&) = delete;
  EndpointState& operator=(const EndpointState&) = delete;

  const std::string& name() const { return name_; }
  // Of the name: which keys are this endpoint's, whatever its place among the others.
  std::uint64_t hash() const { return hash_; }

  // A gateway failure: true when it was the last of enough in a row. Then eject() may follow.
  bool failed(SteadyTime now, const config::Outlier& outlier);
  void succeeded() {
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
  }
  // Left out, longer each time, until it has been in for as long as the longest. By one thread at a time.
  void eject(SteadyTime now, const config::Outlier& outlier);
  // Takes requests again, and begins anew: nobody is left out any more for what requests show.
  void let_back(SteadyTime now);
  SteadyTime ejected_until() const { return ejected_until_.load(std::memory_order_relaxed); }
  bool ejected(SteadyTime now) const { return now < ejected_until(); }

  // As its health checks say; one that has none is healthy.
  bool healthy() const { return healthy_.load(std::memory_order_relaxed); }
  void set_healthy(bool healthy, SteadyTime now);

  // When it began to take requests, or did so again: it may be cold since. Never, for one that has been there from the
  // start.
  SteadyTime in_since(SteadyTime now) const;
  void came(SteadyTime now) { came_.store(now, std::memory_order_relaxed); }

  // This worker's figures of it, made when they are asked for first. Not for each request.
  EndpointCounters& counters(std::uint32_t worker);
  std::int64_t total(EndpointCount count) const;  // summed over the workers
  std::uint32_t ejections() const { return all_ejections_.load(std::memory_order_relaxed); }

 private:
  EndpointGroup& group_;
  const std::string name_;
  const std::uint64_t hash_;
  // Those in a row in the low 16 bits, and above them when the first was, in milliseconds: one word, so that no count
  // meets another row's beginning.
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<SteadyTime> ejected_until_{SteadyTime()};
  std::atomic<std::uint32_t> ejections_{0};
  std::atomic<std::uint32_t> all_ejections_{0};
  std::atomic<bool> healthy_{true};
  std::atomic<SteadyTime> came_{SteadyTime()};
  mutable std::mutex mutex_;                                 // of the list alone
  std::vector<std::unique_ptr<EndpointCounters>> counters_;  // by worker
};

class EndpointGroup {
 public:
  // That of this name, made when it is asked for first. Whoever holds it holds the group as well.
  std::shared_ptr<EndpointState> endpoint(const std::string& name);
  // Of the one whose hash it is; empty when there is none. For people to read, not for requests.
  std::string name_of(std::uint64_t hash) const;
  // Forgets all others: who comes back under such a name begins anew.
  void keep(const std::set<std::string>& names);

  // Rises whenever an endpoint goes out or comes back, but for one that comes back with time.
  std::uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

  // Who may leave an endpoint out: one at a time, or two workers could each take what was the last to spare. Whoever
  // finds another at it leaves it at that; the next failure asks again.
  class Deciding {
   public:
    explicit Deciding(EndpointGroup& group)
        : group_(group), first_(!group.deciding_.test_and_set(std::memory_order_acquire)) {}
    Deciding(const Deciding&) = delete;
    Deciding& operator=(const Deciding&) = delete;
    ~Deciding() {
      if (first_) group_.deciding_.clear(std::memory_order_release);
    }
    explicit operator bool() const { return first_; }

   private:
    EndpointGroup& group_;
    const bool first_;
  };

 private:
  friend class EndpointState;
  void changed() { changes_.fetch_add(1, std::memory_order_release); }

  std::atomic<std::uint64_t> changes_{1};
  std::atomic_flag deciding_;
  mutable std::mutex mutex_;  // of the map alone: not taken by requests
  std::map<std::string, std::shared_ptr<EndpointState>> endpoints_;
};

}  // namespace weir::proxy
