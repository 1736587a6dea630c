#include "app/admin/access.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

AccessFacts post(std::string_view host) {
  AccessFacts facts;
  facts.post = true;
  facts.api = true;
  facts.host = host;
  return facts;
}

TEST(Access, WithoutATokenTheHostMustBeLoopback) {
  EXPECT_EQ(decide_access(post("127.0.0.1:9901"), ""), Access::kAllowed);
  EXPECT_EQ(decide_access(post("[::1]:9901"), ""), Access::kAllowed);
  EXPECT_EQ(decide_access(post("localhost"), ""), Access::kAllowed);
  EXPECT_EQ(decide_access(post("[::1]"), ""), Access::kAllowed);
  for (const char* host :
       {"evil.example:9901", "localhost.evil.example", "", "127.0.0.1:80@evil.example", "127.0.0.1@evil.example",
        "[::1]evil.example", "[::1].evil.example:80", "[::1", "[::1]:80:evil.example", "127.0.0.1:9901/",
        "127.0.0.1:http", "127.0.0.1:99999", "::1", "localhost, evil.example", "localhost:9901 evil.example"}) {
    EXPECT_EQ(decide_access(post(host), ""), Access::kForeignHost) << host;
  }
}

TEST(Access, APostFromAForeignPageIsRefused) {
  AccessFacts facts = post("127.0.0.1:9901");
  facts.origin = "http://127.0.0.1:9901";
  EXPECT_EQ(decide_access(facts, ""), Access::kAllowed);
  for (const char* origin : {"https://evil.example", "null", "http://127.0.0.1:8080", "https://127.0.0.1:9901", ""}) {
    facts.origin = origin;
    EXPECT_EQ(decide_access(facts, ""), Access::kForeignOrigin) << origin;
  }
  facts.origin.reset();
  facts.fetch_site = "cross-site";
  EXPECT_EQ(decide_access(facts, ""), Access::kForeignOrigin);
}

TEST(Access, AForeignPageIsRefusedThoughItKnowsTheToken) {
  AccessFacts facts = post("weir.internal:9901");
  facts.authorization = "Bearer secret";
  EXPECT_EQ(decide_access(facts, "secret"), Access::kAllowed);
  facts.origin = "https://evil.example";
  EXPECT_EQ(decide_access(facts, "secret"), Access::kForeignOrigin);
}

TEST(Access, TheTokenIsAskedForUnderApiAlone) {
  AccessFacts facts = post("weir.internal:9901");
  EXPECT_EQ(decide_access(facts, "secret"), Access::kNoToken);
  facts.authorization = "secret";
  EXPECT_EQ(decide_access(facts, "secret"), Access::kNoToken);
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER "}) {
    const std::string authorization = std::string(scheme) + "secret";
    facts.authorization = authorization;
    EXPECT_EQ(decide_access(facts, "secret"), Access::kAllowed) << scheme;
  }
  facts.authorization = "Bearer wrong";
  EXPECT_EQ(decide_access(facts, "secret"), Access::kNoToken);
  facts.post = false;
  EXPECT_EQ(decide_access(facts, "secret"), Access::kNoToken);
  facts.api = false;
  EXPECT_EQ(decide_access(facts, "secret"), Access::kAllowed);
}

TEST(Access, ProbesAreForAnybody) {
  AccessFacts facts;
  facts.probe = true;
  facts.host = "10.0.0.7:9901";
  EXPECT_EQ(decide_access(facts, ""), Access::kAllowed);
  EXPECT_EQ(decide_access(facts, "secret"), Access::kAllowed);
}

TEST(Actor, IsTheGivenNameOrThePeer) {
  EXPECT_EQ(actor_name("ann@laptop", "10.0.0.7"), "ann@laptop from 10.0.0.7");
  EXPECT_EQ(actor_name("", "10.0.0.7"), "admin:10.0.0.7");
  EXPECT_EQ(actor_name("two words", "10.0.0.7"), "admin:10.0.0.7");
  EXPECT_EQ(actor_name("x\x1b[2J", "10.0.0.7"), "admin:10.0.0.7");
  EXPECT_EQ(actor_name(std::string(129, 'x'), "10.0.0.7"), "admin:10.0.0.7");
}

}  // namespace
}  // namespace weir::app
