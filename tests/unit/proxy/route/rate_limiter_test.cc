#include "proxy/route/rate_limiter.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::proxy {
namespace {

using std::chrono::milliseconds;
using By = config::RateLimit::By;

config::RateLimit limit(std::uint32_t requests, std::uint32_t burst, By by) {
  config::RateLimit limit;
  limit.requests = requests;
  limit.burst = burst;
  limit.by = by;
  return limit;
}

const SteadyTime kStart = SteadyTime(std::chrono::hours(100));

int taken(RateLimiter& limiter, std::string_view key, SteadyTime now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limiter.take(key, now).wait.count() == 0;
  return count;
}

TEST(RateLimiter, TakesABurstAndThenAsManyAsTheRate) {
  for (const By by : {By::kRoute, By::kHeader}) {
    RateLimiter limiter(limit(10, 3, by), 1);  // one every 100 ms
    EXPECT_EQ(taken(limiter, "a", kStart, 10), 3);
    EXPECT_EQ(limiter.take("a", kStart).wait, milliseconds(100));
    EXPECT_EQ(limiter.take("a", kStart + milliseconds(40)).wait, milliseconds(60));
    EXPECT_EQ(taken(limiter, "a", kStart + milliseconds(99), 10), 0);
    EXPECT_EQ(taken(limiter, "a", kStart + milliseconds(100), 10), 1);
    EXPECT_EQ(taken(limiter, "a", kStart + milliseconds(350), 10), 2);
    EXPECT_EQ(taken(limiter, "a", kStart + milliseconds(10'000), 10), 3);  // what is not used is not kept
  }
}

TEST(RateLimiter, WithoutABurstTakesOneAtATime) {
  RateLimiter limiter(limit(1, 1, By::kRoute), 1);
  EXPECT_EQ(taken(limiter, "", kStart, 5), 1);
  EXPECT_EQ(taken(limiter, "", kStart + milliseconds(999), 5), 0);
  EXPECT_EQ(taken(limiter, "", kStart + milliseconds(1000), 5), 1);
}

TEST(RateLimiter, CountsEachKeyByItself) {
  RateLimiter limiter(limit(5, 5, By::kHeader), 7);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(taken(limiter, "key-" + std::to_string(i), kStart, 8), 5) << i;
  RateLimiter together(limit(5, 5, By::kRoute), 7);
  EXPECT_EQ(taken(together, "a", kStart, 8) + taken(together, "b", kStart, 8), 5);
}

// Many more keys than slots: nobody gets more than his share, and once they are quiet everybody gets it again.
TEST(RateLimiter, IsNeverTooGenerousAndForgets) {
  RateLimiter limiter(limit(2, 2, By::kHeader), 7);
  for (int i = 0; i < 300'000; ++i) EXPECT_LE(taken(limiter, std::to_string(i), kStart, 3), 2);
  EXPECT_EQ(taken(limiter, "late", kStart + std::chrono::seconds(2), 5), 2);
}

// A limit so slow that whatever is made up stays: it shuts out nobody, and hides nobody who has spent all he had.
TEST(RateLimiter, KeysThatAreMadeUpShutOutNobody) {
  RateLimiter limiter(limit(1, 4, By::kHeader), 7);
  ASSERT_EQ(taken(limiter, "spender", kStart, 9), 4);
  int forgotten = 0;
  for (int i = 0; i < 1'000'000; ++i) forgotten += limiter.take("made-up-" + std::to_string(i), kStart).forgot ? 1 : 0;
  EXPECT_GT(forgotten, 900'000);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(taken(limiter, "true-" + std::to_string(i), kStart, 5), 4) << i;
  EXPECT_EQ(taken(limiter, "spender", kStart, 1), 0);
}

TEST(RateLimiter, WhoOwesNothingIsForgottenFirst) {
  RateLimiter limiter(limit(1, 1, By::kHeader), 7);
  for (int i = 0; i < 1'000'000; ++i) limiter.take("old-" + std::to_string(i), kStart);
  const SteadyTime later = kStart + std::chrono::seconds(1);
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(limiter.take("new-" + std::to_string(i), later).forgot) << i;
}

TEST(RateLimiter, WorkersCountEachKeyTogether) {
  RateLimiter limiter(limit(1, 1'000, By::kHeader), 1);
  std::atomic<int> sum = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      limiter.take("of its own", kStart);
      sum += taken(limiter, "a", kStart, 1'000);
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_GE(sum, 1'000);
  EXPECT_LE(sum, 1'003);  // those who met where its place began
}

TEST(RateLimiter, WorkersCountTogether) {
  RateLimiter limiter(limit(1, 1'000, By::kRoute), 1);
  std::atomic<int> sum = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) workers.emplace_back([&] { sum += taken(limiter, "", kStart, 1'000); });
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(sum, 1'000);
}

TEST(RateLimiters, KeepWhatDidNotChange) {
  RateLimiters limiters;
  const auto first = limiters.of("a", limit(5, 5, By::kRoute));
  EXPECT_EQ(limiters.of("a", limit(5, 5, By::kRoute)), first);
  EXPECT_NE(limiters.of("b", limit(5, 5, By::kRoute)), first);
  EXPECT_NE(limiters.of("a", limit(5, 6, By::kRoute)), first);
}

}  // namespace
}  // namespace weir::proxy
