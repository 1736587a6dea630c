#include "proxy/observe/counters.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::proxy {
namespace {

TEST(Counters, KeepEachFigureByItself) {
  Counters counters;
  counters.add(Count::kConnections);
  counters.add(Count::kConnections);
  counters.add(Count::kConnections, -1);
  counters.add(Count::kRetries, 5);
  EXPECT_EQ(counters.get(Count::kConnections), 1);
  EXPECT_EQ(counters.get(Count::kRetries), 5);
  EXPECT_EQ(counters.get(Count::kPending), 0);
}

TEST(Counters, ReaderSeesATotalOnlyRise) {
  constexpr std::int64_t kAdds = 200'000;
  Counters counters;
  std::thread writer([&] {
    for (std::int64_t i = 0; i < kAdds; ++i) counters.add(Count::kUnkeyed);
  });
  std::int64_t last = 0;
  int falls = 0;
  while (last < kAdds) {
    const std::int64_t now = counters.get(Count::kUnkeyed);
    falls += now < last;
    last = now;
  }
  writer.join();
  EXPECT_EQ(falls, 0);
  EXPECT_EQ(counters.get(Count::kUnkeyed), kAdds);
}

}  // namespace
}  // namespace weir::proxy
