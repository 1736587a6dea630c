#include "proxy/route/rate_limiter.h"

#include <algorithm>
#include <limits>

#include "base/hash.h"
#include "base/random.h"

namespace weir::proxy {
namespace {

constexpr std::size_t kSets = RateLimiter::kSlots / RateLimiter::kWays;
static_assert((kSets & (kSets - 1)) == 0);

std::uint64_t nanoseconds(std::chrono::nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

}  // namespace

RateLimiter::RateLimiter(const config::RateLimit& limit, std::uint64_t seed)
    : limit_(limit),
      seed_(seed),
      interval_ns_(std::max<std::uint64_t>(1, nanoseconds(limit.per) / limit.requests)),
      tolerance_ns_((limit.burst - 1) * interval_ns_),
      slots_(limit.by == config::RateLimit::By::kRoute ? 1 : kSlots) {}

// Whoever comes second to a place that has just been given away looks again.
RateLimiter::Slot& RateLimiter::slot_of(std::uint64_t hash, std::uint64_t now, bool& forgot) {
  const std::uint64_t key = hash | 1;
  Slot* const set = &slots_[((hash >> 32) & (kSets - 1)) * kWays];
  for (;;) {
    Slot* least = set;
    std::uint64_t least_key = 0;
    std::uint64_t least_due = std::numeric_limits<std::uint64_t>::max();
    for (Slot* slot = set; slot != set + kWays; ++slot) {
      std::uint64_t whose = slot->key.load(std::memory_order_relaxed);
      if (whose == key) return *slot;
      const std::uint64_t due = slot->due.load(std::memory_order_relaxed);
      if (due >= least_due) continue;
      least = slot;
      least_key = whose;
      least_due = due;
    }
    if (!least->key.compare_exchange_strong(least_key, key, std::memory_order_relaxed)) continue;
    forgot = least_due > now;
    least->due.compare_exchange_strong(least_due, 0, std::memory_order_relaxed);
    return *least;
  }
}

RateLimiter::Taken RateLimiter::take(std::string_view key, SteadyTime at) {
  Taken taken;
  const std::uint64_t now = nanoseconds(at.time_since_epoch());
  const std::uint64_t latest = now + tolerance_ns_;
  Slot& slot = slots_.size() == 1 ? slots_.front() : slot_of(xxh3_64(key, seed_), now, taken.forgot);
  std::uint64_t due = slot.due.load(std::memory_order_relaxed);
  do {
    if (due > latest) {
      taken.wait = std::chrono::nanoseconds(due - latest);
      return taken;
    }
  } while (!slot.due.compare_exchange_weak(due, std::max(due, now) + interval_ns_, std::memory_order_relaxed));
  return taken;
}

std::shared_ptr<RateLimiter> RateLimiters::of(const std::string& route, const config::RateLimit& limit) {
  std::erase_if(by_route_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<RateLimiter>& kept = by_route_[route];
  std::shared_ptr<RateLimiter> limiter = kept.lock();
  if (limiter != nullptr && limiter->limit() == limit) return limiter;
  limiter = std::make_shared<RateLimiter>(limit, Random::from_entropy().next());
  kept = limiter;
  return limiter;
}

}  // namespace weir::proxy
