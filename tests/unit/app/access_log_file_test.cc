#include "app/access_log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "proxy/observe/line_ring.h"

namespace weir::app {
namespace {

std::filesystem::path fresh(const std::string& name) {
  const auto path = std::filesystem::path(testing::TempDir()) / ("access_log_file_test." + name);
  std::filesystem::remove(path);
  return path;
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Written {
  proxy::LineRing ring{1 << 16};
  AccessLogFile file{[this](const AccessLogFile::Visit& visit) { ring.drain(visit); }};
};

TEST(AccessLogFile, WritesEveryLineBeforeItEnds) {
  const auto path = fresh("all");
  Written log;
  log.ring.push("before it was open\n");
  log.file.write_to(LogFile::open(path));
  std::string expected = "before it was open\n";
  for (int i = 0; i < 1'000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    log.ring.push(line);
    expected += line;
  }
  log.file.stop();
  EXPECT_EQ(text_of(path), expected);
  EXPECT_EQ(log.file.refused(), 0U);
}

TEST(AccessLogFile, FollowsARename) {
  const auto path = fresh("renamed");
  const auto old = fresh("old");
  Written log;
  log.file.write_to(LogFile::open(path));
  log.ring.push("one\n");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (text_of(path) != "one\n" && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  std::filesystem::rename(path, old);
  log.ring.push("two\n");
  log.file.write_to(LogFile::open(path));
  log.file.stop();
  EXPECT_EQ(text_of(old) + text_of(path), "one\ntwo\n");
  EXPECT_EQ(text_of(old), "one\ntwo\n");
}

TEST(AccessLogFile, SaysWhyItCannotOpen) {
  for (const std::string& path : {std::string("/proc/no/such/file"), testing::TempDir()}) {
    const LogFile file = LogFile::open(path);
    EXPECT_FALSE(file.opened());
    EXPECT_TRUE(file.error().starts_with("cannot write the access log " + path + ": ")) << file.error();
  }
  const auto pipe = fresh("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(LogFile::open(pipe).opened());  // and does not wait for a reader
}

TEST(AccessLogFile, CountsWhatTheDiskRefuses) {
  Written log;
  log.file.write_to(LogFile::open("/dev/full"));
  log.ring.push("one\n");
  log.ring.push("two\n");
  log.file.stop();
  EXPECT_EQ(log.file.refused(), 2U);
}

TEST(AccessLogFile, EndsThoughNobodyReads) {
  constexpr std::uint64_t kLines = 500;
  const auto path = fresh("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ::fcntl(reader, F_SETPIPE_SZ, 2 * 4096);
  Written log;
  log.file.write_to(LogFile::open(path));
  for (std::uint64_t i = 0; i < kLines; ++i) log.ring.push(std::string(99, 'x') + "\n");
  log.file.stop(std::chrono::milliseconds(0));
  std::string taken(kLines * 100, '\0');
  taken.resize(static_cast<std::size_t>(::read(reader, taken.data(), taken.size())));
  EXPECT_GT(log.file.refused(), 0U);
  EXPECT_EQ(log.file.refused() + static_cast<std::uint64_t>(std::count(taken.begin(), taken.end(), '\n')), kLines);
  ::close(reader);
}

}  // namespace
}  // namespace weir::app
