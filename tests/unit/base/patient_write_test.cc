// Readers that do not read: how much is written, and why no more.
#include "base/patient_write.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

namespace weir {
namespace {

SteadyTime at_once() { return std::chrono::steady_clock::now(); }

class PatientWrite : public testing::Test {
 protected:
  PatientWrite() {
    EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0);
    room_ = static_cast<std::size_t>(::fcntl(ends_[1], F_SETPIPE_SZ, 2 * 4096));
  }
  ~PatientWrite() override {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    bytes.resize(static_cast<std::size_t>(::read(ends_[0], bytes.data(), size)));
    return bytes;
  }
  std::array<int, 2> ends_{};
  std::size_t room_ = 0;
};

TEST_F(PatientWrite, WritesWhatThereIsRoomForAndNoMore) {
  const std::string bytes(room_ + 5'000, 'x');
  const Written written = write_until(ends_[1], bytes, at_once());
  EXPECT_EQ(written.bytes, room_);
  EXPECT_EQ(written.error, EAGAIN);
  EXPECT_EQ(read(room_).size(), room_);
  const Written rest = write_until(ends_[1], bytes.substr(written.bytes), at_once());
  EXPECT_EQ(rest.bytes, 5'000U);
  EXPECT_EQ(rest.error, 0);
}

TEST_F(PatientWrite, SaysThatNobodyIsThereAnyMore) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  ::close(ends_[0]);
  const Written written = write_until(ends_[1], "x", at_once());
  EXPECT_EQ(written.error, EPIPE);
  ends_[0] = ::open("/dev/null", O_RDONLY);
  std::signal(SIGPIPE, before);
}

TEST_F(PatientWrite, WritesAFileWhole) {
  const std::string path = testing::TempDir() + "patient_write_test";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::string bytes(3'000'000, 'x');
  const Written written = write_until(file, bytes, at_once());
  EXPECT_EQ(written.bytes, bytes.size());
  EXPECT_EQ(::lseek(file, 0, SEEK_END), 3'000'000);
  ::close(file);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace weir
