#include "app/command_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace weir::app {
namespace {

bool readable(int descriptor) {
  pollfd one{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, 0) == 1;
}

QueuedCommand command(std::string service, std::function<void(ApiReply)> done) {
  return {.command = {.verb = ApiVerb::kPause, .service = std::move(service), .weight_ppm = 0, .actor = {}},
          .done = std::move(done)};
}

TEST(CommandQueue, KeepsOrderAndWakesItsReader) {
  CommandQueue queue;
  EXPECT_FALSE(readable(queue.descriptor()));
  std::thread writer([&queue] {
    queue.push(command("a", [](const ApiReply&) {}));
    queue.push(command("b", [](const ApiReply&) {}));
  });
  writer.join();
  EXPECT_TRUE(readable(queue.descriptor()));
  const std::vector<QueuedCommand> taken = queue.take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].command.service, "a");
  EXPECT_EQ(taken[1].command.service, "b");
  EXPECT_FALSE(readable(queue.descriptor()));
  EXPECT_TRUE(queue.take().empty());
}

TEST(CommandQueue, RefusesWhenFull) {
  CommandQueue queue;
  int refused = 0;
  for (std::size_t i = 0; i < CommandQueue::kCapacity + 3; ++i) {
    queue.push(command("a", [&refused](const ApiReply& reply) { refused += reply.status == 503 ? 1 : 0; }));
  }
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(queue.take().size(), CommandQueue::kCapacity);
}

TEST(CommandQueue, ClosingDropsWhatWaits) {
  CommandQueue queue;
  auto held = std::make_shared<int>(0);
  queue.push(command("a", [held](const ApiReply&) { ++*held; }));
  queue.close();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 0);
  queue.push(command("b", [held](const ApiReply&) { ++*held; }));
  EXPECT_EQ(*held, 1) << "answered with a refusal";
}

}  // namespace
}  // namespace weir::app
