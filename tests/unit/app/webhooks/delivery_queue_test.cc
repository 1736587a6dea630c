#include "app/webhooks/delivery_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::app {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Fate = DeliveryQueue::Fate;

const DeliveryResult kDelivered{.status = 204};
const DeliveryResult kDown{.status = 0, .problem = "down"};

class DeliveryQueueTest : public testing::Test {
 protected:
  void push(const std::string& id) {
    queue_.push(std::make_shared<const WebhookEvent>(WebhookEvent{.id = id, .body = {}}), clock_.now());
  }
  // The oldest one's, when its time has come.
  std::string begin() {
    if (queue_.due() == SteadyTime::max()) return "none";
    if (queue_.due() > clock_.now()) return "later";
    return queue_.begin()->id;
  }
  Fate end(const DeliveryResult& result) { return queue_.end(result, clock_.now()); }
  milliseconds wait() const { return std::chrono::ceil<milliseconds>(queue_.due() - clock_.now()); }

  ManualClock clock_;
  DeliveryQueue queue_{5, Random(7)};
};

TEST_F(DeliveryQueueTest, SendsInOrderOneAtATime) {
  EXPECT_EQ(begin(), "none");
  push("a");
  push("b");
  EXPECT_EQ(begin(), "a");
  EXPECT_EQ(begin(), "none");
  EXPECT_EQ(end(kDelivered), Fate::kDelivered);
  EXPECT_EQ(begin(), "b");
  EXPECT_EQ(end(kDelivered), Fate::kDelivered);
  EXPECT_EQ(begin(), "none");
  EXPECT_EQ(queue_.counts().delivered, 2U);
}

TEST_F(DeliveryQueueTest, AFullOneDropsTheOldestThatIsNotUnderWay) {
  for (std::size_t i = 0; i < DeliveryQueue::kMost; ++i) push(std::to_string(i));
  EXPECT_EQ(queue_.counts().dropped, 0U);
  EXPECT_EQ(begin(), "0");
  push("new");
  EXPECT_EQ(queue_.waiting(), DeliveryQueue::kMost);
  EXPECT_EQ(queue_.counts().dropped, 1U);
  EXPECT_EQ(end(kDelivered), Fate::kDelivered);
  EXPECT_EQ(begin(), "2");
  EXPECT_EQ(end(kDown), Fate::kRetry);
  push("newer");
  EXPECT_EQ(queue_.counts().dropped, 1U) << "there was room for one";
  push("newest");
  EXPECT_EQ(queue_.counts().dropped, 2U);
  EXPECT_EQ(begin(), "later") << "another event is no reason to ask sooner";
  clock_.advance(seconds(1));
  EXPECT_EQ(begin(), "3");
  EXPECT_EQ(queue_.failures(), 0U);
}

TEST_F(DeliveryQueueTest, WaitsTwiceAsLongEachTime) {
  queue_.change(100, clock_.now());
  push("a");
  for (std::int64_t whole = 1'000; whole < 500'000; whole *= 2) {
    const milliseconds longest = std::min<milliseconds>(milliseconds(whole), DeliveryQueue::kLongestRetry);
    EXPECT_EQ(begin(), "a");
    EXPECT_EQ(end(kDown), Fate::kRetry);
    EXPECT_GE(wait(), longest / 2);
    EXPECT_LE(wait(), longest);
    clock_.advance(wait());
  }
}

TEST_F(DeliveryQueueTest, TheTimesOfTwoAreNotTheSame) {
  DeliveryQueue other(5, Random(8));
  for (DeliveryQueue* queue : {&queue_, &other}) {
    queue->push(std::make_shared<const WebhookEvent>(), clock_.now());
    queue->begin();
    queue->end(kDown, clock_.now());
  }
  EXPECT_NE(queue_.due(), other.due());
}

