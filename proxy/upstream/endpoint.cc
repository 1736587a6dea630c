#include "proxy/upstream/endpoint.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace weir::proxy {

// A parked connection: closed when the origin says anything, or when it has been idle for long enough.
struct Endpoint::Idle final : Wakeable {
  explicit Idle(Endpoint& of)
      : endpoint(of),
        expiry(
            of.deadlines_, [](void* self) { static_cast<Idle*>(self)->wake(); }, this) {}

  void wake() override { endpoint.remove(this); }

  Endpoint& endpoint;
  std::unique_ptr<Http1Upstream> stream;
  Deadline expiry;
};

Endpoint::Endpoint(Address address, DeadlineList& deadlines, Counters& counters, EndpointCounters& own)
    : address_(std::move(address)), deadlines_(deadlines), counters_(counters), own_(own) {
  if (address_.connections == nullptr) address_.connections = std::make_shared<std::uint32_t>(0);
  if (address_.remote.tls != nullptr) address_.remote.sessions = std::make_shared<TlsSessionCache>();
}

Endpoint::~Endpoint() { close_idle(); }

bool Endpoint::is_at(const Remote& remote) const {
  Remote given = address_.remote;
  given.sessions = remote.sessions;
  return given == remote;
}

std::unique_ptr<Http1Upstream> Endpoint::take_idle() {
  if (idle_.empty()) return nullptr;
  std::unique_ptr<Idle> idle = std::move(idle_.back());
  idle_.pop_back();
  idle->expiry.clear();
  std::unique_ptr<Http1Upstream> stream = std::move(idle->stream);
  spare_.push_back(std::move(idle));
  counters_.add(Count::kUpstreamIdle, -1);
  return stream;
}

std::unique_ptr<Endpoint::Idle> Endpoint::spare() {
  if (spare_.empty()) return std::make_unique<Idle>(*this);
  std::unique_ptr<Idle> idle = std::move(spare_.back());
  spare_.pop_back();
  return idle;
}

bool Endpoint::keep_idle(std::unique_ptr<Http1Upstream> stream, config::Duration idle_timeout) {
  // An origin that says how long it waits is asked nothing in its last second.
  if (const auto timeout = stream->keep_alive_timeout_s()) {
    const config::Duration told = std::chrono::seconds(*timeout) - std::chrono::seconds(1);
    idle_timeout = std::min(idle_timeout, told);
  }
  std::unique_ptr<Idle> idle = spare();
  if (idle_timeout <= config::Duration::zero() || !stream->park(idle.get())) {
    stream.reset();
    spare_.push_back(std::move(idle));
    add_connection(-1);
    return false;
  }
  idle->stream = std::move(stream);
  idle->expiry.set(after(std::chrono::steady_clock::now(), idle_timeout));
  idle_.push_back(std::move(idle));
  counters_.add(Count::kUpstreamIdle);
  return true;
}

void Endpoint::close_oldest_idle() {
  if (!idle_.empty()) remove(idle_.front().get());
}

void Endpoint::close_idle() {
  while (!idle_.empty()) remove(idle_.back().get());
}

void Endpoint::remove(Idle* idle) {
  const auto at = std::find_if(idle_.begin(), idle_.end(), [&](const auto& entry) { return entry.get() == idle; });
  if (at == idle_.end()) return;
  const std::unique_ptr<Idle> gone = std::move(*at);
  idle_.erase(at);
  add_connection(-1);
  counters_.add(Count::kUpstreamIdle, -1);
}

void Endpoint::tell_tls_failure(std::string_view why) {
  counters_.add(Count::kUpstreamTlsFailed);
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < tell_tls_again_) return;
  tell_tls_again_ = now + kTellAgainAfter;
  log::warn("upstream_tls_failed",
            {{"host", remote().host}, {"port", static_cast<std::int64_t>(remote().port)}, {"reason", why}});
}

}  // namespace weir::proxy
