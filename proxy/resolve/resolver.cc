#include "proxy/resolve/resolver.h"

#include <ares.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

namespace weir::proxy {
namespace {

// Once a process, before any channel, by one thread.
void prepare_library() {
  static const int kPrepared = ares_library_init(ARES_LIB_INIT_ALL);
  static_cast<void>(kPrepared);
}

int milliseconds_until(SteadyTime then, SteadyTime now) {
  constexpr std::chrono::hours kLongest{1};
  if (then <= now) return 0;
  const auto left = std::min<SteadyTime::duration>(then - now, kLongest);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

}  // namespace

Resolver::Resolver() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), table_(Random::from_entropy()) {
  current_.publish(std::make_shared<const Resolution>());
}

Resolver::~Resolver() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake();
    thread_.join();
  }
  ::close(wake_);
}

void Resolver::want(Wanted wanted) {
  const bool none = wanted.names.empty();
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(wanted);
  }
  if (thread_.joinable()) return wake();
  if (none) return;
  prepare_library();
  thread_ = std::thread([this] { run(); });
}

void Resolver::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t wrote = ::write(wake_, &one, sizeof one);  // full: it is awake
}

void Resolver::run() {
  while (take_orders()) {
    const SteadyTime now = std::chrono::steady_clock::now();
    look_up(now);
    take_answers(now);
    if (std::exchange(changed_, false)) current_.publish(std::make_shared<const Resolution>(table_.resolution()));
    wait();
  }
  lookups_.clear();
}

bool Resolver::take_orders() {
  std::optional<Wanted> next;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    next = std::exchange(next_, std::nullopt);
  }
  if (!next) return true;
  rules_ = next->rules;
  changed_ = true;
  const bool anew = table_.set(next->names, rules_, std::chrono::steady_clock::now());
  std::erase_if(lookups_, [&](const auto& lookup) { return anew || !next->names.contains(lookup.first); });
  return true;
}

void Resolver::look_up(SteadyTime now) {
  for (const std::string& name : table_.due(now, kAtOnce - lookups_.size())) {
    lookups_[name] = std::make_unique<Lookup>(name, rules_, now);
  }
}

void Resolver::take_answers(SteadyTime now) {
  for (auto& [name, lookup] : lookups_) {
    for (auto& [family, answer] : lookup->take()) {
      table_.answered(name, family, std::move(answer), now);
      changed_ = true;
    }
  }
  std::erase_if(lookups_, [](const auto& lookup) { return lookup.second->done(); });
}

// For a socket, for an order, or until somebody's time has come.
void Resolver::wait() {
  std::vector<pollfd> sockets{{wake_, POLLIN, 0}};
  const SteadyTime begun = std::chrono::steady_clock::now();
  SteadyTime until = lookups_.size() < kAtOnce ? table_.next() : SteadyTime::max();
  for (const auto& [name, lookup] : lookups_) {
    lookup->add_to(sockets);
    until = std::min(until, lookup->wake_at(begun));
  }
  ::poll(sockets.data(), sockets.size(), milliseconds_until(until, begun));
  std::uint64_t woken = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_, &woken, sizeof woken);  // empty: it was something else
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const auto& [name, lookup] : lookups_) lookup->go_on(sockets, now);
}

}  // namespace weir::proxy
