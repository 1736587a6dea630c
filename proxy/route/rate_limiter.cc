#include "proxy/route/rate_limiter.h"

#include <algorithm>
#include <limits>

#include "base/hash.h"
#include "base/random.h"

namespace weir::proxy {
namespace {

static_assert((RateLimiter::kSlots & (RateLimiter::kSlots - 1)) == 0);

std::uint64_t nanoseconds(std::chrono::nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

}  // namespace

RateLimiter::RateLimiter(const config::RateLimit& limit, std::uint64_t seed)
    : limit_(limit),
      seed_(seed),
      interval_ns_(std::max<std::uint64_t>(1, nanoseconds(limit.per) / limit.requests)),
      tolerance_ns_((limit.burst - 1) * interval_ns_),
      first_(limit.by == config::RateLimit::By::kRoute ? 1 : kSlots),
      second_(limit.by == config::RateLimit::By::kRoute ? 0 : kSlots) {}

// After one more request. No further than where the next one has to wait: beyond, a slot that busy keys share would run
// away from all of them.
std::uint64_t RateLimiter::advanced(std::uint64_t due, std::uint64_t now) const {
  return std::min(std::max(due, now), now + tolerance_ns_) + interval_ns_;
}

std::chrono::nanoseconds RateLimiter::take(std::string_view key, SteadyTime at) {
  const std::uint64_t now = nanoseconds(at.time_since_epoch());
  const std::uint64_t latest = now + tolerance_ns_;
  const std::uint64_t hash = second_.empty() ? 0 : xxh3_64(key, seed_);
  Slot& first = first_[hash & (first_.size() - 1)];
  Slot* const second = second_.empty() ? nullptr : &second_[(hash >> 32) & (kSlots - 1)];
  const std::uint64_t other =
      second == nullptr ? std::numeric_limits<std::uint64_t>::max() : second->load(std::memory_order_relaxed);
  std::uint64_t seen = first.load(std::memory_order_relaxed);
  do {
    const std::uint64_t due = std::min(seen, other);
    if (due > latest) return std::chrono::nanoseconds(due - latest);
  } while (!first.compare_exchange_weak(seen, advanced(seen, now), std::memory_order_relaxed));
  if (second == nullptr) return {};
  seen = other;
  while (!second->compare_exchange_weak(seen, advanced(seen, now), std::memory_order_relaxed)) continue;
  return {};
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
