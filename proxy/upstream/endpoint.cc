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

Endpoint::Endpoint(Remote remote, DeadlineList& deadlines, Counters& counters)
    : remote_(std::move(remote)), deadlines_(deadlines), counters_(counters) {
  if (remote_.tls != nullptr) remote_.sessions = std::make_shared<TlsSessionCache>();
}

Endpoint::~Endpoint() { close_idle(); }

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
    --connections;
    counters_.add(Count::kUpstreamConnections, -1);
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
  --connections;
  counters_.add(Count::kUpstreamIdle, -1);
  counters_.add(Count::kUpstreamConnections, -1);
}

void Endpoint::tell_tls_failure(std::string_view why, SteadyTime now) {
  counters_.add(Count::kUpstreamTlsFailed);
  if (now < tell_tls_again_) return;
  tell_tls_again_ = now + kTellAgainAfter;
  log::warn("upstream_tls_failed",
            {{"host", remote_.host}, {"port", static_cast<std::int64_t>(remote_.port)}, {"reason", why}});
}

void Endpoint::connect_failed(SteadyTime now, bool may_eject) {
  if (++failures_ < kFailuresToEject || !may_eject) return;
  failures_ = 0;
  if (now - ejected_until_ >= kLongestEjection) ejections_ = 0;
  ++ejections_;
  ejected_until_ = now + std::min<std::chrono::seconds>(kFirstEjection * ejections_, kLongestEjection);
  counters_.add(Count::kUpstreamEjected);
}

}  // namespace weir::proxy
