// What people are told of a webhook, and when.
#include "app/webhooks/subscription.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

using std::chrono::seconds;

const DeliveryResult kDelivered{.status = 204};
const DeliveryResult kDown{.status = 0, .problem = "it is down"};
const DeliveryResult kGone{.status = 410, .problem = "it answers 410"};

class SubscriptionTest : public testing::Test {
 protected:
  std::optional<WebhookNews> push() { return pager_.push(std::make_shared<const WebhookEvent>(), clock_.now()); }
  std::optional<WebhookNews> end(const DeliveryResult& result) {
    clock_.advance(std::max(SteadyTime::duration::zero(), pager_.queue().due() - clock_.now()));
    pager_.queue().begin();
    return pager_.end(result, clock_.now());
  }

  ManualClock clock_;
  config::Webhook settings_{.name = "pager", .retries = 100};
  Subscription pager_{{"chat", "pager"}, settings_};
};

TEST_F(SubscriptionTest, TellsTheFirstFailureAndThenOnceInAWhile) {
  push();
  const std::optional<WebhookNews> first = end(kDown);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->event, "webhook_failed");
  EXPECT_EQ(first->problem, "it is down");
  EXPECT_TRUE(first->effect.starts_with("the event is sent again in ")) << first->effect;
  const SteadyTime told = clock_.now();
  while (!end(kDown)) EXPECT_LT(clock_.now() - told, Subscription::kTellAgainAfter);
  EXPECT_GE(clock_.now() - told, Subscription::kTellAgainAfter);
  const std::optional<WebhookNews> well = end(kDelivered);
  ASSERT_TRUE(well);
  EXPECT_EQ(well->event, "webhook_delivers_again");
  push();
  EXPECT_FALSE(end(kDelivered));
}

TEST_F(SubscriptionTest, AnEventThatIsGivenUpIsToldThoughAFailureWas) {
  push();
  EXPECT_TRUE(end(kDown));
  const std::optional<WebhookNews> gone = end(kGone);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->effect, "the event is given up after 2 attempts");
  push();
  EXPECT_FALSE(end(kGone));
  clock_.advance(Subscription::kTellAgainAfter);
  push();
  ASSERT_TRUE(end(kGone));
}

TEST_F(SubscriptionTest, IsAProblemAfterThreeFailuresOrALostEvent) {
  push();
  push();
  end(kDown);
  end(kDown);
  EXPECT_EQ(pager_.problem(), "");
  end(kDown);
  EXPECT_EQ(pager_.problem(), "the webhook pager of chat fails: it is down; 2 events wait");
  end(kGone);
  EXPECT_EQ(pager_.problem(), "the webhook pager of chat fails: it answers 410; events are lost; 1 event waits");
  end(kDelivered);
  EXPECT_EQ(pager_.problem(), "");
}

TEST_F(SubscriptionTest, OtherSettingsAreAFreshStart) {
  push();
  for (int i = 0; i < 5; ++i) end(kDown);
  pager_.change(settings_, clock_.now());
  EXPECT_EQ(pager_.edition(), 0U);
  EXPECT_GT(pager_.queue().due(), clock_.now());
  settings_.url = "http://other/";
  pager_.change(settings_, clock_.now());
  EXPECT_EQ(pager_.edition(), 1U);
  EXPECT_EQ(pager_.queue().due(), clock_.now());
  EXPECT_EQ(pager_.problem(), "");
  EXPECT_EQ(pager_.settings().url, "http://other/");
}

TEST_F(SubscriptionTest, TellsOnceInAWhileThatEventsAreDropped) {
  for (std::size_t i = 0; i < DeliveryQueue::kMost; ++i) EXPECT_FALSE(push());
  const std::optional<WebhookNews> dropped = push();
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->event, "webhook_dropped");
  EXPECT_FALSE(push());
  clock_.advance(Subscription::kTellAgainAfter);
  EXPECT_TRUE(push());
}

}  // namespace
}  // namespace weir::app
