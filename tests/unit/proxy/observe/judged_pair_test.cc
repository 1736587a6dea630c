#include "proxy/observe/judged_pair.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::proxy {
namespace {

std::unique_ptr<JudgedPair> named(const std::string& name) {
  auto pair = std::make_unique<JudgedPair>();
  pair->request_id = name;
  return pair;
}

// What is left behind anywhere is a leak that the sanitizer tells of.
TEST(PairQueue, GivesBackInOrderWhatFoundRoom) {
  PairQueue queue(2);
  EXPECT_TRUE(queue.push(named("a")));
  EXPECT_TRUE(queue.push(named("b")));
  EXPECT_FALSE(queue.push(named("c")));
  std::vector<std::string> names;
  queue.drain([&](const std::unique_ptr<JudgedPair>& pair) { names.push_back(pair->request_id); });
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(queue.push(named("d")));
}

}  // namespace
}  // namespace weir::proxy
