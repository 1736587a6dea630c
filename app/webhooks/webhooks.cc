#include "app/webhooks/webhooks.h"

#include <algorithm>
#include <set>
#include <utility>

#include "app/webhooks/courier.h"
#include "base/log.h"
#include "proxy/net/address.h"

namespace weir::app {
namespace {

SteadyTime now() { return std::chrono::steady_clock::now(); }

void write(const WebhookKey& key, const std::optional<WebhookNews>& news) {
  if (!news) return;
  if (news->problem.empty()) {
    return log::write(news->level, news->event, {{"service", key.first}, {"webhook", key.second}});
  }
  log::write(news->level, news->event,
             {{"service", key.first}, {"webhook", key.second}, {"problem", news->problem}, {"effect", news->effect}});
}

}  // namespace

Webhooks::Webhooks() = default;

Webhooks::~Webhooks() { finish(Milliseconds(0)); }

void Webhooks::follow(const config::Config& plan) {
  std::map<WebhookKey, std::shared_ptr<Subscription>> next;
  std::set<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    if (end_) return;
    for (const auto& [service, rollout] : plan.rollouts) {
      for (const config::Webhook& webhook : rollout.webhooks) {
        const WebhookKey key{service, webhook.name};
        const auto kept = subscriptions_.find(key);
        auto& place = next[key];
        place = kept != subscriptions_.end() ? kept->second : std::make_shared<Subscription>(key, webhook);
        place->change(webhook, now());
        if (proxy::known_addresses(webhook.to.host, 0).empty()) names.insert(webhook.to.host);
      }
    }
    subscriptions_ = next;
    ++plans_;
  }
  resolver_.want({std::move(names), plan.dns});
  if (next.empty() && !thread_.joinable()) return;
  if (courier_ == nullptr) {
    courier_ = std::make_unique<Courier>(*this, resolver_);
    thread_ = std::thread([this] { courier_->run(); });
  }
  wake();
}

void Webhooks::tell(const json::Value& record) {
  const std::string& service = record["service"].string();
  std::vector<std::pair<WebhookKey, std::optional<WebhookNews>>> news;
  {
    const std::lock_guard lock(mutex_);
    auto at = subscriptions_.lower_bound({service, {}});
    if (end_ || service.empty() || at == subscriptions_.end() || at->first.first != service) return;
    const auto event = std::make_shared<const WebhookEvent>(event_of(record, new_event_id()));
    for (; at != subscriptions_.end() && at->first.first == service; ++at) {
      if (at->second->settings().type != config::Webhook::Type::kEvent) continue;
      news.emplace_back(at->first, at->second->push(event, now()));
    }
  }
  for (const auto& [key, line] : news) write(key, line);
  wake();
}

void Webhooks::ask(const proxy::JudgedPair& pair, const Contest& contest) {
  std::vector<std::pair<WebhookKey, std::optional<WebhookNews>>> news;
  {
    const std::lock_guard lock(mutex_);
    if (end_) return;
    for (auto at = subscriptions_.lower_bound({contest.service, {}});
         at != subscriptions_.end() && at->first.first == contest.service; ++at) {
      const config::Webhook& settings = at->second->settings();
      if (settings.type != config::Webhook::Type::kJudge) continue;
      const auto event = std::make_shared<const WebhookEvent>(judge_event_of(pair, contest, settings.body));
      news.emplace_back(at->first, at->second->push(event, now()));
    }
  }
  for (const auto& [key, line] : news) write(key, line);
  wake();
}

std::vector<Comparison> Webhooks::take_opinions() {
  const std::lock_guard lock(mutex_);
  return std::exchange(opinions_, {});
}

void Webhooks::note_opinion(const Errand& errand, const DeliveryResult& result) {
  if (!errand.event->pair || opinions_.size() >= kMostOpinions) return;
  Comparison said = *errand.event->pair;
  said.opinion = opinion_of(result.answer);
  if (said.opinion != Opinion::kNone) opinions_.push_back(said);
}

std::vector<WebhookStanding> Webhooks::standings() const {
  std::vector<WebhookStanding> standings;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, subscription] : subscriptions_) {
    standings.push_back({.service = key.first,
                         .name = key.second,
                         .counts = subscription->queue().counts(),
                         .waiting = subscription->queue().waiting(),
                         .problem = subscription->problem()});
  }
  return standings;
}

void Webhooks::finish(Milliseconds patience) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    end_ = now() + patience;
  }
  wake();
  thread_.join();
  const std::lock_guard lock(mutex_);
  for (const auto& [key, subscription] : subscriptions_) {
    const std::size_t waiting = subscription->queue().waiting();
    if (waiting == 0) continue;
    log::warn("webhook_events_lost", {{"service", key.first}, {"webhook", key.second}, {"events", waiting}});
  }
}

Webhooks::Orders Webhooks::orders(std::size_t most) {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<SteadyTime, std::shared_ptr<Subscription>>> waiting;
  for (const auto& [key, subscription] : subscriptions_) {
    const SteadyTime due = subscription->queue().due();
    if (due != SteadyTime::max()) waiting.emplace_back(due, subscription);
  }
  std::stable_sort(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Orders orders{.errands = {}, .plans = plans_, .end = end_};
  for (auto& [due, subscription] : waiting) {
    if (due > now() || orders.errands.size() >= most) {
      orders.next = due;
      break;
    }
    const std::uint32_t attempt = subscription->queue().failures();
    DeliveryQueue::Event event = subscription->queue().begin();
    orders.errands.push_back({.to = subscription,
                              .edition = subscription->edition(),
                              .settings = subscription->settings(),
                              .event = std::move(event),
                              .attempt = attempt});
  }
  return orders;
}

bool Webhooks::is_stale(const Errand& errand) const {
  const std::lock_guard lock(mutex_);
  const auto at = subscriptions_.find(errand.to->key());
  return at == subscriptions_.end() || at->second != errand.to || errand.to->edition() != errand.edition;
}

void Webhooks::put_back(const Errand& errand, SteadyTime at) {
  const std::lock_guard lock(mutex_);
  errand.to->queue().put_back(at);
}

void Webhooks::end(const Errand& errand, const DeliveryResult& result) {
  std::optional<WebhookNews> news;
  {
    const std::lock_guard lock(mutex_);
    news = errand.to->end(result, now());
    note_opinion(errand, result);
  }
  write(errand.to->key(), news);
}

void Webhooks::wake() const {
  if (courier_ != nullptr) courier_->wake();
}

}  // namespace weir::app
