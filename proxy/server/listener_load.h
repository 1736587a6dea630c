// Thread-safe. How many connections one address has over all workers. Counted when one comes and when it goes, never on
// the path of a request.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::proxy {

class ListenerLoad {
 public:
  // So many are told at once that there is no room. Above it nobody is accepted: clients wait in the kernel's queue,
  // until one of these has gone.
  static constexpr std::uint32_t kTurnedAwayAtMost = 128;

  // Takes one of `limit` places. False: none is left, and the connection counts as one that is turned away.
  bool admit(std::uint32_t limit) {
    std::uint32_t now = served_.load(std::memory_order_relaxed);
    while (now < limit) {
      if (served_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return true;
    }
    turned_away_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  // Of a connection that ends: whether it had been admitted.
  void leave(bool admitted) { (admitted ? served_ : turned_away_).fetch_sub(1, std::memory_order_relaxed); }

  // As many are being turned away as may be.
  bool crowded() const { return turned_away_.load(std::memory_order_relaxed) >= kTurnedAwayAtMost; }
  bool full(std::uint32_t limit) const { return served_.load(std::memory_order_relaxed) >= limit && crowded(); }

 private:
  std::atomic<std::uint32_t> served_{0};
  std::atomic<std::uint32_t> turned_away_{0};  // told so, and not gone yet
};

}  // namespace weir::proxy