TEST_F(DeliveryQueueTest, GivesUpAfterItsRetriesAndBeginsTheNextAnew) {
  push("a");
  push("b");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(begin(), "a");
    EXPECT_EQ(end(kDown), Fate::kRetry);
    clock_.advance(hours(1));
  }
  EXPECT_EQ(begin(), "a");
  EXPECT_EQ(end(kDown), Fate::kGivenUp);
  EXPECT_EQ(queue_.counts().failed, 1U);
  EXPECT_EQ(begin(), "b");
  EXPECT_EQ(queue_.failures(), 0U);
  EXPECT_EQ(end(kDown), Fate::kRetry);
  EXPECT_LE(wait(), seconds(1));
}

TEST_F(DeliveryQueueTest, OnlySomeAnswersAreRepeated) {
  const auto fate = [this](int status) {
    push("a");
    EXPECT_EQ(begin(), "a");
    const Fate became = end(result_of(status, "", clock_.wall_now()));
    clock_.advance(hours(1));
    while (queue_.waiting() > 0) {
      queue_.begin();
      end(kDelivered);
    }
    return became;
  };
  for (const int status : {200, 201, 202, 204, 299}) EXPECT_EQ(fate(status), Fate::kDelivered) << status;
  for (const int status : {408, 429, 500, 502, 503, 599}) EXPECT_EQ(fate(status), Fate::kRetry) << status;
  for (const int status : {301, 304, 308, 400, 401, 404, 410, 413, 422}) {
    EXPECT_EQ(fate(status), Fate::kGivenUp) << status;
  }
  EXPECT_EQ(result_of(307, "", clock_.wall_now()).problem, "it answers 307, and redirects are not followed");
  EXPECT_EQ(result_of(410, "", clock_.wall_now()).problem, "it answers 410");
}

TEST_F(DeliveryQueueTest, WaitsAsLongAsIsAskedForWithinBounds) {
  const auto waits = [this](std::string_view retry_after) {
    DeliveryQueue queue(5, Random(7));
    queue.push(std::make_shared<const WebhookEvent>(), clock_.now());
    queue.begin();
    queue.end(result_of(429, retry_after, clock_.wall_now()), clock_.now());
    return std::chrono::ceil<milliseconds>(queue.due() - clock_.now());
  };
  EXPECT_EQ(waits("30"), seconds(30));
  EXPECT_EQ(waits("86400"), DeliveryQueue::kLongestRetryAfter);
  EXPECT_EQ(waits("4294967295"), DeliveryQueue::kLongestRetryAfter);
  // The clock's wall time is 2023-11-14T22:13:20Z.
  EXPECT_EQ(waits("Tue, 14 Nov 2023 22:13:50 GMT"), seconds(30));
  for (const char* less : {"0", "", "Tue, 14 Nov 2023 22:13:00 GMT", "soon", "-5", "30 s", "4294967296", "1.5",
                           "Tue, 14 Nov 2023 22:13:50 GMT+1", "Tue, 14 Nov 9999999 22:13:50 GMT"}) {
    EXPECT_LE(waits(less), seconds(1)) << less;
    EXPECT_GE(waits(less), milliseconds(500)) << less;
  }
}

TEST_F(DeliveryQueueTest, OtherRulesBeginAnew) {
  push("a");
  for (int i = 0; i < 3; ++i) {
    queue_.begin();
    end(kDown);
    clock_.advance(hours(1));
  }
  queue_.begin();
  end(kDown);
  EXPECT_EQ(begin(), "later");
  queue_.change(0, clock_.now());
  EXPECT_EQ(begin(), "a");
  EXPECT_EQ(end(kDown), Fate::kGivenUp);
}

TEST_F(DeliveryQueueTest, WhatWasPutBackWasNoAttempt) {
  push("a");
  EXPECT_EQ(begin(), "a");
  queue_.put_back(clock_.now() + seconds(3));
  EXPECT_EQ(queue_.failures(), 0U);
  EXPECT_EQ(wait(), seconds(3));
  clock_.advance(seconds(3));
  EXPECT_EQ(begin(), "a");
}

}  // namespace
}  // namespace weir::app
