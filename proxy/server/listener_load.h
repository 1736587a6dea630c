// Thread-safe. How many connections one address has over all workers. Counted when one comes and when it goes, never on
// the path of a request.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace weir::proxy {

class ListenerLoad {
 public:
  // So many are told at once that there is no room. Above it nobody is accepted: clients wait in the kernel's queue,
  // until one of these has gone.
  static constexpr std::uint32_t kTurnedAwayAtMost = 128;
  // How long each of them stays, then: what others wait for is its place.
  static constexpr std::chrono::milliseconds kStayInACrowd{250};

  // Takes one of `limit` places. False: none is left, and the connection counts as one that is turned away.
  bool admit(std::uint32_t limit, SteadyTime at) {
    std::uint32_t now = served_.load(std::memory_order_relaxed);
    while (now < limit) {
      if (served_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return true;
    }
    const std::uint32_t before = turned_away_.fetch_add(1, std::memory_order_relaxed);
    if (before + 1 >= kTurnedAwayAtMost) crowded_at_.store(at, std::memory_order_relaxed);
    return false;
  }
  // Of a connection that ends: whether it had been admitted.
  void leave(bool admitted) { (admitted ? served_ : turned_away_).fetch_sub(1, std::memory_order_relaxed); }

  // Whether one that has been turned away since then is to go now. So is everybody who was there when as many were as
  // may be, not the first alone, who makes them one less.
  bool hurries(SteadyTime since, SteadyTime now) const {
    return now - since >= kStayInACrowd && crowded_at_.load(std::memory_order_relaxed) >= since - kStayInACrowd;
  }
  bool full(std::uint32_t limit) const { return served_.load(std::memory_order_relaxed) >= limit && crowded(); }

 private:
  // As many are being turned away as may be.
  bool crowded() const { return turned_away_.load(std::memory_order_relaxed) >= kTurnedAwayAtMost; }

  std::atomic<std::uint32_t> served_{0};
  std::atomic<std::uint32_t> turned_away_{0};         // told so, and not gone yet
  std::atomic<SteadyTime> crowded_at_{SteadyTime{}};  // when they last were as many as may be
};

}  // namespace weir::proxy
