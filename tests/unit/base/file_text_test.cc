#include "base/file_text.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace weir {
namespace {

class FileTextTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& text) const {
    std::ofstream(folder_ / "file") << text;
    return folder_ / "file";
  }
  std::string pipe() const {
    const std::string path = folder_ / "pipe";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }

  const std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) / "file_text_test";
};

TEST_F(FileTextTest, IsReadWhole) {
  const std::string text = std::string(100'000, 'x') + '\0' + "end";
  for (const FileKind kind : {FileKind::kAny, FileKind::kRegular}) {
    const FileText read = read_file(write(text), kind);
    EXPECT_EQ(read.text, text);
    EXPECT_EQ(read.problem, "");
  }
}

TEST_F(FileTextTest, SaysWhyThereIsNone) {
  EXPECT_EQ(read_file(folder_ / "none", FileKind::kRegular).problem, "No such file or directory");
  EXPECT_EQ(read_file(folder_, FileKind::kAny).problem, "it is a directory");
  EXPECT_EQ(read_file(write(std::string(kLargestFile, 'x')), FileKind::kAny).problem, "");
  const FileText large = read_file(write(std::string(kLargestFile + 1, 'x')), FileKind::kAny);
  EXPECT_EQ(large.problem, "it has more than 16 MiB");
  EXPECT_EQ(large.text, "");
}

TEST_F(FileTextTest, APipeIsReadWhereOneIsLookedForAndElseRefusedWithoutWaiting) {
  const std::string path = pipe();
  EXPECT_EQ(read_file(path, FileKind::kRegular).problem, "it is no regular file");
  std::thread writer([&] { std::ofstream(path) << "plan"; });
  EXPECT_EQ(read_file(path, FileKind::kAny).text, "plan");
  writer.join();
}

}  // namespace
}  // namespace weir
