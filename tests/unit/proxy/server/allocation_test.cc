// What a worker allocates for a request, over real sockets: nothing, however many fields there are and however many
// requests run at once. A program of its own, for it replaces the allocation functions.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "proxy/server/server.h"
#include "tests/unit/proxy/server/sockets.h"

namespace {

// Blocks allocated by threads that are not the test's own: the worker's.
std::atomic<std::int64_t> g_blocks{0};
thread_local bool t_of_the_test = false;
// Blocks as large as this are refused to those threads.
std::atomic<std::size_t> g_refuse_from{SIZE_MAX};

void* count(void* block) {
  if (!t_of_the_test) g_blocks.fetch_add(1, std::memory_order_relaxed);
  return block;
}

}  // namespace

// Not inlined: GCC 12 at -O2 takes a free() that it sees there for the wrong one.
[[gnu::noinline]] void* operator new(std::size_t size) {
  const bool refused = !t_of_the_test && size >= g_refuse_from.load(std::memory_order_relaxed);
  void* const block = refused ? nullptr : std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  return count(block);
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }

extern "C" {
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size);
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return count(__real_aligned_alloc(alignment, size));
}
}

namespace weir::proxy {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr int kBatches = 9;
constexpr int kClients = 32;   // at once
constexpr int kRequests = 64;  // of a batch, all clients together

std::string head_with_fields(std::string_view start, int count) {
  std::string head = std::string(start) + "\r\nHost: a\r\nContent-Length: 0\r\n";
  for (int i = 2; i < count; ++i)
    head += "X-Field-" + std::to_string(i) + ": value of field " + std::to_string(i) + "\r\n";
  return head + "\r\n";
}

config::Config config_for(std::uint16_t port) {
  config::Config config;
  config.listeners.emplace_back().address = "127.0.0.1:0";
  config.services["chat"].versions["v1"].endpoints.push_back({"", "127.0.0.1", port});
  config::Route route;
  route.name = "all";
  route.service = "chat";
  route.match.path_prefix = "/";
  config.routes.push_back(route);
  return config;
}

// That half of the requests are the candidate's, and that their answers may be scored.
std::shared_ptr<const TrafficPlan> scored_plan(config::Config& config, Names& names) {
  config::Rollout& rollout = config.rollouts["chat"];
  rollout.baseline = "v1";
  rollout.candidate = "v2";
  rollout.salt = "salt";
  rollout.stickiness.by.push_back({.header = "x-field-3", .cookie = {}});
  config.services["chat"].versions["v2"] = config.services["chat"].versions["v1"];
  RolloutTraffic traffic;
  traffic.identity = rollout_identity({"chat", "v1", "v2", "", "salt"});
  traffic.step = 1;
  traffic.weight_ppm = kMillion / 2;
  traffic.judged = traffic.scored = true;
  auto plan = std::make_shared<TrafficPlan>();
  plan->number = 1;
  plan->rollouts.resize(names.services.intern("chat") + 1, traffic);
  return plan;
}

enum class Extra { kNone, kLog, kScores };

// Blocks of a batch, with so many fields in each request and response, once the connections are warm.
std::int64_t blocks_per_batch(int fields, Extra extra = Extra::kNone) {
  const std::string response = head_with_fields("HTTP/1.1 200 OK", fields);
  // Nobody is answered before all have asked: as many requests as there are run at once from the first batch on.
  std::barrier all_have_asked(kClients);
  Origin origin([&](Socket& socket) {
    t_of_the_test = true;
    while (socket.read_until(kEnd).ends_with(kEnd)) {
      all_have_asked.arrive_and_wait();
      socket.send(response);
    }
  });
  Names names;
  Server server({.workers = 1, .outcome_ring_capacity = 4'096});
  config::Config config = config_for(origin.port());
  if (extra == Extra::kLog) config.access_log.emplace().format = config::json_log_format({"x-field-2", "cookie"});
  if (extra == Extra::kScores) server.apply_plan(scored_plan(config, names));
  EXPECT_TRUE(server.start(build_topology(config, names)).empty());
  std::vector<Socket> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(Socket::connect(server.addresses().at(0)));
  const std::string request = head_with_fields("GET / HTTP/1.1", fields);
  int outcomes = 0;
  int joinable = 0;
  const auto exchange = [&] {
    for (int i = 0; i < kRequests / kClients; ++i) {
      for (Socket& client : clients) client.send(request);
      for (Socket& client : clients) EXPECT_TRUE(client.read_until(kEnd).starts_with("HTTP/1.1 200 "));
    }
    const int expected = outcomes + kRequests;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const int to_be_joined = extra == Extra::kScores ? expected : 0;
    while ((outcomes < expected || joinable < to_be_joined) && std::chrono::steady_clock::now() < end) {
      server.drain_outcomes([&](const Outcome&) { ++outcomes; });
      server.drain_joins([&](const Joinable& ended) {
        ++joinable;
        EXPECT_TRUE(ended.of.judged && ended.keys[0] != 0 && ended.keys[3] != 0);
      });
    }
    EXPECT_EQ(outcomes, expected);
    EXPECT_EQ(joinable, to_be_joined);
  };
  exchange();
  std::vector<std::int64_t> batches;
  for (int i = 0; i < kBatches; ++i) {
    const std::int64_t before = g_blocks.load();
    exchange();
    batches.push_back(g_blocks.load() - before);
  }
  // The median: on a busy machine a connection may be parked in between, and warms up again.
  std::nth_element(batches.begin(), batches.begin() + kBatches / 2, batches.end());
  return batches[kBatches / 2];
}

TEST(Allocation, IsNoneForARequest) {
  t_of_the_test = true;
  const std::int64_t few = blocks_per_batch(2);
  const std::int64_t many = blocks_per_batch(60);
  std::cout << "blocks in " << kRequests << " requests: " << few << " with 2 fields, " << many << " with 60\n";
  EXPECT_EQ(few, 0);
  EXPECT_EQ(many, 0);
}

// Whatever a request still had on its way to a client would be sent from memory that is another's by then.
void run_out_of_memory() {
  t_of_the_test = true;
  const std::string response = head_with_fields("HTTP/1.1 200 OK", 150);
  Origin origin([&response](Socket& socket) {
    t_of_the_test = true;
    while (socket.read_until(kEnd).ends_with(kEnd)) socket.send(response);
  });
  Names names;
  Server server({.workers = 1, .outcome_ring_capacity = 4'096});
  EXPECT_TRUE(server.start(build_topology(config_for(origin.port()), names)).empty());
  Socket client = Socket::connect(server.addresses().at(0));
  g_refuse_from = 4 * 1024;
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.read_until(kEnd);
}

TEST(AllocationDeathTest, ThatFailsEndsTheProgramAtOnce) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(run_out_of_memory(), "a request ended in an exception .*bad_alloc");
}

TEST(Allocation, IsNoneForALineOfTheAccessLog) {
  t_of_the_test = true;
  EXPECT_EQ(blocks_per_batch(60, Extra::kLog), 0);
}

TEST(Allocation, IsNoneForARequestThatMayBeScored) {
  t_of_the_test = true;
  EXPECT_EQ(blocks_per_batch(60, Extra::kScores), 0);
}

// The counting itself: what a thread that is not the test's allocates is seen.
TEST(Allocation, IsCountedOnOtherThreads) {
  t_of_the_test = true;
  const std::int64_t before = g_blocks.load();
  std::thread([] { ::operator delete(::operator new(1)); }).join();
  EXPECT_GE(g_blocks.load(), before + 1);
}

}  // namespace
}  // namespace weir::proxy
