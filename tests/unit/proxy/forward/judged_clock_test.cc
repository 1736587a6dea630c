#include "proxy/forward/judged_clock.h"

#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

using std::chrono::milliseconds;
using Wait = JudgedClock::Wait;

constexpr SteadyTime kStart{std::chrono::hours(1)};

SteadyTime at(int ms) { return kStart + milliseconds(ms); }

TEST(JudgedClock, CountsFromItsStart) {
  JudgedClock clock;
  clock.start(kStart);
  EXPECT_EQ(clock.elapsed_us(kStart), 0U);
  EXPECT_EQ(clock.elapsed_us(at(3)), 3'000U);
  EXPECT_EQ(clock.started(), kStart);
  EXPECT_FALSE(clock.standing());
}

TEST(JudgedClock, StandsWhileItWaits) {
  JudgedClock clock;
  clock.start(kStart);
  clock.set(Wait::kConnecting, true, at(10));
  EXPECT_TRUE(clock.standing());
  EXPECT_EQ(clock.elapsed_us(at(50)), 10'000U);
  clock.set(Wait::kConnecting, false, at(60));
  EXPECT_FALSE(clock.standing());
  EXPECT_EQ(clock.elapsed_us(at(60)), 10'000U);
  EXPECT_EQ(clock.elapsed_us(at(65)), 15'000U);
}

TEST(JudgedClock, CountsNoTimeTwiceThatIsWaitedForTwoThings) {
  JudgedClock clock;
  clock.start(kStart);
  clock.set(Wait::kConnecting, true, at(10));
  clock.set(Wait::kClient, true, at(20));
  clock.set(Wait::kConnecting, false, at(30));
  EXPECT_TRUE(clock.standing());
  EXPECT_EQ(clock.elapsed_us(at(40)), 10'000U);
  clock.set(Wait::kClient, false, at(50));
  EXPECT_EQ(clock.elapsed_us(at(51)), 11'000U);
}

TEST(JudgedClock, IsToldTheSameTwiceWithoutHarm) {
  JudgedClock clock;
  clock.start(kStart);
  clock.set(Wait::kClient, false, at(5));
  clock.set(Wait::kClient, true, at(10));
  clock.set(Wait::kClient, true, at(20));
  clock.set(Wait::kClient, false, at(30));
  clock.set(Wait::kClient, false, at(40));
  EXPECT_EQ(clock.elapsed_us(at(50)), 30'000U);
}

TEST(JudgedClock, AddsUpManyWaits) {
  JudgedClock clock;
  clock.start(kStart);
  for (int i = 0; i < 100; ++i) {
    clock.set(Wait::kClient, true, at(10 * i + 1));
    clock.set(Wait::kClient, false, at(10 * i + 10));
  }
  EXPECT_EQ(clock.elapsed_us(at(1'000)), 100'000U);
}

TEST(JudgedClock, BeginsAnewWithEachRequest) {
  JudgedClock clock;
  clock.start(kStart);
  clock.set(Wait::kClient, true, at(1));
  clock.start(at(100));
  EXPECT_FALSE(clock.standing());
  EXPECT_EQ(clock.elapsed_us(at(101)), 1'000U);
}

}  // namespace
}  // namespace weir::proxy
