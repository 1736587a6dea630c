#include "app/drain.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

using Action = Drain::Action;
constexpr Drain::Times kTimes{
    .delay = Milliseconds(5'000), .requests = Milliseconds(30'000), .streams = Milliseconds(300'000)};

TEST(Drain, GoesThroughItsStatesInOrder) {
  ManualClock clock;
  Drain drain;
  EXPECT_EQ(drain.advance(clock.now(), true), Action::kNone);
  drain.begin(kTimes, clock.now());
  EXPECT_TRUE(drain.draining());
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kBeginDrain);
  clock.advance(Milliseconds(4'999));
  EXPECT_EQ(drain.advance(clock.now(), true), Action::kNone) << "drainDelay is served out though nothing runs";
  clock.advance(Milliseconds(1));
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kCloseListeners);
  clock.advance(Milliseconds(29'999));
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kNone);
  clock.advance(Milliseconds(1));
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kCutRequests);
  clock.advance(Milliseconds(269'999));
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kNone) << "streams have until 300 s after the listeners closed";
  clock.advance(Milliseconds(1));
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kStop);
  EXPECT_EQ(drain.state(), Drain::State::kEnded);
  EXPECT_EQ(drain.advance(clock.now(), true), Action::kNone);
}

TEST(Drain, WaitsForStreamsForEverWhenToldTo) {
  ManualClock clock;
  Drain drain;
  drain.begin({.delay = Milliseconds(0), .requests = Milliseconds(0), .streams = Milliseconds::max()}, clock.now());
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kBeginDrain);
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kCloseListeners);
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kCutRequests);
  clock.advance(std::chrono::hours(24 * 365));
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kNone);
  EXPECT_EQ(drain.advance(clock.now(), true), Action::kStop);
}

TEST(Drain, EndsAsSoonAsNothingRuns) {
  ManualClock clock;
  Drain drain;
  drain.begin({.delay = Milliseconds(0), .requests = Milliseconds(30'000), .streams = Milliseconds(300'000)},
              clock.now());
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kBeginDrain);
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kCloseListeners);
  EXPECT_EQ(drain.advance(clock.now(), true), Action::kStop);
}

TEST(Drain, StreamsThatHaveNoLongerThanRequestsAreCutWithThem) {
  ManualClock clock;
  Drain drain;
  drain.begin({.delay = Milliseconds(0), .requests = Milliseconds(10), .streams = Milliseconds(10)}, clock.now());
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kBeginDrain);
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kCloseListeners);
  clock.advance(Milliseconds(10));
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kStop);
}

TEST(Drain, BeginningTwiceChangesNothing) {
  ManualClock clock;
  Drain drain;
  drain.begin(kTimes, clock.now());
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kBeginDrain);
  clock.advance(Milliseconds(4'000));
  drain.begin(kTimes, clock.now());
  clock.advance(Milliseconds(1'000));
  EXPECT_EQ(drain.advance(clock.now(), false), Action::kCloseListeners);
}

TEST(DrainTimes, AreTheLongestThatAnyListenerOrRouteAllows) {
  config::Config config;
  config.timeouts.drain = std::chrono::seconds(20);
  config.timeouts.stream_drain = std::chrono::seconds(40);
  config.listeners.resize(2);
  config.listeners[1].timeouts.drain_delay = std::chrono::seconds(7);
  config.routes.resize(2);
  config.routes[0].timeouts.drain = std::chrono::seconds(10);
  config.routes[1].timeouts.stream_drain = config::kNever;
  const Drain::Times times = drain_times(config);
  EXPECT_EQ(times.delay, std::chrono::seconds(7));
  EXPECT_EQ(times.requests, std::chrono::seconds(20));
  EXPECT_EQ(times.streams, config::kNever);
}

}  // namespace
}  // namespace weir::app
