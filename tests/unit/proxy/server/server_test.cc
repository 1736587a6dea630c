// The data plane over real sockets: what a client sees, and which outcome is left.
#include "proxy/server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "proxy/server/listener_load.h"
#include "tests/unit/proxy/server/sockets.h"

namespace weir::proxy {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kEnd = "\r\n\r\n";

// One service with one version, whose origin is at `port`.
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

class Proxy {
 public:
  explicit Proxy(const config::Config& config) : server_({.workers = 1, .outcome_ring_capacity = 1024}) {
    const std::vector<std::string> errors = server_.start(build_topology(config, names_));
    if (!errors.empty()) throw std::runtime_error(errors.front());
  }
  Server& server() { return server_; }
  void reload(const config::Config& config) {
    EXPECT_TRUE(server_.apply_topology(build_topology(config, names_, server_.topology().get())).empty());
  }
  Socket client() const { return Socket::connect(server_.addresses().at(0)); }
  // The next outcome, as soon as there is one; nothing after 10 s.
  std::optional<Outcome> outcome() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (outcomes_.size() == seen_ && std::chrono::steady_clock::now() < end) {
      server_.drain_outcomes([&](const Outcome& outcome) { outcomes_.push_back(outcome); });
      std::this_thread::yield();
    }
    return outcomes_.size() == seen_ ? std::nullopt : std::optional(outcomes_[seen_++]);
  }

 private:
  Names names_;
  Server server_;
  std::vector<Outcome> outcomes_;
  std::size_t seen_ = 0;
};

// Answers every request of a connection with its path, by length.
void answer_with_path(Socket& socket) {
  for (;;) {
    const std::string head = socket.read_until(kEnd);
    if (!head.ends_with(kEnd)) return;
    const std::string path = head.substr(4, head.find(' ', 4) - 4);
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(path.size()) + "\r\n\r\n" + path);
  }
}

// Each is read behind the one before it, which may be longer or shorter, until the buffer is used up many times over.
TEST(Server, ReadsEachRequestOfAConnectionForItself) {
  Origin origin(&answer_with_path);
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  for (std::size_t i = 1; i < 300; ++i) {
    const std::string path = "/" + std::string(i * 37 % 101, static_cast<char>('a' + i % 26)) + std::to_string(i);
    client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(client.read_until(kEnd + path), testing::EndsWith(kEnd + path));
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  Origin origin(&answer_with_path);
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  client.send(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /22 HTTP/1.1\r\nHost: a\r\n\r\nGET /333 HTTP/1.1\r\nHost: "
      "a\r\nConnection: close\r\n\r\n");
  const std::string answers = client.read_all();
  EXPECT_THAT(answers,
              testing::ContainsRegex("/1HTTP/1.1 200 OK(.|\n)*/22HTTP/1.1 200 OK(.|\n)*connection: close(.|\n)*/333$"));
  EXPECT_FALSE(client.reset());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(proxy.outcome().value().outcome, OutcomeClass::kOk);
  EXPECT_EQ(proxy.server().count(Count::kUpstreamOpened), 1);
  EXPECT_EQ(proxy.server().count(Count::kUpstreamReused), 2);
}

TEST(Server, SaysWhatItAddsToRequestsAndReplies) {
  std::string seen;
  Origin origin([&](Socket& socket) {
    seen = socket.read_until(kEnd);
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Weir-Version: forged\r\nConnection: close\r\n\r\n");
  });
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  client.send(
      "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: x-secret\r\nX-Secret: "
      "1\r\n\r\n");
  const std::string answer = client.read_until(kEnd);
  EXPECT_THAT(answer, HasSubstr("\r\nx-weir-version: v1\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nx-request-id: "));
  EXPECT_THAT(answer, HasSubstr(" GMT\r\n"));
  EXPECT_THAT(answer, testing::Not(HasSubstr("forged")));
  ASSERT_TRUE(proxy.outcome());
  EXPECT_THAT(seen, HasSubstr("\r\nhost: shop.example\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nx-forwarded-for: 127.0.0.1\r\n"));
  EXPECT_THAT(seen, testing::Not(HasSubstr("ecret")));
}

TEST(Server, RefusesWhatIsMalformedAndClosesAndNoOriginSeesIt) {
  bool reached = false;
  Origin origin([&](Socket&) { reached = true; });
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("x-weir-reason: length_and_encoding"));
  EXPECT_THAT(answer, HasSubstr("connection: close"));
  EXPECT_THAT(answer, HasSubstr("\r\ndate: "));
  EXPECT_THAT(answer, HasSubstr("\r\nx-request-id: "));
  EXPECT_FALSE(client.reset());
  EXPECT_FALSE(reached);
  EXPECT_EQ(proxy.server().count(Count::kRequestsRefused), 1);
}

// Whether a refusal has a body is said by the method of the request that is refused, and of no other.
TEST(Server, RefusesAHeadRequestWithoutABody) {
  Origin origin(&answer_with_path);
  Proxy proxy(config_for(origin.port()));
  Socket first = proxy.client();
  first.send("HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n");
  EXPECT_THAT(first.read_all(), testing::AllOf(StartsWith("HTTP/1.1 400 "), testing::EndsWith(kEnd)));

  Socket second = proxy.client();
  second.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(second.read_until(kEnd), StartsWith("HTTP/1.1 200 "));
  second.send("GET  / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(second.read_all(), testing::AllOf(StartsWith("HTTP/1.1 400 "), testing::EndsWith("}}\n")));
}

