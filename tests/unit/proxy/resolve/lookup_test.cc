// What a DNS server says, and what is made of it. The server is a real one, on loopback.
#include "proxy/resolve/lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/proxy/resolve/dns_server.h"

namespace weir::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using Kind = FamilyAnswer::Kind;
using Records = DnsServer::Records;

class LookupTest : public testing::Test {
 protected:
  LookupTest() { rules_.servers = {server_.address()}; }

  // Until it is done, or nothing comes any more; `ahead` is what the clock has moved besides.
  void look_up(const std::string& name, milliseconds ahead = milliseconds(0)) {
    v4_.reset();
    v6_.reset();
    Lookup lookup(name, rules_, std::chrono::steady_clock::now() - ahead);
    for (;;) {
      for (auto& [family, answer] : lookup.take()) {
        (family == AddressFamily::kIpv4 ? v4_ : v6_).emplace(std::move(answer));
      }
      if (lookup.done()) return;
      std::vector<pollfd> sockets;
      lookup.add_to(sockets);
      const SteadyTime now = std::chrono::steady_clock::now();
      const auto wait = std::chrono::ceil<milliseconds>(std::max(lookup.wake_at(now) - now, SteadyTime::duration()));
      ASSERT_LE(wait, Lookup::kPatience);
      ::poll(sockets.data(), sockets.size(), static_cast<int>(wait.count()));
      lookup.go_on(sockets, std::chrono::steady_clock::now());
    }
  }

  DnsServer server_;
  config::Dns rules_;
  std::optional<FamilyAnswer> v4_;
  std::optional<FamilyAnswer> v6_;
};

