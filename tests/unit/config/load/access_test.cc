// Rules about who may come that do not do what they seem to.
#include <gtest/gtest.h>

#include "config/load/load.h"
#include "config/load/networks.h"

namespace weir::config {
namespace {

Environment environment() {
  return {[](const std::string& name) { return std::optional("the-long-value-of-" + name); },
          [](const std::string&) { return std::optional<std::string>(); }};
}

// Of a plan with these members of its only listener and of its only route.
std::vector<std::string> problems(const std::string& listener, const std::string& route, const std::string& top = "") {
  const LoadResult result = load("listeners: [ { " + listener +
                                     " } ]\nservices: { s: { versions: { a: { endpoints: [\"http://h:1\"] } } } }\n"
                                     "routes: [ { match: {}, service: s" +
                                     route + " } ]\n" + top,
                                 environment());
  std::vector<std::string> said;
  for (const Problem& problem : result.problems) said.push_back(format(problem, "plan"));
  return said;
}

const std::string kV4 = "address: \":80\"";
const std::string kV6 = "address: \"[::]:80\"";
const std::string kUnix = "address: \"unix:/run/w\"";

using Said = std::vector<std::string>;

TEST(Access, OneFamilyIsNotAll) {
  const std::string both = "; expected both 0.0.0.0/0 and ::/0, or an allow";
  EXPECT_EQ(problems(kV4, ", deny: [\"::/0\"]"),
            Said{"plan:3:42: warning: routes[0].deny: ::/0 is IPv6 alone, and clients over IPv4 still come in" + both});
  EXPECT_EQ(
      problems(kV4, ", deny: [0.0.0.0/0]"),
      Said{"plan:3:42: warning: routes[0].deny: 0.0.0.0/0 is IPv4 alone, and clients over IPv6 still come in" + both});
  EXPECT_EQ(
      problems(kV4 + ", deny: [\"::/0\"]", ""),
      Said{"plan:1:38: warning: listeners[0].deny: ::/0 is IPv6 alone, and clients over IPv4 still come in" + both});
  EXPECT_EQ(problems(kV6 + ", deny: [\"::ffff:0.0.0.0/96\"]", "").size(), 1U);
  EXPECT_EQ(problems(kUnix + ", proxyProtocol: true, deny: [\"::/0\"]", "", "trustedHops: [unix]\n").size(), 1U);
  for (const char* rules :
       {"deny: [\"::/0\", 0.0.0.0/0]", "deny: [\"::/0\"], allow: [10.0.0.0/8]", "deny: [10.0.0.0/8]"}) {
    EXPECT_EQ(problems(kV4, std::string(", ") + rules), Said{}) << rules;
  }
  EXPECT_EQ(problems(kV4 + ", deny: [0.0.0.0/0]", ""), Said{});
  EXPECT_EQ(problems(kV6 + ", deny: [\"::/0\"]", ""), Said{});
}

TEST(Access, AListenerTakesOneFamilyAlone) {
  EXPECT_EQ(problems(kV4 + ", allow: [\"::/0\", \"fd00::/8\"]", ""),
            Said{"plan:1:39: warning: listeners[0].allow: only IPv4 comes to this listener, and these are IPv6, so "
                 "nobody may; expected 0.0.0.0/0 for all of IPv4, or a listener at [::] for IPv6"});
  EXPECT_EQ(problems(kV6 + ", allow: [10.0.0.0/8]", "").size(), 1U);
  EXPECT_EQ(problems(kV4 + ", allow: [\"fd00::/8\", 10.0.0.0/8]", ""), Said{});
  EXPECT_EQ(problems(kV6 + ", allow: [\"fd00::/8\"]", ""), Said{});
  EXPECT_EQ(problems(kV4 + ", proxyProtocol: true, allow: [\"fd00::/8\"]", "", "trustedHops: [10.0.0.0/8]\n"), Said{});
}

TEST(Access, AUnixSocketsClientsHaveNoAddress) {
  EXPECT_EQ(problems(kUnix + ", allow: [10.0.0.0/8]", ""),
            Said{"plan:1:47: warning: listeners[0].allow: who connects to a Unix socket has no address, so nobody may; "
                 "expected the mode of the socket's folder, or proxyProtocol behind a proxy that names its clients"});
  EXPECT_EQ(problems(kUnix, ", allow: [10.0.0.0/8]"),
            Said{"plan:3:43: warning: routes[0].allow: who comes by a Unix socket has no address, so nobody may; "
                 "expected trustedHops: [unix] with a proxy there that names its clients"});
  EXPECT_EQ(problems(kUnix, ", allow: [10.0.0.0/8]", "trustedHops: [unix]\n"), Said{});
  EXPECT_EQ(
      problems(kUnix + ", proxyProtocol: true, allow: [10.0.0.0/8]", ", allow: [10.0.0.0/8]", "trustedHops: [unix]\n"),
      Said{});
  EXPECT_EQ(problems(kUnix + " }, { " + kV4, ", allow: [10.0.0.0/8]"), Said{});  // the other listener's
}

TEST(Access, AKeyHasAHeaderOfItsOwn) {
  const auto with = [](const std::string& header) {
    return problems(kV4, ", apiKeys: { header: " + header + ", keys: [ { name: a, key: { env: KEY } } ] }");
  };
  EXPECT_EQ(
      with("Cookie"),
      Said{"plan:3:55: error: routes[0].apiKeys.header: cookie can hold no key: it holds all that a client keeps, "
           "and is never a key alone; expected a header for the key alone, such as x-api-key, or authorization"});
  for (const char* header : {"x-request-id", "X-Forwarded-For", "forwarded", "via", "x-weir-version", "traceparent",
                             "trailer", "content-type", "If-Match", "range", "accept"}) {
    EXPECT_EQ(with(header).size(), 1U) << header;
  }
  for (const char* header : {"x-api-key", "authorization", "x-goog-api-key", "api-key"}) {
    EXPECT_EQ(with(header), Said{}) << header;
  }
}

TEST(Access, AnIPv4NetworkHasTwoForms) {
  const auto mapped = parse_cidr("::ffff:10.0.0.0/104");
  ASSERT_TRUE(mapped);
  EXPECT_TRUE(mapped->is_v4());
  EXPECT_EQ(mapped->address, parse_cidr("10.0.0.0/8")->address);
  EXPECT_EQ(mapped->prefix_bits, parse_cidr("10.0.0.0/8")->prefix_bits);
  EXPECT_TRUE(contains(*mapped, parse_cidr("10.1.2.3")->address));
  EXPECT_TRUE(contains(*parse_cidr("::ffff:a01:203"), parse_cidr("10.1.2.3")->address));
  // What holds more than all of IPv4 would hold none of it.
  for (const char* text : {"::ffff:10.0.0.0/95", "::ffff:10.0.0.0/8", "::ffff:0:0/0"})
    EXPECT_FALSE(parse_cidr(text)) << text;
}

}  // namespace
}  // namespace weir::config
