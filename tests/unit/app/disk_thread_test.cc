#include "app/disk_thread.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <future>
#include <string>
#include <thread>

namespace weir::app {
namespace {

using std::chrono::milliseconds;

void take_when_ended(DiskThread& disk) {
  pollfd ended{disk.descriptor(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, 10'000), 1);
  disk.take();
}

TEST(DiskThread, DoesItsJobElsewhereAndTheRestHere) {
  DiskThread disk;
  std::string text;
  std::thread::id reader;
  std::thread::id taker;
  for (int times = 1; times <= 3; ++times) {
    ASSERT_TRUE(disk.idle());
    disk.run([&](const AboutTo&) -> DiskThread::Done {
      reader = std::this_thread::get_id();
      return [&, read = std::string("read")] {
        taker = std::this_thread::get_id();
        text += read;
      };
    });
    EXPECT_FALSE(disk.idle());
    take_when_ended(disk);
    EXPECT_TRUE(disk.idle());
  }
  EXPECT_EQ(text, "readreadread");
  EXPECT_EQ(taker, std::this_thread::get_id());
  EXPECT_NE(reader, std::this_thread::get_id());
}

TEST(DiskThread, TellsOfADiskThatDoesNotAnswerAndWhenItDoes) {
  DiskThread disk;
  std::promise<void> answers;
  std::promise<void> asked;
  disk.run([&](const AboutTo& about_to) -> DiskThread::Done {
    about_to("the files of listener a");
    asked.set_value();
    answers.get_future().wait();
    return {};
  });
  asked.get_future().wait();
  const SteadyTime now = std::chrono::steady_clock::now();
  EXPECT_FALSE(disk.tell(now));
  EXPECT_EQ(disk.problem(), "");
  EXPECT_TRUE(disk.tell(now + DiskThread::kPatience));
  EXPECT_NE(disk.problem().find("the files of listener a"), std::string::npos) << disk.problem();
  EXPECT_FALSE(disk.tell(now + 2 * DiskThread::kPatience)) << "once";
  EXPECT_FALSE(disk.at_rest(milliseconds(0)));
  disk.take();
  EXPECT_FALSE(disk.idle());
  answers.set_value();
  EXPECT_TRUE(disk.at_rest(milliseconds(10'000)));
  take_when_ended(disk);
  EXPECT_TRUE(disk.tell(now + 3 * DiskThread::kPatience));
  EXPECT_EQ(disk.problem(), "");
}

TEST(DiskThread, EndsWithWhatNobodyHasTaken) {
  bool taken = false;
  {
    DiskThread disk;
    disk.run([&](const AboutTo&) -> DiskThread::Done { return [&] { taken = true; }; });
  }
  EXPECT_FALSE(taken);
}

}  // namespace
}  // namespace weir::app
