// Confined to the control thread, but for what its courier calls, which is thread-safe. Tells webhooks what rollouts
// do, on a thread of its own: who decides hands an event over, and never waits for a receiver, nor for the look-up of
// its name. Without webhooks there is no thread.
//
// Each webhook gets its events in order, one at a time; the next one goes out once the one before has been delivered or
// given up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/webhooks/judge_event.h"
#include "app/webhooks/subscription.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/config.h"
#include "proxy/resolve/resolver.h"

namespace weir::app {

class Courier;

// How one stands.
struct WebhookStanding {
  std::string service;
  std::string name;
  DeliveryQueue::Counts counts;
  std::size_t waiting = 0;
  std::string problem;  // for people; empty: none
};

class Webhooks {
 public:
  static constexpr std::size_t kMostOpinions = 4'096;

  Webhooks();
  ~Webhooks();  // what waits is lost
  Webhooks(const Webhooks&) = delete;
  Webhooks& operator=(const Webhooks&) = delete;

  // From now on those of the plan. What waits for one that is still there goes on; what has changed of it holds at
  // once.
  void follow(const config::Config& plan);
  // A new record of the history: to all webhooks of its rollout that are told events.
  void tell(const json::Value& record);
  // To all judges of its rollout.
  void ask(const proxy::JudgedPair& pair, const Contest& contest);
  // What judges have said since the last call; of more than kMostOpinions the newest are left out.
  std::vector<Comparison> take_opinions();
  std::vector<WebhookStanding> standings() const;
  // No more events. What waits has so long; what is left then is lost, which is told. Waits for that.
  void finish(Milliseconds patience);

 private:
  friend class Courier;

  // One event for one webhook, as the courier takes it.
  struct Errand {
    std::shared_ptr<Subscription> to;
    std::uint64_t edition = 0;
    config::Webhook settings;
    DeliveryQueue::Event event;
    std::uint32_t attempt = 0;  // from 0
  };
  struct Orders {
    std::vector<Errand> errands;
    SteadyTime next = SteadyTime::max();  // when there will be more, unless something happens
    std::uint64_t plans = 0;              // that have been followed
    std::optional<SteadyTime> end;        // finish() has been called
  };

  // The courier's:
  Orders orders(std::size_t most);
  bool is_stale(const Errand& errand) const;
  void put_back(const Errand& errand, SteadyTime at);
  void end(const Errand& errand, const DeliveryResult& result);

  void wake() const;
  void note_opinion(const Errand& errand, const DeliveryResult& result);  // with the mutex

  mutable std::mutex mutex_;
  std::map<WebhookKey, std::shared_ptr<Subscription>> subscriptions_;  // with the mutex, and what they hold
  std::uint64_t plans_ = 0;                                            // with the mutex
  std::optional<SteadyTime> end_;                                      // with the mutex
  std::vector<Comparison> opinions_;                                   // with the mutex
  proxy::Resolver resolver_;
  std::unique_ptr<Courier> courier_;  // from the first webhook on, as the thread
  std::thread thread_;
};

}  // namespace weir::app
