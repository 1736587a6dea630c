#include "proxy/upstream/endpoint_state.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace weir::proxy {
namespace {

constexpr int kCountBits = 16;
constexpr std::uint64_t kCountMask = (1U << kCountBits) - 1;

}  // namespace

EndpointState::EndpointState(EndpointGroup& group, std::string name)
    : group_(group), name_(std::move(name)), hash_(xxh3_64(name_)) {}

bool EndpointState::failed(SteadyTime now, const config::Outlier& outlier) {
  const auto now_ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
  std::uint64_t before = failures_.load(std::memory_order_relaxed);
  std::uint64_t after = 0;
  do {
    const std::uint64_t first_ms = before >> kCountBits;
    const bool goes_on = (before & kCountMask) != 0 && now_ms <= first_ms + outlier.kWindow.count();
    after = goes_on ? before + ((before & kCountMask) < kCountMask ? 1 : 0) : (now_ms << kCountBits | 1);
  } while (!failures_.compare_exchange_weak(before, after, std::memory_order_relaxed));
  return (after & kCountMask) >= outlier.consecutive_failures;
}

void EndpointState::eject(SteadyTime now, const config::Outlier& outlier) {
  if (ejected(now)) return;  // by another worker, after the same requests
  failures_.store(0, std::memory_order_relaxed);
  const bool anew = now - ejected_until() >= outlier.max_ejection;
  const std::uint32_t times = anew ? 1 : ejections_.load(std::memory_order_relaxed) + 1;
  ejections_.store(times, std::memory_order_relaxed);
  all_ejections_.fetch_add(1, std::memory_order_relaxed);
  // Bounded before it is multiplied.
  const auto most = static_cast<std::uint32_t>(outlier.max_ejection / std::max(outlier.ejection, config::Duration(1)));
  const config::Duration out = times > most ? outlier.max_ejection : outlier.ejection * times;
  ejected_until_.store(now + out, std::memory_order_relaxed);
  group_.changed();
}

void EndpointState::let_back(SteadyTime now) {
  failures_.store(0, std::memory_order_relaxed);
  ejections_.store(0, std::memory_order_relaxed);
  if (!ejected(now)) return;
  ejected_until_.store(now, std::memory_order_relaxed);
  group_.changed();
}

void EndpointState::set_healthy(bool healthy, SteadyTime now) {
  if (this->healthy() == healthy) return;
  if (healthy) came(now);
  healthy_.store(healthy, std::memory_order_relaxed);
  group_.changed();
}

SteadyTime EndpointState::in_since(SteadyTime now) const {
  const SteadyTime came = came_.load(std::memory_order_relaxed);
  const SteadyTime until = ejected_until();
  return until <= now ? std::max(came, until) : came;
}

EndpointCounters& EndpointState::counters(std::uint32_t worker) {
  const std::lock_guard lock(mutex_);
  if (counters_.size() <= worker) counters_.resize(worker + 1);
  if (counters_[worker] == nullptr) counters_[worker] = std::make_unique<EndpointCounters>();
  return *counters_[worker];
}

std::int64_t EndpointState::total(EndpointCount count) const {
  const std::lock_guard lock(mutex_);
  std::int64_t sum = 0;
  for (const auto& counters : counters_) sum += counters == nullptr ? 0 : counters->get(count);
  return sum;
}

std::shared_ptr<EndpointState> EndpointGroup::endpoint(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<EndpointState>& state = endpoints_[name];
  if (state == nullptr) state = std::make_shared<EndpointState>(*this, name);
  return state;
}

std::string EndpointGroup::name_of(std::uint64_t hash) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, state] : endpoints_) {
    if (state->hash() == hash) return name;
  }
  return {};
}

void EndpointGroup::keep(const std::set<std::string>& names) {
  const std::lock_guard lock(mutex_);
  std::erase_if(endpoints_, [&](const auto& known) { return !names.contains(known.first); });
}

}  // namespace weir::proxy
