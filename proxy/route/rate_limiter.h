// Thread-safe, without locks: all workers count in one. A token bucket for each key, as the generic cell rate algorithm
// (ITU-T I.371): of a bucket only the time is kept at which it will be full again, and a request is taken when that is
// not further off than the burst allows.
//
// The table of buckets has a fixed size. Keys are hashed, with a seed of our own, into sets of a few slots; a key that
// finds its set taken gets the place of the one that owes least: of a bucket that is full nothing is lost, and of the
// others the one that would be full first is forgotten before its time. So clients that make up keys can shut out
// nobody, and who owes much stays known; what they can do is let keys that owe little begin anew. But for that, and for
// a request or so that two workers take at the same moment, a key never gets more than the limit, and never less.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/rate_limit.h"

namespace weir::proxy {

class RateLimiter {
 public:
  static constexpr std::size_t kSlots = 32'768;  // 512 KiB
  static constexpr std::size_t kWays = 8;        // slots of a set

  RateLimiter(const config::RateLimit& limit, std::uint64_t seed);

  struct Taken {
    std::chrono::nanoseconds wait{};  // zero: taken; else how long it is until one of this key can be
    bool forgot = false;              // a key that still owed had to make way
  };
  Taken take(std::string_view key, SteadyTime now);
  const config::RateLimit& limit() const { return limit_; }

 private:
  struct Slot {
    std::atomic<std::uint64_t> key{0};  // its hash; 0: nobody's
    std::atomic<std::uint64_t> due{0};  // when the bucket is full, in nanoseconds of the steady clock
  };

  Slot& slot_of(std::uint64_t hash, std::uint64_t now, bool& forgot);

  config::RateLimit limit_;
  std::uint64_t seed_;
  std::uint64_t interval_ns_;
  std::uint64_t tolerance_ns_;
  std::vector<Slot> slots_;  // one, when there is one key only
};

// Confined to one thread. The limiters in use, so that a reload goes on with those whose route did not change.
class RateLimiters {
 public:
  std::shared_ptr<RateLimiter> of(const std::string& route, const config::RateLimit& limit);

 private:
  std::map<std::string, std::weak_ptr<RateLimiter>> by_route_;
};

}  // namespace weir::proxy
