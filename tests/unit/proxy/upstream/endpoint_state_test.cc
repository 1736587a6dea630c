// When an origin is left out for what its requests show, and for how long.
#include "proxy/upstream/endpoint_state.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr SteadyTime kNow{std::chrono::hours(1)};

class EndpointStateTest : public testing::Test {
 protected:
  // The last of so many failures was one too many.
  bool fail(int times, SteadyTime now) {
    bool enough = false;
    for (int i = 0; i < times; ++i) enough = state_->failed(now, outlier_);
    return enough;
  }
  void eject(SteadyTime now) { state_->eject(now, outlier_); }

  config::Outlier outlier_;
  EndpointGroup group_;
  std::shared_ptr<EndpointState> state_ = group_.endpoint("http://a:1");
};

TEST_F(EndpointStateTest, FiveFailuresInARowAreEnough) {
  EXPECT_FALSE(fail(4, kNow));
  state_->succeeded();
  EXPECT_FALSE(fail(4, kNow));
  EXPECT_TRUE(fail(1, kNow));
}

TEST_F(EndpointStateTest, FailuresThatAreFarApartAreNoRow) {
  EXPECT_FALSE(fail(4, kNow));
  EXPECT_TRUE(fail(1, kNow + seconds(10)));
  state_->succeeded();
  EXPECT_FALSE(fail(4, kNow));
  EXPECT_FALSE(fail(4, kNow + seconds(10) + milliseconds(1)));
  EXPECT_TRUE(fail(1, kNow + seconds(12)));
}

TEST_F(EndpointStateTest, GoesOnBeingEnoughWhileItMayNotBeLeftOut) {
  EXPECT_TRUE(fail(70'000, kNow));  // more than the word has room for
  EXPECT_TRUE(fail(1, kNow + seconds(1)));
}

TEST_F(EndpointStateTest, IsLeftOutLongerEachTimeAndFiveMinutesAtMost) {
  SteadyTime now = kNow;
  for (int n = 1; n <= 12; ++n) {
    eject(now);
    const seconds expected = std::min(seconds(30) * n, seconds(300));
    EXPECT_TRUE(state_->ejected(now + expected - milliseconds(1))) << n;
    now += expected;
    EXPECT_FALSE(state_->ejected(now)) << n;
  }
}

TEST_F(EndpointStateTest, IsForgivenWhenItHasBeenInForLong) {
  eject(kNow);
  eject(kNow + seconds(30));
  const SteadyTime in_again = kNow + seconds(90);
  const SteadyTime later = in_again + seconds(300);
  eject(later);
  EXPECT_FALSE(state_->ejected(later + seconds(30)));
}

TEST_F(EndpointStateTest, TwoWhoSeeTheSameFailuresLeaveItOutOnce) {
  eject(kNow);
  eject(kNow + milliseconds(1));
  EXPECT_FALSE(state_->ejected(kNow + seconds(30)));
}

TEST_F(EndpointStateTest, SaysWhenSomethingHasChanged) {
  const std::uint64_t before = group_.changes();
  fail(4, kNow);
  EXPECT_EQ(group_.changes(), before);
  eject(kNow);
  EXPECT_NE(group_.changes(), before);
}

TEST_F(EndpointStateTest, OneAtATimeDecides) {
  const EndpointGroup::Deciding first(group_);
  EXPECT_TRUE(first);
  EXPECT_FALSE(EndpointGroup::Deciding(group_));
}

TEST_F(EndpointStateTest, IsKnownByItsNameUntilThatIsForgotten) {
  EXPECT_EQ(group_.endpoint("http://a:1"), state_);
  group_.keep({"http://a:1"});
  EXPECT_EQ(group_.endpoint("http://a:1"), state_);
  group_.keep({"http://b:1"});
  EXPECT_NE(group_.endpoint("http://a:1"), state_);
}

TEST_F(EndpointStateTest, SaysSinceWhenItTakesRequests) {
  EXPECT_EQ(state_->in_since(kNow), SteadyTime());
  eject(kNow);
  EXPECT_EQ(state_->in_since(kNow + seconds(29)), SteadyTime());
  EXPECT_EQ(state_->in_since(kNow + seconds(31)), kNow + seconds(30));
  state_->set_healthy(false, kNow + seconds(40));
  state_->set_healthy(true, kNow + seconds(50));
  EXPECT_EQ(state_->in_since(kNow + seconds(60)), kNow + seconds(50));
  state_->set_healthy(true, kNow + seconds(55));  // it was already
  EXPECT_EQ(state_->in_since(kNow + seconds(60)), kNow + seconds(50));
}

TEST_F(EndpointStateTest, SumsWhatTheWorkersCount) {
  state_->counters(2).add(EndpointCount::kRequests, 5);
  state_->counters(0).add(EndpointCount::kRequests);
  state_->counters(2).add(EndpointCount::kRequests);
  EXPECT_EQ(state_->total(EndpointCount::kRequests), 7);
  EXPECT_EQ(state_->total(EndpointCount::kResets), 0);
}

}  // namespace
}  // namespace weir::proxy
