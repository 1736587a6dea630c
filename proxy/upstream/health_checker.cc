#include "proxy/upstream/health_checker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "proxy/upstream/single_request.h"

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
    using State = SingleRequest::State;
    if (request_->state() == State::kConnected) {
      if (target_.check.type == config::HealthCheck::Type::kTcp) return finish(true);
      ask();
    }
    if (request_->state() == State::kFailed) return take_failure();
    if (request_->state() != State::kAnswered) return;
    const int status = request_->head().status;
    finish(status >= target_.check.expect_least && status <= target_.check.expect_most);
  }

 private:
  static std::chrono::nanoseconds scaled(std::chrono::nanoseconds time, double by) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(time.count()) * by));
  }

  void on_deadline() {
    if (request_) return finish(false);  // it was too slow
    began_ = std::chrono::steady_clock::now();
    deadline_.set(after(began_, target_.check.timeout));
    request_.emplace(context_.io, context_.buffers, target_.remote, *this);
  }

  void ask() {
    http::RequestHead head;
    head.method = "GET";
    head.target = head.path = target_.check.path;
    head.authority = head.host = target_.check.host.empty() ? target_.authority : target_.check.host;
    http::Edits edits;
    edits.add("user-agent", "weir-health-check");
    request_->send(head, edits);
  }

  void take_failure() {
    if (request_->shortage().empty()) return finish(false);
    context_.shortage.tell(target_.state->name(), request_->shortage());
    begin_next();
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
    request_.reset();
    const double jitter = target_.check.jitter_ppm / double{kMillion} * (2 * context_.random.uniform() - 1);
    deadline_.set(std::max(std::chrono::steady_clock::now(), began_ + scaled(target_.check.interval, 1 + jitter)));
  }

  const Context& context_;
  const HealthTarget target_;
  Deadline deadline_;  // of the check under way, else the next one's beginning
  SteadyTime began_{};
  std::optional<SingleRequest> request_;
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
