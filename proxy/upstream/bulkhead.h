// Confined to one worker. What the requests of one route, or of one listener, hold of a version where the plan bounds
// that: however many of them hang, the version's other connections are left to everybody else's requests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>

#include "config/limits.h"
#include "proxy/net/waker.h"

namespace weir::proxy {

// A worker's part of what the process may have: rounded up, one at least, for no worker knows of another's.
constexpr std::uint32_t share_of(std::uint32_t limit, std::uint32_t workers) {
  if (limit == config::kNoCount) return limit;
  return std::max(1U, (limit + workers - 1) / workers);
}

// Requests that wait for the same thing, the longest one first.
class WaitQueue {
 public:
  std::size_t size() const { return waiting_.size(); }
  bool empty() const { return waiting_.empty(); }
  bool holds(const Waker& waker) const { return std::find(waiting_.begin(), waiting_.end(), &waker) != waiting_.end(); }
  void join(Waker& waker) { waiting_.push_back(&waker); }
  // One whose turn it was, and who found nothing.
  void join_in_front(Waker& waker) { waiting_.push_front(&waker); }
  void leave(const Waker& waker) { std::erase(waiting_, &waker); }
  // Whoever is first is no longer among them.
  void wake_next() {
    if (waiting_.empty()) return;
    Waker* const next = waiting_.front();
    waiting_.pop_front();
    next->wake();
  }

 private:
  std::deque<Waker*> waiting_;
};

class Bulkhead {
 public:
  // One request's place, until it ends. The bulkhead outlives it.
  class Place {
   public:
    Place() = default;
    explicit Place(Bulkhead& of) : of_(&of) { ++of.held_; }
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      if (this == &other) return *this;
      leave();
      of_ = std::exchange(other.of_, nullptr);
      return *this;
    }
    ~Place() { leave(); }

    void leave() {
      Bulkhead* const of = std::exchange(of_, nullptr);
      if (of == nullptr) return;
      --of->held_;
      of->queue.wake_next();
    }

   private:
    Bulkhead* of_ = nullptr;
  };

  bool has_room() const { return held_ < places_; }
  // From now on this many: also for those that wait, whichever plan they came under.
  void set_places(std::uint32_t places) {
    places_ = places;
    const std::size_t free = places_ > held_ ? places_ - held_ : 0;
    for (std::size_t woken = std::min(free, queue.size()); woken > 0; --woken) queue.wake_next();
  }

  WaitQueue queue;            // for a place
  std::uint32_t pending = 0;  // these, and those that have one and wait for a connection

 private:
  std::uint32_t held_ = 0;
  std::uint32_t places_ = config::kNoCount;
};

}  // namespace weir::proxy
