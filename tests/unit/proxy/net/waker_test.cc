#include "proxy/net/waker.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>

#include "proxy/net/tick_timer.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

// As the waker's users wait: what came before is taken first.
Awaitable<> count_wakes(Waker& waker, int& count, [[maybe_unused]] std::shared_ptr<int> held) {
  for (;;) {
    if (!waker.take()) co_await waker.wait();
    ++count;
  }
}

class WakerTest : public testing::Test {
 protected:
  void start() { asio::co_spawn(loop_.io, count_wakes(waker_, count_, held_), asio::detached); }

  Loop loop_;
  Waker waker_;
  int count_ = 0;
  std::shared_ptr<int> held_ = std::make_shared<int>(0);
};

TEST_F(WakerTest, ResumesAtOnceOnTheCallersStack) {
  start();
  loop_.settle();
  EXPECT_EQ(count_, 0);
  for (int i = 1; i <= 3; ++i) {
    waker_.wake();
    EXPECT_EQ(count_, i);
  }
  EXPECT_FALSE(waker_.take());
}

TEST_F(WakerTest, KeepsOneWakeForWhoeverWaitsNext) {
  waker_.wake();
  waker_.wake();
  start();
  loop_.settle();
  EXPECT_EQ(count_, 1);
  waker_.wake();
  EXPECT_EQ(count_, 2);
}

TEST_F(WakerTest, IsTakenOnce) {
  waker_.wake();
  EXPECT_TRUE(waker_.take());
  EXPECT_FALSE(waker_.take());
}

TEST(Waker, DestroysWhoeverStillWaits) {
  Loop loop;
  int count = 0;
  auto held = std::make_shared<int>(0);
  {
    Waker waker;
    asio::co_spawn(loop.io, count_wakes(waker, count, held), asio::detached);
    loop.settle();
    EXPECT_EQ(held.use_count(), 2);
  }
  loop.settle();  // a coroutine's stack is unwound by its executor
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(count, 0);
}

TEST(TickTimer, CallsOnceUnlessItIsDestroyedBefore) {
  Loop loop;
  int ticks = 0;
  TickTimer timer(loop.io);
  timer.start(std::chrono::milliseconds(1), [&] { ++ticks; });
  {
    TickTimer gone(loop.io);
    gone.start(std::chrono::milliseconds(0), [&] { ticks += 100; });
  }
  EXPECT_TRUE(loop.run_until([&] { return ticks > 0; }));
  loop.settle();
  EXPECT_EQ(ticks, 1);
}

}  // namespace
}  // namespace weir::proxy
