// Not thread-safe. One webhook of the plan: what waits for it, how it does, and what of that people are told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "app/webhooks/delivery_queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/webhook.h"

namespace weir::app {

using WebhookKey = std::pair<std::string, std::string>;  // the service, and the webhook's name

// A line for the log, and nothing when it was said not long ago.
struct WebhookNews {
  log::Level level = log::Level::kWarn;
  std::string event;
  std::string problem;
  std::string effect;
};

class Subscription {
 public:
  static constexpr std::chrono::seconds kTellAgainAfter{60};
  static constexpr std::uint32_t kBrokenAfter = 3;  // attempts in a row

  Subscription(WebhookKey key, config::Webhook settings);

  const WebhookKey& key() const { return key_; }
  const config::Webhook& settings() const { return settings_; }
  // Rises with each change of the settings.
  std::uint64_t edition() const { return edition_; }
  DeliveryQueue& queue() { return queue_; }
  const DeliveryQueue& queue() const { return queue_; }

  // What waits goes on, by the new settings and at once. The same ones are no change.
  void change(const config::Webhook& settings, SteadyTime now);
  std::optional<WebhookNews> push(DeliveryQueue::Event event, SteadyTime now);
  std::optional<WebhookNews> end(const DeliveryResult& result, SteadyTime now);
  // For people: it has failed for a while, or has lost an event, and nothing has been delivered since. Else empty.
  std::string problem() const;

 private:
  const WebhookKey key_;
  config::Webhook settings_;
  DeliveryQueue queue_;
  std::uint64_t edition_ = 0;
  // Since the last delivery:
  std::uint32_t failures_ = 0;
  bool gave_up_ = false;
  std::string why_;
  std::optional<SteadyTime> told_failure_;
  std::optional<SteadyTime> told_given_up_;
  std::optional<SteadyTime> told_dropped_;
};

}  // namespace weir::app
