// The resolver at work, against a real DNS server on loopback.
#include "proxy/resolve/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/proxy/resolve/dns_server.h"

namespace weir::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

class ResolverTest : public testing::Test {
 protected:
  ResolverTest() {
    rules_.servers = {server_.address()};
    rules_.family = config::Dns::Family::kIpv4;
    rules_.min_ttl = milliseconds(10);
    rules_.max_ttl = milliseconds(10);
  }
  void want(std::set<std::string> names) { resolver_.want({std::move(names), rules_}); }
  void answer(std::vector<std::string> addresses) {
    server_.set("a.test", DnsServer::kA, {.addresses = std::move(addresses)});
  }
  bool becomes(const std::function<bool(const Resolution&)>& condition) {
    const SteadyTime end = std::chrono::steady_clock::now() + seconds(20);
    while (!condition(*resolver_.current())) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  bool has(const std::vector<std::string>& addresses) {
    return becomes([&](const Resolution& now) { return now.addresses("a.test") == addresses; });
  }

  DnsServer server_;
  config::Dns rules_;
  Resolver resolver_;
};

TEST_F(ResolverTest, KnowsNothingAtFirst) {
  EXPECT_TRUE(resolver_.current()->names.empty());
  want({});
  EXPECT_TRUE(resolver_.current()->settled({}));
}

TEST_F(ResolverTest, FollowsTheAnswers) {
  answer({"10.0.0.1", "10.0.0.2"});
  want({"a.test"});
  ASSERT_TRUE(has({"10.0.0.1", "10.0.0.2"}));
  answer({"10.0.0.2", "10.0.0.3"});
  ASSERT_TRUE(has({"10.0.0.2", "10.0.0.3"}));
  EXPECT_EQ(resolver_.current()->failures, 0U);
}

TEST_F(ResolverTest, GoesOnTryingForANameThatIsNone) {
  want({"a.test"});
  ASSERT_TRUE(becomes([](const Resolution& now) { return now.settled({"a.test"}); }));
  EXPECT_EQ(resolver_.current()->names.at("a.test").problem, "no such name");
  EXPECT_GE(resolver_.current()->failures, 1U);
  answer({"10.0.0.1"});
  ASSERT_TRUE(has({"10.0.0.1"}));
  EXPECT_EQ(resolver_.current()->names.at("a.test").problem, "");
}

TEST_F(ResolverTest, KeepsWhatWasKnownWhenNobodyAnswersAnyMore) {
  answer({"10.0.0.1"});
  want({"a.test"});
  ASSERT_TRUE(has({"10.0.0.1"}));
  server_.set("a.test", DnsServer::kA, {.code = DnsServer::kServerFailure});
  ASSERT_TRUE(becomes([](const Resolution& now) { return now.failures > 0; }));
  EXPECT_THAT(resolver_.current()->addresses("a.test"), ElementsAre("10.0.0.1"));
  EXPECT_NE(resolver_.current()->names.at("a.test").problem, "");
}

TEST_F(ResolverTest, TakesOtherNamesAndOtherServers) {
  answer({"10.0.0.1"});
  want({"a.test"});
  ASSERT_TRUE(has({"10.0.0.1"}));
  DnsServer other;
  other.set("a.test", DnsServer::kA, {.addresses = {"10.0.0.9"}});
  other.set("b.test", DnsServer::kA, {.addresses = {"10.0.0.8"}});
  rules_.servers = {other.address()};
  want({"a.test", "b.test"});
  ASSERT_TRUE(has({"10.0.0.9"}));
  ASSERT_TRUE(becomes([](const Resolution& now) { return now.settled({"a.test", "b.test"}); }));
  want({"b.test"});
  ASSERT_TRUE(becomes([](const Resolution& now) { return now.names.size() == 1; }));
  EXPECT_THAT(resolver_.current()->addresses("b.test"), ElementsAre("10.0.0.8"));
  want({});
  ASSERT_TRUE(becomes([](const Resolution& now) { return now.names.empty(); }));
}

TEST_F(ResolverTest, LooksUpManyNames) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < 4 * Resolver::kAtOnce; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    server_.set(name, DnsServer::kA, {.addresses = {"10.0.0.1"}});
    names.insert(name);
  }
  rules_.max_ttl = seconds(60);
  want(names);
  ASSERT_TRUE(becomes([&](const Resolution& now) { return now.settled(names); }));
  for (const std::string& name : names) EXPECT_EQ(resolver_.current()->addresses(name).size(), 1U) << name;
}

TEST_F(ResolverTest, EndsWhileItWaits) {
  server_.set("a.test", DnsServer::kA, {.silent = true});
  want({"a.test"});
  while (server_.asked("a.test", DnsServer::kA) == 0) std::this_thread::yield();
}

}  // namespace
}  // namespace weir::proxy
