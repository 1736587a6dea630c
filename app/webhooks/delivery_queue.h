// Not thread-safe; the time and the randomness are handed in. What waits for one webhook, in order, and when it is sent
// again. It sends nothing itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/webhooks/event.h"
#include "base/clock.h"
#include "base/random.h"

namespace weir::app {

// What came of one attempt.
struct DeliveryResult {
  int status = 0;            // 0: there was no answer
  std::string problem = {};  // for people; empty for 2xx
  std::optional<Milliseconds> retry_after = {};
  std::string answer = {};  // of 2xx, where somebody reads it
};

// Of an answer with this status. `retry_after`: the field, empty for none; as seconds or as a date after `now`.
DeliveryResult result_of(int status, std::string_view retry_after, WallTime now);

class DeliveryQueue {
 public:
  static constexpr std::size_t kMost = 256;  // events that wait, the one under way included
  // After the first attempt; doubled with each further one. The time is drawn between one half and the whole.
  static constexpr Milliseconds kFirstRetry{1'000};
  static constexpr Milliseconds kLongestRetry{60'000};
  static constexpr Milliseconds kLongestRetryAfter{300'000};  // what a receiver may ask for

  using Event = std::shared_ptr<const WebhookEvent>;
  enum class Fate : std::uint8_t { kDelivered, kRetry, kGivenUp };
  struct Counts {
    std::uint64_t delivered = 0;
    std::uint64_t failed = 0;   // given up
    std::uint64_t dropped = 0;  // to make room
  };

  DeliveryQueue(std::uint32_t retries, const Random& random) : retries_(retries), random_(random) {}

  // In a full queue the oldest that is not under way makes room. True: one had to.
  bool push(Event event, SteadyTime now);

  // When the oldest is to be sent; max() while it is under way, or there is none.
  SteadyTime due() const;
  // The oldest is under way now. There is one, and it is not.
  Event begin();
  // Attempts of the oldest that have come to nothing.
  std::uint32_t failures() const { return failures_; }
  // The one under way has come to its end. Of kRetry, due() says when.
  Fate end(const DeliveryResult& result, SteadyTime now);
  // The one under way was not attempted after all: it is due then.
  void put_back(SteadyTime at);
  // From now on other rules, as for one that has not been attempted yet; it is due at once.
  void change(std::uint32_t retries, SteadyTime now);

  std::size_t waiting() const { return events_.size(); }
  const Counts& counts() const { return counts_; }

 private:
  Milliseconds back_off();
  void next(SteadyTime now);

  std::uint32_t retries_;
  Random random_;
  std::deque<Event> events_;  // the oldest first
  bool under_way_ = false;
  std::uint32_t failures_ = 0;
  SteadyTime due_{};
  Counts counts_;
};

}  // namespace weir::app
