#include "proxy/upstream/health_checker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "proxy/net/connector.h"
#include "proxy/upstream/http1_upstream.h"

namespace weir::proxy {

// One endpoint's checks, one after the other, each on a connection of its own: what is asked is whether the endpoint
// takes one.
class HealthChecker::Probe final : public Wakeable {
 public:
  Probe(const Context& context, HealthTarget target)
      : context_(context),
        target_(std::move(target)),
        deadline_(
            context.deadlines, [](void* self) { static_cast<Probe*>(self)->on_deadline(); }, this) {
    // The first one soon, but not all at once.
    const std::chrono::nanoseconds spread = target_.check.interval * std::int64_t{target_.check.jitter_ppm} / kMillion;
    deadline_.set(std::chrono::steady_clock::now() + scaled(spread, context_.random.uniform()));
  }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  const HealthTarget& target() const { return target_; }

  void wake() override {
    if (connector_) take_connection();
    if (stream_ != nullptr) take_response();
  }

 private:
  static std::chrono::nanoseconds scaled(std::chrono::nanoseconds time, double by) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(time.count()) * by));
  }

  void on_deadline() {
    if (connector_ || stream_ != nullptr) return finish(false);  // it was too slow
    began_ = std::chrono::steady_clock::now();
    deadline_.set(after(began_, target_.check.timeout));
    connector_.emplace(context_.io, target_.remote, *this);
  }

  void take_connection() {
    if (connector_->state() == Connector::State::kPending) return;
    if (const std::string shortage = connector_->shortage(); !shortage.empty()) {
      context_.shortage.tell(target_.state->name(), shortage);
      return begin_next();
    }
    const bool connected = connector_->state() == Connector::State::kConnected;
    if (!connected || target_.check.type == config::HealthCheck::Type::kTcp) return finish(connected);
    stream_ = std::make_unique<Http1Upstream>(connector_->take(), context_.buffers);
    connector_.reset();
    ask();
  }

  void ask() {
    http::RequestHead head;
    head.method = "GET";
    head.target = head.path = target_.check.path;
    head.authority = head.host = target_.check.host.empty() ? target_.authority : target_.check.host;
    http::Edits edits;
    edits.add("user-agent", "weir-health-check");
    edits.add("connection", "close");
    stream_->begin(this, limits_);
    stream_->send_head(head, edits);
    stream_->flush();
  }

  void take_response() {
    for (;;) {
      const ResponseHeadEvent event = stream_->read_head();
      if (event.state == ResponseHeadEvent::State::kPending) return;
      if (event.state == ResponseHeadEvent::State::kFailed) return finish(false);
      if (!stream_->head().interim()) break;
      stream_->next_head();
    }
    const int status = stream_->head().status;
    finish(status >= target_.check.expect_least && status <= target_.check.expect_most);
  }

  void finish(bool well) {
    const SteadyTime now = std::chrono::steady_clock::now();
    // Only those in a row against what it is taken for count.
    run_ = well == target_.state->healthy() ? 0 : run_ + 1;
    if (run_ >= (well ? target_.check.rise : target_.check.fall)) {
      target_.state->set_healthy(well, now);
      run_ = 0;
    }
    begin_next();
  }

  // Nothing is known of an endpoint that could not be asked: a check that was left out counts neither way.
  void begin_next() {
    connector_.reset();
    stream_.reset();
    const double jitter = target_.check.jitter_ppm / double{kMillion} * (2 * context_.random.uniform() - 1);
    deadline_.set(std::max(std::chrono::steady_clock::now(), began_ + scaled(target_.check.interval, 1 + jitter)));
  }

  const Context& context_;
  const HealthTarget target_;
  const config::Limits limits_;
  Deadline deadline_;  // of the check under way, else the next one's beginning
  SteadyTime began_{};
  std::optional<Connector> connector_;
  std::unique_ptr<Http1Upstream> stream_;
  std::uint32_t run_ = 0;
};

HealthChecker::HealthChecker(const Context& context) : context_(context) {}
HealthChecker::~HealthChecker() = default;

void HealthChecker::set_targets(std::vector<HealthTarget> targets) {
  std::vector<std::unique_ptr<Probe>> probes;
  for (HealthTarget& target : targets) {
    const auto same = [&](const auto& probe) { return probe != nullptr && probe->target() == target; };
    const auto at = std::find_if(probes_.begin(), probes_.end(), same);
    probes.push_back(at != probes_.end() ? std::move(*at) : std::make_unique<Probe>(context_, std::move(target)));
  }
  for (const auto& gone : probes_) {
    if (gone == nullptr) continue;
    const auto still = [&](const auto& probe) { return probe->target().state == gone->target().state; };
    if (std::none_of(probes.begin(), probes.end(), still)) {
      gone->target().state->set_healthy(true, std::chrono::steady_clock::now());
    }
  }
  probes_ = std::move(probes);
}

void HealthChecker::stop() { probes_.clear(); }

}  // namespace weir::proxy
