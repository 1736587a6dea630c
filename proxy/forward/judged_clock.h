// Confined to one worker. The latency that a version is judged by (PRODUCT.md section 5): from the request's head to
// the last byte that came from upstream, without the time that was not the version's.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace weir::proxy {

class JudgedClock {
 public:
  // What the clock stands still for.
  enum class Wait : std::uint8_t { kConnecting = 1, kClient = 2 };

  void start(SteadyTime now) {
    start_ = now;
    excluded_ = {};
    waits_ = 0;
  }
  void set(Wait wait, bool on, SteadyTime now) {
    const auto bit = static_cast<std::uint8_t>(wait);
    const auto waits = static_cast<std::uint8_t>(on ? waits_ | bit : waits_ & ~bit);
    if (waits_ == 0 && waits != 0) stopped_at_ = now;
    if (waits_ != 0 && waits == 0) excluded_ += now - stopped_at_;
    waits_ = waits;
  }
  std::uint64_t elapsed_us(SteadyTime now) const {
    const auto elapsed = (waits_ != 0 ? stopped_at_ : now) - start_ - excluded_;
    return static_cast<std::uint64_t>(std::chrono::duration_cast<Microseconds>(elapsed).count());
  }
  bool standing() const { return waits_ != 0; }
  SteadyTime started() const { return start_; }

 private:
  SteadyTime start_{};
  SteadyTime stopped_at_{};
  SteadyTime::duration excluded_{};
  std::uint8_t waits_ = 0;
};

}  // namespace weir::proxy
