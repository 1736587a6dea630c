#include "base/snapshot.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir {
namespace {

TEST(Snapshot, AReaderSeesTheNewestAndARequestKeepsItsOwn) {
  Snapshot<int> source;
  SnapshotReader<int> reader(source);
  EXPECT_FALSE(reader.current());
  source.publish(std::make_shared<const int>(1));
  const Local<int> request = reader.current();
  source.publish(std::make_shared<const int>(2));
  EXPECT_EQ(*reader.current(), 2);
  EXPECT_EQ(*request, 1);
}

TEST(Snapshot, TheLastUserFreesTheValue) {
  auto value = std::make_shared<const int>(1);
  const std::weak_ptr<const int> watch = value;
  Snapshot<int> source;
  SnapshotReader<int> reader(source);
  source.publish(std::move(value));
  {
    const Local<int> request = reader.current();
    source.publish(std::make_shared<const int>(2));
    (void)reader.current();
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Snapshot, ReadersInOtherThreadsNeverSeeAnOlderValueAfterANewerOne) {
  Snapshot<int> source;
  source.publish(std::make_shared<const int>(0));
  std::thread reading([&] {
    SnapshotReader<int> reader(source);
    int last = 0;
    while (last < 1000) {
      const int now = *reader.current();
      ASSERT_GE(now, last);
      last = now;
    }
  });
  for (int i = 1; i <= 1000; ++i) source.publish(std::make_shared<const int>(i));
  reading.join();
}

}  // namespace
}  // namespace weir
