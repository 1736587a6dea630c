// Confined to one worker. Every timeout of a worker in one coarse wheel, instead of a timer and a cancellation per
// operation: setting, moving and clearing a deadline is a few stores, because almost none of them ever passes.
//
// A deadline fires at its time or up to one tick (kTick) and the length of a loop turn later, never earlier.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace weir::proxy {

// `by` after `from`; a year or more is never, whatever the sum would be.
inline SteadyTime after(SteadyTime from, std::chrono::milliseconds by) {
  constexpr std::chrono::hours kYear{24 * 365};
  return by >= kYear ? SteadyTime::max() : from + by;
}

class DeadlineList;

// Embedded in its owner, which it does not outlive; clears itself when destroyed. Made to be set and cleared over and
// over: both merely note the time, and its place in the list follows when its slot is visited. So one that serves a
// connection costs a request next to nothing, and one made for each request does.
class Deadline {
 public:
  using Callback = void (*)(void* owner);
  Deadline(DeadlineList& list, Callback callback, void* owner) : list_(list), callback_(callback), owner_(owner) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { unlink(); }

  void set(SteadyTime at);  // SteadyTime::max(): clears it
  void clear() { at_ = kUnset; }
  bool is_set() const { return at_ != kUnset; }
  SteadyTime at() const { return at_; }

 private:
  friend class DeadlineList;
  static constexpr SteadyTime kUnset = SteadyTime::max();

  void unlink();

  DeadlineList& list_;
  Callback callback_;
  void* owner_;
  SteadyTime at_ = kUnset;
  bool linked_ = false;     // also for a while after it was cleared
  std::uint64_t tick_ = 0;  // the tick whose slot it is linked in
  Deadline* previous_ = nullptr;
  Deadline* next_ = nullptr;
};

class DeadlineList {
 public:
  static constexpr std::chrono::milliseconds kTick{10};

  explicit DeadlineList(SteadyTime now) : start_(now) {}
  DeadlineList(const DeadlineList&) = delete;
  DeadlineList& operator=(const DeadlineList&) = delete;

  // Fires what is due. Callbacks may set, clear and destroy any deadline.
  void advance(SteadyTime now);

 private:
  friend class Deadline;
  static constexpr std::size_t kSlots = 1024;

  std::uint64_t tick_of(SteadyTime at) const;
  SteadyTime time_of(std::uint64_t tick) const { return start_ + tick * kTick; }
  void link(Deadline& deadline);
  void fire(std::uint64_t tick, SteadyTime now);

  SteadyTime start_;
  std::uint64_t done_ = 0;      // ticks up to here have been visited
  Deadline* cursor_ = nullptr;  // the next to visit, while a slot is being visited
  std::array<Deadline*, kSlots> slots_{};
};

}  // namespace weir::proxy
