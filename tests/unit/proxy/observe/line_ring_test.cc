#include "proxy/observe/line_ring.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace weir::proxy {
namespace {

std::string drain(LineRing& ring) {
  std::string lines;
  ring.drain([&](std::string_view piece) { lines += piece; });
  return lines;
}

TEST(LineRing, GivesBackInOrderWhatWasPushed) {
  LineRing ring(64);
  EXPECT_EQ(drain(ring), "");
  ring.push("one\n");
  ring.push("two\n");
  EXPECT_EQ(drain(ring), "one\ntwo\n");
  EXPECT_EQ(drain(ring), "");
}

TEST(LineRing, DropsWholeLinesAndCountsThem) {
  LineRing ring(8);
  ring.push("123\n");
  ring.push("12345\n");
  ring.push("456\n");
  ring.push("\n");
  EXPECT_EQ(ring.dropped(), 2U);
  EXPECT_EQ(drain(ring), "123\n456\n");
  ring.push("1234567\n");
  EXPECT_EQ(drain(ring), "1234567\n");
  ring.push("12345678\n");
  EXPECT_EQ(ring.dropped(), 3U);
}

TEST(LineRing, GoesRoundManyTimes) {
  LineRing ring(16);
  for (int i = 0; i < 1'000; ++i) {
    const std::string line = std::to_string(i) + "-----\n";
    ring.push(line);
    ASSERT_EQ(drain(ring), line);
  }
  EXPECT_EQ(ring.dropped(), 0U);
}

// At full speed on both sides over a small ring: what arrives are whole lines in order, and with the dropped it is all.
TEST(LineRing, LosesNothingUncounted) {
  constexpr std::uint64_t kLines = 200'000;
  LineRing ring(256);
  std::atomic<bool> done = false;
  std::string all;
  std::thread reader([&] {
    while (!done.load()) all += drain(ring);
    all += drain(ring);
  });
  for (std::uint64_t i = 1; i <= kLines; ++i) ring.push(std::to_string(i) + "\n");
  done = true;
  reader.join();
  std::uint64_t last = 0;
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < all.size(); ++count) {
    const std::size_t end = all.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const std::uint64_t number = std::stoull(all.substr(at, end - at));
    ASSERT_GT(number, last);
    last = number;
    at = end + 1;
  }
  EXPECT_EQ(count + ring.dropped(), kLines);
}

}  // namespace
}  // namespace weir::proxy
