#include "app/file_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace weir::app {
namespace {

class FileWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    write(path_, "one");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  static void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

  const std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) / "file_watch_test";
  const std::filesystem::path path_ = folder_ / "plan.yaml";
};

TEST_F(FileWatchTest, ReportsAChangeThatIsAtRestUntilItIsRead) {
  FileWatch watch(path_.string());
  EXPECT_FALSE(watch.changed());
  write(path_, "three");
  EXPECT_FALSE(watch.changed()) << "it may still be being written";
  EXPECT_TRUE(watch.changed());
  watch.seen(stamp_of(path_.string()));
  EXPECT_FALSE(watch.changed());
}

TEST_F(FileWatchTest, SeesAFileThatWasReplacedByOneOfEqualSizeAndTime) {
  FileWatch watch(path_.string());
  const auto time = std::filesystem::last_write_time(path_);
  write(folder_ / "new.yaml", "two");
  std::filesystem::last_write_time(folder_ / "new.yaml", time);
  std::filesystem::rename(folder_ / "new.yaml", path_);
  watch.changed();
  EXPECT_TRUE(watch.changed());
}

TEST_F(FileWatchTest, SeesThroughALinkThatWasTurned) {
  write(folder_ / "a.yaml", "aaa");
  write(folder_ / "b.yaml", "bbb");
  std::filesystem::create_symlink("a.yaml", folder_ / "link");
  FileWatch watch((folder_ / "link").string());
  std::filesystem::remove(folder_ / "link");
  EXPECT_FALSE(watch.changed()) << "a file that is gone is no change";
  EXPECT_FALSE(watch.changed());
  std::filesystem::create_symlink("b.yaml", folder_ / "link");
  EXPECT_FALSE(watch.changed());
  EXPECT_TRUE(watch.changed());
}

TEST_F(FileWatchTest, WhatCouldNotBeReadIsTriedAgainMoreAndMoreSeldom) {
  FileWatch watch(path_.string());
  write(path_, "three");
  watch.changed();
  std::vector<int> tries;
  for (int look = 1; look <= 300; ++look) {
    if (!watch.changed()) continue;
    tries.push_back(look);
    watch.failed(stamp_of(path_.string()));
  }
  EXPECT_EQ(tries, (std::vector<int>{1, 2, 4, 8, 16, 32, 64, 128, 192, 256}));
  write(path_, "other");
  watch.changed();
  EXPECT_TRUE(watch.changed()) << "another change is read at once";
  watch.failed(stamp_of(path_.string()));
  EXPECT_TRUE(watch.changed());
  watch.seen(stamp_of(path_.string()));
  for (int look = 1; look <= 300; ++look) EXPECT_FALSE(watch.changed());
}

TEST_F(FileWatchTest, WhatFailedAtTheStartIsTriedAgain) {
  FileWatch watch(path_.string());
  watch.failed(stamp_of(path_.string()));
  EXPECT_TRUE(watch.changed());
}

TEST_F(FileWatchTest, WhatAReloadReadIsSeen) {
  FileWatch watch(path_.string());
  write(path_, "three");
  watch.seen(stamp_of(path_.string()));
  EXPECT_FALSE(watch.changed());
  EXPECT_FALSE(watch.changed());
}

}  // namespace
}  // namespace weir::app
