#include "proxy/observe/outcome_ring.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace weir::proxy {
namespace {

Outcome numbered(std::uint64_t number) {
  Outcome outcome;
  outcome.latency_us = number;
  outcome.bytes_out = ~number;
  return outcome;
}

std::vector<std::uint64_t> drain(OutcomeRing& ring) {
  std::vector<std::uint64_t> numbers;
  ring.drain([&](const Outcome& outcome) { numbers.push_back(outcome.latency_us); });
  return numbers;
}

TEST(OutcomeRing, GivesBackInOrderWhatWasPushed) {
  OutcomeRing ring(8);
  EXPECT_TRUE(drain(ring).empty());
  for (std::uint64_t i = 0; i < 5; ++i) ring.push(numbered(i));
  EXPECT_EQ(drain(ring), (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(drain(ring).empty());
}

TEST(OutcomeRing, DropsAndCountsWhatFindsNoRoom) {
  OutcomeRing ring(4);
  for (std::uint64_t i = 0; i < 7; ++i) ring.push(numbered(i));
  EXPECT_EQ(ring.dropped(), 3u);
  EXPECT_EQ(drain(ring), (std::vector<std::uint64_t>{0, 1, 2, 3}));
  ring.push(numbered(7));
  EXPECT_EQ(drain(ring), (std::vector<std::uint64_t>{7}));
  EXPECT_EQ(ring.dropped(), 3u);
}

TEST(OutcomeRing, RoundsItsCapacityUpToAPowerOfTwo) {
  OutcomeRing ring(5);
  for (std::uint64_t i = 0; i < 9; ++i) ring.push(numbered(i));
  EXPECT_EQ(drain(ring).size(), 8u);
  EXPECT_EQ(ring.dropped(), 1u);
}

TEST(OutcomeRing, GoesRoundManyTimes) {
  OutcomeRing ring(4);
  std::uint64_t next = 0;
  for (int lap = 0; lap < 1'000; ++lap) {
    const std::uint64_t first = next;
    for (int i = 0; i < 3; ++i) ring.push(numbered(next++));
    ASSERT_EQ(drain(ring), (std::vector<std::uint64_t>{first, first + 1, first + 2}));
  }
}

// A producer and a consumer at full speed over a small ring: what arrives is whole and in order, and together with the
// dropped it is all that was pushed.
TEST(OutcomeRing, LosesNothingUncountedBetweenTwoThreads) {
  constexpr std::uint64_t kRecords = 300'000;
  OutcomeRing ring(256);
  std::atomic<bool> done{false};
  std::thread producer([&] {
    for (std::uint64_t i = 1; i <= kRecords; ++i) ring.push(numbered(i));
    done.store(true, std::memory_order_release);
  });

  std::uint64_t last = 0;
  std::uint64_t received = 0;
  std::uint64_t torn = 0;
  std::uint64_t disordered = 0;
  const auto visit = [&](const Outcome& outcome) {
    torn += outcome.bytes_out != ~outcome.latency_us;
    disordered += outcome.latency_us <= last;
    last = outcome.latency_us;
    ++received;
  };
  while (!done.load(std::memory_order_acquire)) ring.drain(visit);
  producer.join();
  ring.drain(visit);
  EXPECT_EQ(torn, 0u);
  EXPECT_EQ(disordered, 0u);
  EXPECT_GT(received, 0u);
  EXPECT_EQ(received + ring.dropped(), kRecords);
}

}  // namespace
}  // namespace weir::proxy
