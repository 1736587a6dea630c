#include "app/webhooks/subscription.h"

#include <chrono>

#include "config/units.h"

namespace weir::app {
namespace {

bool may_tell(std::optional<SteadyTime>& told, SteadyTime now) {
  if (told && now - *told < Subscription::kTellAgainAfter) return false;
  told = now;
  return true;
}

}  // namespace

Subscription::Subscription(WebhookKey key, config::Webhook settings)
    : key_(std::move(key)), settings_(std::move(settings)), queue_(settings_.retries, Random::from_entropy()) {}

void Subscription::change(const config::Webhook& settings, SteadyTime now) {
  if (settings == settings_) return;
  settings_ = settings;
  ++edition_;
  failures_ = 0;
  gave_up_ = false;
  queue_.change(settings.retries, now);
}

std::optional<WebhookNews> Subscription::push(DeliveryQueue::Event event, SteadyTime now) {
  if (!queue_.push(std::move(event), now) || !may_tell(told_dropped_, now)) return std::nullopt;
  return WebhookNews{.event = "webhook_dropped",
                     .problem = std::to_string(DeliveryQueue::kMost) + " events wait for it",
                     .effect = "the oldest makes room"};
}

std::optional<WebhookNews> Subscription::end(const DeliveryResult& result, SteadyTime now) {
  const std::uint32_t attempts = queue_.failures() + 1;
  const DeliveryQueue::Fate fate = queue_.end(result, now);
  if (fate == DeliveryQueue::Fate::kDelivered) {
    const bool failed = failures_ > 0 && told_failure_;
    failures_ = 0;
    gave_up_ = false;
    told_failure_.reset();
    if (!failed) return std::nullopt;
    return WebhookNews{.level = log::Level::kInfo, .event = "webhook_delivers_again", .problem = {}, .effect = {}};
  }
  ++failures_;
  why_ = result.problem;
  if (fate == DeliveryQueue::Fate::kGivenUp) {
    gave_up_ = true;
    if (!told_failure_) told_failure_ = now;
    if (!may_tell(told_given_up_, now)) return std::nullopt;
    return WebhookNews{.event = "webhook_failed",
                       .problem = why_,
                       .effect = "the event is given up after " + std::to_string(attempts) +
                                 (attempts == 1 ? " attempt" : " attempts")};
  }
  if (!may_tell(told_failure_, now)) return std::nullopt;
  const auto wait = std::chrono::ceil<config::Duration>(queue_.due() - now);
  return WebhookNews{.event = "webhook_failed",
                     .problem = why_,
                     .effect = "the event is sent again in " + config::format_duration(wait)};
}

std::string Subscription::problem() const {
  if (!gave_up_ && failures_ < kBrokenAfter) return {};
  const std::size_t waiting = queue_.waiting();
  const std::string left = gave_up_ ? "; events are lost" : "";
  return "the webhook " + key_.second + " of " + key_.first + " fails: " + why_ + left + "; " +
         std::to_string(waiting) + (waiting == 1 ? " event waits" : " events wait");
}

}  // namespace weir::app
