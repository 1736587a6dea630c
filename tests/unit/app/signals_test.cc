#include "app/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace weir::app {
namespace {

TEST(Signals, ArriveAsEvents) {
  Signals signals;
  EXPECT_TRUE(signals.take().empty());
  ::kill(::getpid(), SIGHUP);
  EXPECT_EQ(signals.take(), std::vector<Signal>{Signal::kReload});
  ::kill(::getpid(), SIGUSR1);
  EXPECT_EQ(signals.take(), std::vector<Signal>{Signal::kReopenLogs});
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(signals.take(), std::vector<Signal>{Signal::kTerminate});
  ::kill(::getpid(), SIGINT);
  EXPECT_EQ(signals.take(), std::vector<Signal>{Signal::kTerminate});
  EXPECT_TRUE(signals.take().empty());
}

TEST(Signals, DescriptorsAreRaisedToTheHardLimit) { EXPECT_GT(raise_descriptor_limit(), 0U); }

}  // namespace
}  // namespace weir::app
