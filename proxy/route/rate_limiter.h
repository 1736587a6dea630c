// Thread-safe, without locks: all workers count in one. A token bucket for each key, as the generic cell rate algorithm
// (ITU-T I.371): of a bucket only the time is kept at which it will be full again, and a request is taken when that is
// not further off than the burst allows.
//
// Keys are hashed, with a seed of our own, into two tables of fixed size, and the bucket of a key is the emptier of its
// two slots' debts (as in a count-min sketch). So nothing is allocated and nothing evicted, however many keys clients
// make up. A key never gets more than the limit, but for a request or so that two workers take at the same moment; it
// gets less only if it shares both of its slots with keys that are busy.
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
  static constexpr std::size_t kSlots = 32'768;  // of each table: 512 KiB in all

  RateLimiter(const config::RateLimit& limit, std::uint64_t seed);

  // Zero: taken. Else how long it is until one of this key can be.
  std::chrono::nanoseconds take(std::string_view key, SteadyTime now);
  const config::RateLimit& limit() const { return limit_; }

 private:
  using Slot = std::atomic<std::uint64_t>;  // nanoseconds of the steady clock

  std::uint64_t advanced(std::uint64_t due, std::uint64_t now) const;

  config::RateLimit limit_;
  std::uint64_t seed_;
  std::uint64_t interval_ns_;
  std::uint64_t tolerance_ns_;
  std::vector<Slot> first_;
  std::vector<Slot> second_;  // empty when there is one key only
};

// Confined to one thread. The limiters in use, so that a reload goes on with those whose route did not change.
class RateLimiters {
 public:
  std::shared_ptr<RateLimiter> of(const std::string& route, const config::RateLimit& limit);

 private:
  std::map<std::string, std::weak_ptr<RateLimiter>> by_route_;
};

}  // namespace weir::proxy