TEST_F(LookupTest, FindsTheAddressesOfBothFamilies) {
  server_.set("both.test", DnsServer::kA, {.addresses = {"10.0.0.1", "10.0.0.2"}, .ttl_s = 30});
  server_.set("both.test", DnsServer::kAaaa, {.addresses = {"2001:db8::1"}, .ttl_s = 40});
  look_up("both.test");
  ASSERT_TRUE(v4_ && v6_);
  EXPECT_EQ(v4_->kind, Kind::kAddresses);
  EXPECT_THAT(v4_->addresses, ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_EQ(v4_->ttl, seconds(30));
  EXPECT_THAT(v6_->addresses, ElementsAre("2001:db8::1"));
  EXPECT_EQ(v6_->ttl, seconds(40));
}

TEST_F(LookupTest, SaysThatAFamilyHasNone) {
  server_.set("four.test", DnsServer::kA, {.addresses = {"127.0.0.2"}});
  server_.set("four.test", DnsServer::kAaaa, {});
  look_up("four.test");
  ASSERT_TRUE(v4_ && v6_);
  EXPECT_EQ(v4_->kind, Kind::kAddresses);
  EXPECT_TRUE(v4_->reachable);
  EXPECT_EQ(v6_->kind, Kind::kNone);
  EXPECT_EQ(v6_->problem, "the name has no address");
}

TEST_F(LookupTest, SaysThatThereIsNoSuchName) {
  look_up("nobody.test");
  ASSERT_TRUE(v4_ && v6_);
  EXPECT_EQ(v4_->kind, Kind::kNone);
  EXPECT_EQ(v4_->problem, "no such name");
  EXPECT_EQ(v6_->kind, Kind::kNone);
}

TEST_F(LookupTest, TellsAServerThatFailsFromANameThatIsNone) {
  server_.set("broken.test", DnsServer::kA, {.code = DnsServer::kServerFailure});
  server_.set("broken.test", DnsServer::kAaaa, {.truncated = true});
  look_up("broken.test");
  ASSERT_TRUE(v4_ && v6_);
  EXPECT_EQ(v4_->kind, Kind::kFailed);
  EXPECT_EQ(v4_->problem, "the DNS server answers with an error (SERVFAIL)");
  EXPECT_EQ(v6_->kind, Kind::kFailed);
  EXPECT_EQ(v6_->problem, "no DNS server can be reached") << "by TCP, as it asks to be";
}

TEST_F(LookupTest, SaysThatNoServerIsThere) {
  rules_.servers = {"127.0.0.1:1"};
  look_up("nobody.test");
  ASSERT_TRUE(v4_ && v6_);
  EXPECT_EQ(v4_->problem, "no DNS server can be reached");
}

TEST_F(LookupTest, TakesTheShortestTtlOfTheAliasesToo) {
  server_.set("alias.test", DnsServer::kA,
              {.addresses = {"10.0.0.1"}, .ttl_s = 30, .alias = "real.test", .alias_ttl_s = 7});
  server_.set("alias.test", DnsServer::kAaaa, {});
  look_up("alias.test");
  EXPECT_THAT(v4_->addresses, ElementsAre("10.0.0.1"));
  EXPECT_EQ(v4_->ttl, seconds(7));
}

TEST_F(LookupTest, KnowsNoTtlOfZero) {
  server_.set("now.test", DnsServer::kA, {.addresses = {"10.0.0.1"}, .ttl_s = 0});
  look_up("now.test");
  EXPECT_EQ(v4_->ttl, std::nullopt);
}

// What servers that block a name answer; a connection there would come to this machine.
TEST_F(LookupTest, DropsTheAddressThatIsNone) {
  server_.set("blocked.test", DnsServer::kA, {.addresses = {"0.0.0.0"}});
  server_.set("blocked.test", DnsServer::kAaaa, {.addresses = {"::", "::1"}});
  look_up("blocked.test");
  EXPECT_EQ(v4_->kind, Kind::kNone);
  EXPECT_THAT(v6_->addresses, ElementsAre("::1"));
}

TEST_F(LookupTest, AsksForTheFamilyThatIsWanted) {
  server_.set("both.test", DnsServer::kA, {.addresses = {"10.0.0.1"}});
  server_.set("both.test", DnsServer::kAaaa, {.addresses = {"2001:db8::1"}});
  rules_.family = config::Dns::Family::kIpv4;
  look_up("both.test");
  EXPECT_TRUE(v4_);
  EXPECT_FALSE(v6_);
  EXPECT_EQ(server_.asked("both.test", DnsServer::kAaaa), 0);
}

// It is in every /etc/hosts.
TEST_F(LookupTest, FindsWhatIsInTheFileWithoutAsking) {
  const Lookup lookup("localhost", rules_, std::chrono::steady_clock::now());
  EXPECT_TRUE(lookup.done());
  look_up("localhost");
  ASSERT_TRUE(v4_ && v6_);
  EXPECT_TRUE(v4_->kind == Kind::kAddresses || v6_->kind == Kind::kAddresses);
  EXPECT_EQ(v4_->ttl, std::nullopt);
  EXPECT_EQ(server_.asked("localhost", DnsServer::kA), 0);
  EXPECT_EQ(server_.asked("localhost", DnsServer::kAaaa), 0);
}

TEST_F(LookupTest, GivesUpOnASilentServer) {
  server_.set("silent.test", DnsServer::kA, {.silent = true});
  server_.set("silent.test", DnsServer::kAaaa, {.addresses = {"::1"}});
  look_up("silent.test", Lookup::kPatience);
  ASSERT_TRUE(v4_ && v6_);
  EXPECT_EQ(v4_->kind, Kind::kFailed);
  EXPECT_EQ(v4_->problem, "no DNS server answers");
}

TEST_F(LookupTest, GoesOnToTheNextServer) {
  rules_.servers = {"[::1]:1", "127.0.0.1:1", server_.address()};
  server_.set("both.test", DnsServer::kA, {.addresses = {"10.0.0.1"}});
  look_up("both.test");
  EXPECT_THAT(v4_->addresses, ElementsAre("10.0.0.1"));
}

}  // namespace
}  // namespace weir::proxy
