#include "app/webhooks/courier.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/build/build_info.h"
#include "app/webhooks/judge_event.h"
#include "config/units.h"
#include "proxy/net/address.h"
#include "proxy/upstream/single_request.h"

namespace weir::app {
namespace {

using proxy::SingleRequest;

constexpr Milliseconds kTick{20};         // while something is under way
constexpr Milliseconds kNamePeriod{100};  // a name that is not known yet is looked for again
constexpr std::chrono::hours kLongestWait{1};

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

// One attempt.
class Courier::Trip final : public proxy::Wakeable {
 public:
  Trip(Courier& courier, Webhooks::Errand errand, const proxy::Remote& remote)
      : courier_(courier),
        errand_(std::move(errand)),
        deadline_(
            courier.deadlines_, [](void* self) { static_cast<Trip*>(self)->on_deadline(); }, this),
        request_(courier.io_, courier.buffers_, remote, *this) {
    deadline_.set(proxy::after(now(), errand_.settings.timeout));
  }
  Trip(const Trip&) = delete;
  Trip& operator=(const Trip&) = delete;

  const Webhooks::Errand& errand() const { return errand_; }

  void wake() override {
    if (request_.state() == SingleRequest::State::kConnected) post();
    if (request_.state() == SingleRequest::State::kFailed) {
      return courier_.finished(*this, {.status = 0, .problem = request_.failure()});
    }
    if (request_.state() != SingleRequest::State::kAnswered) return;
    DeliveryResult result = result_of(request_.head().status, retry_after(), std::chrono::system_clock::now());
    result.answer = request_.answer();
    courier_.finished(*this, result);
  }

 private:
  void on_deadline() {
    const std::string limit = config::format_duration(errand_.settings.timeout);
    courier_.finished(*this, {.status = 0, .problem = "it does not answer within " + limit});
  }

  // Nothing is left of the head of an answer that was read.
  std::string_view retry_after() const {
    const http::ResponseHead& head = request_.head();
    return head.status < 300 ? std::string_view() : head.fields.value(http::FieldId::kRetryAfter);
  }

  void post() {
    const config::Webhook& settings = errand_.settings;
    const std::string authority = config::authority_of(settings.to);
    const std::string agent = "weir/" + std::string(version());
    const std::string signature = settings.secret ? signature_of(errand_.event->body, settings.secret->value) : "";
    http::RequestHead head;
    head.method = "POST";
    head.target = head.path = settings.to.target;
    head.authority = head.host = authority;
    http::Edits edits;
    edits.add("user-agent", agent);
    edits.add("content-type", "application/json");
    edits.add("x-weir-event-id", errand_.event->id);
    if (settings.secret) edits.add("x-weir-signature", signature);
    if (errand_.event->pair) request_.want_answer(kLongestOpinion);
    request_.send(head, edits, std::shared_ptr<const std::string>(errand_.event, &errand_.event->body));
  }

  Courier& courier_;
  const Webhooks::Errand errand_;
  proxy::Deadline deadline_;
  SingleRequest request_;
};

Courier::Courier(Webhooks& webhooks, const proxy::Resolver& resolver)
    : webhooks_(webhooks), resolver_(resolver), deadlines_(now()), busy_(io_.get_executor()) {}

Courier::~Courier() = default;

void Courier::run() {
  timer_.emplace(io_);
  io_.run();  // until nothing is left to be done
}

// However often it is called, one look is enough.
void Courier::wake() {
  if (woken_.exchange(true)) return;
  asio::post(io_, [this] {
    woken_ = false;
    look();
  });
}

void Courier::look() {
  if (!busy_) return;  // it has left
  deadlines_.advance(now());
  for (auto at = trips_.begin(); at != trips_.end();) {
    const auto trip = at++;
    if (!webhooks_.is_stale((*trip)->errand())) continue;
    webhooks_.put_back((*trip)->errand(), now());
    trips_.erase(trip);
  }
  Webhooks::Orders orders = webhooks_.orders(kAtOnce - trips_.size());
  if (orders.plans != plans_) tls_ = nullptr;  // a reload looks at the system's authorities anew
  plans_ = orders.plans;
  for (Webhooks::Errand& errand : orders.errands) begin(std::move(errand));
  if (orders.end && (now() >= *orders.end || (trips_.empty() && orders.errands.empty() && orders.next >= *orders.end)))
    return leave();
  wait_until(orders.errands.empty() ? std::min(orders.next, orders.end.value_or(SteadyTime::max())) : now() + kTick);
}

void Courier::begin(Webhooks::Errand errand) {
  std::string problem;
  const std::optional<proxy::Remote> remote = remote_of(errand, problem);
  if (!problem.empty()) return webhooks_.end(errand, {.status = 0, .problem = problem});
  if (!remote) return webhooks_.put_back(errand, now() + kNamePeriod);
  trips_.push_back(std::make_unique<Trip>(*this, std::move(errand), *remote));
}

void Courier::finished(Trip& trip, const DeliveryResult& result) {
  webhooks_.end(trip.errand(), result);
  trips_.remove_if([&](const auto& other) { return other.get() == &trip; });
  wake();
}

std::optional<proxy::Remote> Courier::remote_of(const Webhooks::Errand& errand, std::string& problem) {
  const config::HttpUrl& to = errand.settings.to;
  proxy::Remote remote{.host = to.host, .port = to.port};
  if (to.tls) {
    std::vector<config::TlsFault> faults;
    if (tls_ == nullptr) tls_ = proxy::TlsClientContext::read({}, faults);
    if (tls_ == nullptr) problem = "TLS: " + faults.front().what;
    remote.tls = tls_;
  }
  if (!proxy::known_addresses(to.host, to.port).empty()) return remote;
  const std::shared_ptr<const proxy::Resolution> known = resolver_.current();
  const std::vector<std::string>& addresses = known->addresses(to.host);
  if (!addresses.empty()) {
    remote.address = addresses[errand.attempt % addresses.size()];
    return remote;
  }
  if (known->settled({to.host})) problem = to.host + " cannot be resolved: " + known->names.at(to.host).problem;
  return std::nullopt;
}

// With trips under way, their deadlines are looked at; and one that ends makes room for what waits.
void Courier::wait_until(SteadyTime next) {
  const SteadyTime at = now();
  SteadyTime::duration wait = std::min<SteadyTime::duration>(next - std::min(at, next), kLongestWait);
  if (!trips_.empty()) wait = kTick;
  timer_->start(std::chrono::ceil<Milliseconds>(wait), [this] { look(); });
}

void Courier::leave() {
  trips_.clear();
  timer_.reset();
  busy_.reset();
}

}  // namespace weir::app
