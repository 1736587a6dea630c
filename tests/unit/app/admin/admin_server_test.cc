#include "app/admin/admin_server.h"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "app/cli/admin_client.h"
#include "base/json.h"
#include "tests/unit/proxy/server/sockets.h"

namespace weir::app {
namespace {

// Answers queries with their kind, and commands with what they said, from another thread.
class EchoBackend final : public AdminBackend {
 public:
  ~EchoBackend() override { finish(); }
  // Before the server goes: whoever has been answered may still be on his way out of it.
  void finish() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  ApiReply query(const ApiQuery& query) override {
    std::unique_lock built(metrics, std::defer_lock);
    if (query.kind == ApiQuery::Kind::kMetrics) built.lock();
    return message_reply("query " + std::to_string(static_cast<int>(query.kind)));
  }
  void submit(ApiCommand command, std::function<void(ApiReply)> done) override {
    threads_.emplace_back([command, done] { done(message_reply(command.service + " by " + command.actor)); });
  }

  std::mutex metrics;  // whoever holds it keeps them from being put together

 private:
  std::vector<std::thread> threads_;
};

AdminClient client_of(const AdminServer& server, std::string token = {}) {
  return AdminClient({.address = {"127.0.0.1", server.port()}, .token = std::move(token), .actor = "ann@laptop"});
}

constexpr const char* kScore = R"({"request_id":"r","name":"n","value":1})";

std::string message(const AdminReply& reply) { return json::parse(reply.body).value["message"].string(); }

TEST(AdminServer, AnswersQueriesAndCommands) {
  EchoBackend backend;
  AdminServer server({.address = {"127.0.0.1", 0}, .token = {}}, backend);
  ASSERT_EQ(server.start(), "");
  const AdminClient client = client_of(server);
  EXPECT_EQ(message(client.get("/api/v1/status")), "query 0");
  const AdminReply reply = client.post("/api/v1/services/chat/pause");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(message(reply), "chat by ann@laptop from 127.0.0.1");
  EXPECT_EQ(client.get("/nothing").status, 404);
  backend.finish();
  server.stop();
}

TEST(AdminServer, AsksForItsToken) {
  EchoBackend backend;
  AdminServer server({.address = {"127.0.0.1", 0}, .token = "secret"}, backend);
  ASSERT_EQ(server.start(), "");
  EXPECT_EQ(client_of(server).get("/api/v1/status").status, 401);
  EXPECT_EQ(client_of(server, "wrong").post("/api/v1/drain").status, 401);
  EXPECT_EQ(client_of(server).post("/v1/feedback", kScore).status, 401);
  EXPECT_EQ(client_of(server).post("/v1/feedback?x", kScore).status, 401);
  EXPECT_EQ(client_of(server, "secret").post("/v1/feedback", kScore).status, 200);
  EXPECT_EQ(client_of(server, "secret").get("/api/v1/status").status, 200);
  EXPECT_EQ(client_of(server).get("/healthz").status, 200);
  backend.finish();
  server.stop();
}

TEST(AdminServer, TakesScoresAloneWhereItIsToldTo) {
  EchoBackend backend;
  AdminServer server({.address = {"127.0.0.1", 0}, .token = "secret", .scores_alone = true}, backend);
  ASSERT_EQ(server.start(), "");
  const AdminClient client = client_of(server, "secret");
  EXPECT_EQ(client.post("/v1/feedback", kScore).status, 200);
  EXPECT_EQ(client_of(server).post("/v1/feedback", kScore).status, 401);
  EXPECT_EQ(client.get("/healthz").status, 200);
  for (const char* target : {"/api/v1/status", "/metrics", "/v1/feedbacks"}) {
    EXPECT_EQ(client.get(target).status, 404) << target;
  }
  EXPECT_EQ(client.post("/api/v1/services/chat/abort").status, 404);
  backend.finish();
  server.stop();
  AdminServer open({.address = {"0.0.0.0", 0}, .token = {}, .scores_alone = true}, backend);
  EXPECT_NE(open.start().find("feedback.token"), std::string::npos);
}

TEST(AdminServer, IsNotKeptFromAnybodyByThoseWhoSayNothing) {
  EchoBackend backend;
  AdminServer server({.address = {"127.0.0.1", 0}, .token = {}}, backend);
  ASSERT_EQ(server.start(), "");
  std::vector<proxy::Socket> silent;
  for (int i = 0; i < 300; ++i) {
    silent.push_back(proxy::Socket::connect("127.0.0.1:" + std::to_string(server.port())));
    silent.back().send("GET /hea");
  }
  EXPECT_EQ(message(client_of(server).get("/api/v1/status")), "query 0");
  EXPECT_EQ(client_of(server).post("/api/v1/services/chat/abort").status, 200);
  backend.finish();
  server.stop();
}

TEST(AdminServer, AnswersProbesWhateverTheirHostAndQuery) {
  EchoBackend backend;
  AdminServer server({.address = {"127.0.0.1", 0}, .token = {}}, backend);
  ASSERT_EQ(server.start(), "");
  for (const char* target : {"/healthz", "/readyz", "/readyz?from=balancer"}) {
    proxy::Socket balancer = proxy::Socket::connect("127.0.0.1:" + std::to_string(server.port()));
    balancer.send("GET " + std::string(target) + " HTTP/1.1\r\nhost: weir.internal\r\nconnection: close\r\n\r\n");
    EXPECT_TRUE(balancer.read_all().starts_with("HTTP/1.1 200 ")) << target;
  }
  server.stop();
}

TEST(AdminServer, AnswersProbesBesideAllThatIsPutTogether) {
  EchoBackend backend;
  AdminServer server({.address = {"127.0.0.1", 0}, .token = {}}, backend);
  ASSERT_EQ(server.start(), "");
  std::unique_lock held(backend.metrics);
  std::vector<proxy::Socket> scrapes;
  for (int i = 0; i < 64; ++i) {
    scrapes.push_back(proxy::Socket::connect("127.0.0.1:" + std::to_string(server.port())));
    scrapes.back().send("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nGET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    scrapes.back().read_until("query");  // the metrics are asked for
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client_of(server).get("/readyz").status, 200);
  // The first probe may have met a scrape whose second request was not read yet, and had it go.
  const std::uint64_t before = server.connections_turned_away();
  EXPECT_EQ(client_of(server).get("/metrics").status, 503);
  EXPECT_EQ(server.connections_turned_away(), before + 1);
  held.unlock();
  for (proxy::Socket& scrape : scrapes) scrape.read_until("query");
  backend.finish();
  server.stop();
}

TEST(AdminServer, RefusesABodyThatIsTooLarge) {
  EchoBackend backend;
  AdminServer server({.address = {"127.0.0.1", 0}, .token = {}}, backend);
  ASSERT_EQ(server.start(), "");
  const std::string body(65 * 1024, ' ');
  EXPECT_EQ(client_of(server).post("/api/v1/services/chat/weight", body).status, 413);
  EXPECT_EQ(client_of(server).post("/v1/feedback", kScore + body).status, 200);
  EXPECT_EQ(client_of(server).get("/healthz").status, 200);
  backend.finish();
  server.stop();
}

TEST(AdminServer, OffLoopbackItNeedsAToken) {
  EchoBackend backend;
  AdminServer open({.address = {"0.0.0.0", 0}, .token = {}}, backend);
  EXPECT_NE(open.start().find("admin.token"), std::string::npos);
  AdminServer closed({.address = {"0.0.0.0", 0}, .token = "secret"}, backend);
  EXPECT_EQ(closed.start(), "");
}

TEST(AdminServer, SaysThatItsAddressIsTaken) {
  EchoBackend backend;
  AdminServer first({.address = {"127.0.0.1", 0}, .token = {}}, backend);
  ASSERT_EQ(first.start(), "");
  AdminServer second({.address = {"127.0.0.1", first.port()}, .token = {}}, backend);
  EXPECT_NE(second.start().find("admin.address"), std::string::npos);
}

TEST(AdminServer, EveryIpv6AddressLeavesIpv4ToOthers) {
  EchoBackend backend;
  AdminServer v6({.address = {"::", 0}, .token = "secret"}, backend);
  ASSERT_EQ(v6.start(), "");
  AdminServer v4({.address = {"0.0.0.0", v6.port()}, .token = "secret"}, backend);
  EXPECT_EQ(v4.start(), "");
  EXPECT_EQ(AdminClient({.address = {"::1", v6.port()}, .token = "secret", .actor = {}}).get("/api/v1/status").status,
            200);
}

// A backend that never answers, and drops what it was asked when the server is gone: a rollout whose decision waits for
// the disk does so.
TEST(AdminServer, EndsWhileACommandWaits) {
  class Silent final : public AdminBackend {
   public:
    ApiReply query(const ApiQuery&) override { return {}; }
    void submit(ApiCommand, std::function<void(ApiReply)> done) override {
      const std::lock_guard lock(mutex);
      waiting = std::move(done);
    }
    std::mutex mutex;
    std::function<void(ApiReply)> waiting;
  } backend;
  auto server = std::make_unique<AdminServer>(AdminOptions{.address = {"127.0.0.1", 0}, .token = {}}, backend);
  ASSERT_EQ(server->start(), "");
  const AdminClient client = client_of(*server);
  std::thread asking([&client] { EXPECT_EQ(client.post("/api/v1/drain").status, 0); });
  for (bool asked = false; !asked;) {
    const std::lock_guard lock(backend.mutex);
    asked = static_cast<bool>(backend.waiting);
  }
  server->stop();
  server.reset();  // closes its connections
  asking.join();
  backend.waiting = nullptr;
}

}  // namespace
}  // namespace weir::app
