#include "app/tls_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>

#include "tests/unit/proxy/net/tls_wire.h"

namespace weir::app {
namespace {

const AboutTo kNobody = [](std::string_view) {};

class TlsFilesTest : public testing::Test {
 protected:
  TlsFilesTest() {
    const std::string directory = testing::TempDir() + "weir-tls-files-" + std::to_string(::getpid());
    ::mkdir(directory.c_str(), 0700);
    served_ = proxy::make_certificate(directory, "DNS:a.test");
    config::Config config;
    config.listeners.emplace_back().tls.emplace().certificates.push_back(served_);
    files_ = std::make_unique<TlsFiles>(config, std::make_shared<proxy::TlsTickets>(), nullptr, kNobody);
    EXPECT_TRUE(files_->faults().empty());
  }
  // After another look.
  bool key_is_lost() {
    files_->look(std::time(nullptr), kNobody);
    const auto problems = files_->problems();
    return std::any_of(problems.begin(), problems.end(), [&](const std::string& problem) {
      return problem.find("a file that is gone: " + served_.key) != std::string::npos;
    });
  }
  void take_away() { EXPECT_EQ(std::rename(served_.key.c_str(), aside().c_str()), 0); }
  void put_back() { EXPECT_EQ(std::rename(aside().c_str(), served_.key.c_str()), 0); }

 private:
  std::string aside() const { return served_.key + ".aside"; }

  config::Certificate served_;
  std::unique_ptr<TlsFiles> files_;
};

TEST_F(TlsFilesTest, AFileIsLostWhenItIsGoneTwice) {
  EXPECT_FALSE(key_is_lost());
  take_away();
  EXPECT_FALSE(key_is_lost()) << "it may be written anew";
  EXPECT_TRUE(key_is_lost());
  EXPECT_TRUE(key_is_lost());
  put_back();
  EXPECT_FALSE(key_is_lost());
}

TEST_F(TlsFilesTest, AFileThatIsWrittenAnewTimeAndAgainIsNotLost) {
  for (int times = 0; times < 3; ++times) {
    take_away();
    EXPECT_FALSE(key_is_lost());
    put_back();
    EXPECT_FALSE(key_is_lost());
  }
}

}  // namespace
}  // namespace weir::app
