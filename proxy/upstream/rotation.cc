#include "proxy/upstream/rotation.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>

#include "base/hash.h"
#include "base/ids.h"

namespace weir::proxy {
namespace {

// Rendezvous hashing (Thaler and Ravishankar, 1998): each key has an order of its own among the endpoints, which
// depends on their names alone. One that comes or goes takes or leaves only the keys for which it is the first.
std::uint64_t score(std::uint64_t endpoint, std::uint64_t key) {
  const auto bytes = std::bit_cast<std::array<char, sizeof endpoint>>(endpoint);
  return xxh3_64(std::string_view(bytes.data(), bytes.size()), key);
}

}  // namespace

Rotation::Rotation(const Context& context, const Rules& rules, const std::vector<std::unique_ptr<Endpoint>>& endpoints)
    : group_(&context.group),
      random_(context.random),
      balancing_(rules.balancing),
      all_(endpoints),
      endpoint_connections_(rules.endpoint_connections) {
  in_.reserve(all_.size());
  next_ = random_.below(static_cast<std::uint32_t>(all_.size()));  // or all workers would begin with the same one
}

Endpoint& Rotation::pick(EndpointChoice& choice) {
  if (all_.size() == 1) {
    choice.used = all_.front()->state().hash();
    return *all_.front();
  }
  return pick(choice, std::chrono::steady_clock::now());
}

Endpoint& Rotation::pick(EndpointChoice& choice, SteadyTime now) {
  keep_up(now);
  Endpoint* const before = chosen_before(choice);
  Endpoint& chosen = before != nullptr ? *before : in_.size() == 1 ? *in_.front() : choose(choice);
  choice.used = chosen.state().hash();
  return chosen;
}

bool Rotation::has_room(SteadyTime now) {
  if (endpoint_connections_ == config::kNoCount) return true;
  keep_up(now);
  return std::any_of(in_.begin(), in_.end(), [this](const Endpoint* endpoint) { return has_room(*endpoint); });
}

std::size_t Rotation::size(SteadyTime now) {
  keep_up(now);
  return in_.size();
}

bool Rotation::has_another(const EndpointChoice& choice, SteadyTime now) {
  if (all_.size() == 1) return false;
  keep_up(now);
  return std::any_of(in_.begin(), in_.end(),
                     [&](const Endpoint* endpoint) { return endpoint->state().hash() != choice.avoid; });
}

void Rotation::avoid(Endpoint& endpoint, SteadyTime until) {
  endpoint.avoided_until = until;
  seen_ = 0;
}

void Rotation::connected(Endpoint& endpoint) {
  if (endpoint.avoided_until == SteadyTime()) return;
  endpoint.avoided_until = SteadyTime();
  seen_ = 0;
}

void Rotation::endpoints_changed() {
  in_.reserve(all_.size());
  next_ %= all_.size();
  seen_ = 0;
}

void Rotation::rules_changed(EndpointGroup& group, std::uint32_t endpoint_connections) {
  group_ = &group;
  endpoint_connections_ = endpoint_connections;
  seen_ = 0;
}

void Rotation::keep_up(SteadyTime now) {
  now_ = now;
  if (now >= valid_until_ || group_->changes() != seen_) refresh(now);
}

void Rotation::refresh(SteadyTime now) {
  find_those_in(now);
  for (const auto& endpoint : all_) endpoint->in = false;
  for (Endpoint* const endpoint : in_) endpoint->in = true;
}

void Rotation::find_those_in(SteadyTime now) {
  seen_ = group_->changes();
  valid_until_ = SteadyTime::max();
  in_.clear();
  cold_ = false;
  for (const auto& endpoint : all_) {
    if (!endpoint->state().healthy()) continue;
    const SteadyTime out_until = std::max(endpoint->state().ejected_until(), endpoint->avoided_until);
    if (now >= out_until) {
      in_.push_back(endpoint.get());
      // Never, if it has been there from the start.
      endpoint->in_since = endpoint->state().in_since(now);
      const SteadyTime warm = endpoint->in_since + balancing_.slow_start;
      if (endpoint->in_since == SteadyTime() || now >= warm) continue;
      cold_ = true;
      valid_until_ = std::min(valid_until_, warm);
    } else {
      valid_until_ = std::min(valid_until_, out_until);
    }
  }
  // Nobody is left: rather those that are out for what their requests showed than those that are known to be ill.
  for (const bool healthy : {true, false}) {
    if (!in_.empty()) return;
    for (const auto& endpoint : all_) {
      if (endpoint->state().healthy() == healthy) in_.push_back(endpoint.get());
    }
  }
}

bool Rotation::has_room(const Endpoint& endpoint) const { return may_open(endpoint) || endpoint.has_idle(); }

bool Rotation::takes(const Endpoint& endpoint, const EndpointChoice& choice) const {
  return endpoint.state().hash() != choice.avoid && has_room(endpoint);
}

// Slow start: of what would be an endpoint's, the part that it takes. Never nothing, or it would never get warm.
double Rotation::share(const Endpoint& endpoint) const {
  constexpr double kLeast = 0.1;
  if (!cold_ || endpoint.in_since == SteadyTime() || now_ >= endpoint.in_since + balancing_.slow_start) return 1;
  const std::chrono::duration<double> in = now_ - endpoint.in_since;
  return std::max(kLeast, in / std::chrono::duration<double>(balancing_.slow_start));
}

bool Rotation::declines(const Endpoint& endpoint) { return cold_ && random_.uniform() >= share(endpoint); }

// One that takes the request at all, from a place drawn at random on; else whoever stands there.
Endpoint& Rotation::any(const EndpointChoice& choice) {
  const std::size_t from = random_.below(static_cast<std::uint32_t>(in_.size()));
  for (std::size_t i = 0; i < in_.size(); ++i) {
    Endpoint* const endpoint = in_[(from + i) % in_.size()];
    if (takes(*endpoint, choice)) return *endpoint;
  }
  return *in_[from];
}

Endpoint& Rotation::choose(const EndpointChoice& choice) {
  switch (balancing_.policy) {
    case config::LoadBalancing::Policy::kRoundRobin:
      return round_robin(choice);
    case config::LoadBalancing::Policy::kHash:
      if (choice.key) return by_hash(choice);
      break;
    case config::LoadBalancing::Policy::kLeastRequest:
      break;
  }
  return least_request(choice);
}

// Who had no idle connection at hand comes again, to open one: it was his turn already, and who closes after each
// answer would be asked less often than others. Null: nobody, or he is full.
Endpoint* Rotation::chosen_before(const EndpointChoice& choice) const {
  if (choice.used == 0 || choice.used == choice.avoid) return nullptr;
  const auto its = [&](const Endpoint* endpoint) { return endpoint->state().hash() == choice.used; };
  const auto at = std::find_if(in_.begin(), in_.end(), its);
  return at != in_.end() && has_room(**at) ? *at : nullptr;
}

// The power of two choices (Mitzenmacher, 2001). Where both came a short while ago two others may be drawn: whenever
// such two met, one of them would take a warm one's share.
Endpoint& Rotation::least_request(const EndpointChoice& choice) {
  constexpr int kDraws = 8;  // where all are cold, somebody takes it
  const auto size = static_cast<std::uint32_t>(in_.size());
  for (int draw = 1;; ++draw) {
    const std::uint32_t first = random_.below(size);
    const std::uint32_t second = (first + 1 + random_.below(size - 1)) % size;
    Endpoint* const a = in_[first];
    Endpoint* const b = in_[second];
    Endpoint* const less = b->load() < a->load() ? b : a;
    Endpoint* const more = less == a ? b : a;
    if (!takes(*less, choice)) return takes(*more, choice) ? *more : any(choice);
    if (draw == kDraws || !declines(*less)) return *less;
    if (takes(*more, choice) && !declines(*more)) return *more;
  }
}

Endpoint& Rotation::round_robin(const EndpointChoice& choice) {
  // Turns go by the places in the plan: among those that are in, everyone's place moves whenever one of them leaves or
  // comes back, and who stands behind one that fails again and again would be passed over each time.
  for (std::size_t i = 0; i < all_.size(); ++i) {
    next_ = (next_ + 1) % all_.size();
    Endpoint& next = *all_[next_];
    if (next.in && takes(next, choice) && !declines(next)) return next;
  }
  return any(choice);
}

// Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2016): nobody takes more than maxLoad
// times the mean, this request counted; a key whose first endpoint is that busy goes to its second.
Endpoint& Rotation::by_hash(const EndpointChoice& choice) {
  std::uint64_t load = 1;
  for (const Endpoint* endpoint : in_) load += endpoint->load();
  const std::uint64_t bound = (load * balancing_.max_load_ppm + in_.size() * kMillion - 1) / (in_.size() * kMillion);
  Endpoint* best = nullptr;
  std::uint64_t best_score = 0;
  for (Endpoint* const endpoint : in_) {
    const std::uint64_t hash = endpoint->state().hash();
    if (endpoint->load() >= bound || !takes(*endpoint, choice)) continue;
    const std::uint64_t its = score(hash, *choice.key);
    // One that is cold gets the same keys all the time, and more with time.
    if (cold_ && static_cast<double>(its & 0xffff) >= share(*endpoint) * 0x10000) continue;
    if (best != nullptr && its <= best_score) continue;
    best = endpoint;
    best_score = its;
  }
  return best != nullptr ? *best : least_request(choice);  // the one to avoid is all that is left below the bound
}

}  // namespace weir::proxy