TEST(Server, SaysThatItClosesAfterAnAnswerThatCameEarly) {
  Origin origin([](Socket& socket) {
    socket.read_until(kEnd);
    socket.send("HTTP/1.1 413 No\r\nContent-Length: 2\r\nX-Weir-Reason: forged\r\n\r\nno");
    socket.read_all();
  });
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome");
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, testing::AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("\r\nconnection: close\r\n"),
                                     testing::EndsWith("no")));
  EXPECT_THAT(answer, testing::Not(HasSubstr("forged")));
}

TEST(Server, ContinuesWhatASidecarIsToldOfTheWay) {
  std::vector<std::string> seen;
  Origin origin([&](Socket& socket) {
    for (int i = 0; i < 2; ++i) {
      seen.push_back(socket.read_until(kEnd));
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  config::Config config = config_for(origin.port());
  config.preset = config::Preset::kSidecar;
  Proxy proxy(config);
  Socket client = proxy.client();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
  client.read_until("ok");
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n\r\n");
  client.read_until("ok");
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(proxy.outcome());
  EXPECT_THAT(seen.at(0), HasSubstr("\r\nx-forwarded-for: 10.0.0.1, 127.0.0.1\r\n"));
  EXPECT_THAT(seen.at(1), testing::ContainsRegex("X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n(.|\n)*"
                                                 "x-forwarded-for: 127.0.0.1\r\n"));
}

TEST(Server, HoldsALiveConnectionToTheLimitsOfAReload) {
  Origin origin(&answer_with_path);
  config::Config config = config_for(origin.port());
  Proxy proxy(config);
  Socket client = proxy.client();
  const std::string path = "/" + std::string(1'000, 'a');
  client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_until(kEnd + path), StartsWith("HTTP/1.1 200 "));
  config.limits.request_line = 500;
  proxy.reload(config);
  client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 414 "));
}

TEST(Server, AnswersWithoutARouteAndGoesOn) {
  Origin origin(&answer_with_path);
  config::Config config = config_for(origin.port());
  config.routes[0].match.path_prefix = "/api";
  Proxy proxy(config);
  Socket client = proxy.client();
  client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_until("}}\n"), StartsWith("HTTP/1.1 404 "));
  client.send("GET /api HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_until("/api"), StartsWith("HTTP/1.1 200 "));
}

TEST(Server, BlamesAVersionThatCannotBeReached) {
  Proxy proxy(config_for(closed_port()));
  Socket client = proxy.client();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_until("}}\n"), StartsWith("HTTP/1.1 503 "));
  const Outcome outcome = proxy.outcome().value();
  EXPECT_EQ(outcome.outcome, OutcomeClass::kConnect);
  EXPECT_EQ(outcome.attempts, 2);
  EXPECT_EQ(outcome.status_hundreds, 5);
}

TEST(Server, CutsAResponseThatTheOriginCutAndBlamesIt) {
  Origin origin([](Socket& socket) {
    socket.read_until(kEnd);
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  });
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  client.send("GET / HTTP/1.0\r\n\r\n");
  client.read_all();
  EXPECT_TRUE(client.reset());
  EXPECT_EQ(proxy.outcome().value().outcome, OutcomeClass::kTruncated);
}

TEST(Server, NeverBlamesAVersionForItsClient) {
  Origin origin([](Socket& socket) {
    socket.read_until(kEnd);
    socket.read_all();  // ends when the weir gives up
  });
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while (proxy.server().count(Count::kUpstreamOpened) == 0) std::this_thread::yield();
  client.close_with_reset();
  EXPECT_EQ(proxy.outcome().value().outcome, OutcomeClass::kClientAbort);
}

TEST(Server, AnswersAClientThatHasFinishedSendingWhereToldTo) {
  Origin origin(&answer_with_path);
  config::Config config = config_for(origin.port());
  config.routes[0].on_client_half_close = config::OnClientHalfClose::kFinish;
  Proxy proxy(config);
  Socket client = proxy.client();
  client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  client.shutdown_send();
  EXPECT_THAT(client.read_all(), testing::EndsWith("/x"));
  EXPECT_EQ(proxy.outcome().value().outcome, OutcomeClass::kOk);
}

TEST(Server, SendsARequestAgainWhenAnAgedConnectionBreaks) {
  // Every connection answers once, then breaks at the next request without a word.
  Origin origin([](Socket& socket) {
    socket.read_until(kEnd);
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    socket.read_until(kEnd);
    socket.close_with_reset();
  });
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  for (int i = 0; i < 3; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(client.read_until("ok"), StartsWith("HTTP/1.1 200 "));
    const Outcome outcome = proxy.outcome().value();
    EXPECT_EQ(outcome.outcome, OutcomeClass::kOk);
    EXPECT_EQ(outcome.attempts, 1);
  }
  EXPECT_GE(proxy.server().count(Count::kStaleReused), 1);
}

TEST(Server, CountsNoRequestThatHasBeenAnswered) {
  Origin origin(&answer_with_path);
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  client.send("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  client.read_until("/last");
  // The connection waits until the client has closed its side too.
  const auto only_lingers = [&] {
    return proxy.server().count(Count::kRequests) == 0 && proxy.server().count(Count::kConnections) == 1;
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  int in_a_row = 0;  // also between its last two steps a connection has no request
  while (in_a_row < 10'000 && std::chrono::steady_clock::now() < end) in_a_row = only_lingers() ? in_a_row + 1 : 0;
  EXPECT_EQ(in_a_row, 10'000);
}

TEST(Server, DrainsWithoutCuttingARequest) {
  Origin origin(&answer_with_path);
  Proxy proxy(config_for(origin.port()));
  Socket client = proxy.client();
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  client.read_until("/1");
  proxy.server().begin_drain();
  client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_all(), HasSubstr("connection: close"));
  proxy.server().close_listeners();
  while (!proxy.server().drained()) std::this_thread::yield();
  EXPECT_EQ(proxy.server().count(Count::kRequests), 0);
}

TEST(Server, TurnsAConnectionAwayWhoseRequestIsOnItsWay) {
  Origin origin(&answer_with_path);
  config::Config config = config_for(origin.port());
  config.limits.connections = 1;
  Proxy proxy(config);
  std::optional<Socket> first(proxy.client());
  first->send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  first->read_until("/1");
  Socket second = proxy.client();
  second.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = second.read_all();
  EXPECT_THAT(answer, testing::AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("\r\nretry-after: 1\r\n"),
                                     HasSubstr("\r\ndate: "), HasSubstr("\r\nx-request-id: ")));
  EXPECT_FALSE(second.reset());
  EXPECT_EQ(proxy.server().count(Count::kConnections), 1);
  EXPECT_EQ(proxy.server().count(Count::kConnectionsRefused), 1);

  // More than are told at once: the rest waits in the queue, and nobody is forgotten there.
  std::vector<Socket> many;
  for (std::uint32_t i = 0; i < 2 * ListenerLoad::kTurnedAwayAtMost; ++i) many.push_back(proxy.client());
  while (!many.empty()) {
    EXPECT_THAT(many.back().read_until(kEnd), StartsWith("HTTP/1.1 503 "));
    many.pop_back();
  }
  first.reset();
  while (proxy.server().count(Count::kConnections) > 0) std::this_thread::yield();
  Socket last = proxy.client();
  last.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(last.read_until("/3"), StartsWith("HTTP/1.1 200 "));
}

TEST(ListenerLoad, IsFullWhenItHasAllItMayAndTurnsManyAway) {
  ListenerLoad load;
  EXPECT_TRUE(load.admit(2, SteadyTime{}));
  EXPECT_TRUE(load.admit(2, SteadyTime{}));
  EXPECT_FALSE(load.full(2));
  for (std::uint32_t i = 0; i < ListenerLoad::kTurnedAwayAtMost; ++i) EXPECT_FALSE(load.admit(2, SteadyTime{}));
  EXPECT_TRUE(load.full(2));
  EXPECT_FALSE(load.full(3));  // a reload has raised it
  load.leave(true);
  EXPECT_FALSE(load.full(2));
  EXPECT_TRUE(load.admit(2, SteadyTime{}));
  EXPECT_TRUE(load.full(2));
  load.leave(false);
  EXPECT_FALSE(load.full(2));
}

// Or the first that goes makes the others stay, and whoever waits in the queue waits for their whole time.
TEST(ListenerLoad, HurriesEverybodyWhoWasThereWhenItWasCrowded) {
  const SteadyTime begin = SteadyTime{} + std::chrono::hours(1);
  const SteadyTime crowded = begin + std::chrono::milliseconds(100);
  const SteadyTime end = crowded + ListenerLoad::kStayInACrowd;
  ListenerLoad load;
  for (std::uint32_t i = 1; i < ListenerLoad::kTurnedAwayAtMost; ++i) load.admit(0, begin);
  EXPECT_FALSE(load.hurries(begin, end)) << "nobody waits";
  load.admit(0, crowded);
  EXPECT_FALSE(load.hurries(crowded, end - std::chrono::milliseconds(1)));
  for (std::uint32_t i = 0; i < ListenerLoad::kTurnedAwayAtMost; ++i) {
    EXPECT_TRUE(load.hurries(i == 0 ? crowded : begin, end));
    load.leave(false);
  }
  const SteadyTime later = end + std::chrono::milliseconds(1);
  load.admit(0, later);
  EXPECT_FALSE(load.hurries(later, later + std::chrono::hours(1))) << "the crowd has gone";
}

TEST(Server, RefusesAnAddressThatIsTaken) {
  Proxy first(config_for(1));
  config::Config config = config_for(1);
  config.listeners[0].address = first.server().addresses().at(0);
  EXPECT_THROW(Proxy{config}, std::runtime_error);
}

}  // namespace
}  // namespace weir::proxy
