// What a plan says of how names are looked up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/load.h"

namespace weir::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::ElementsAre;

LoadResult load_with(const std::string& dns) {
  return load(
      "listeners: [ { address: \":1\" } ]\nroutes: [ { match: {}, service: s } ]\n"
      "services: { s: { versions: { a: { endpoints: [\"http://h:1\"] } } } }\n" +
          dns,
      {[](const std::string&) { return std::nullopt; }, [](const std::string&) { return std::nullopt; }});
}

std::vector<std::string> problems_of(const std::string& dns) {
  std::vector<std::string> lines;
  for (const Problem& problem : load_with(dns).problems) lines.push_back(format(problem, "plan"));
  return lines;
}

TEST(LoadDns, FillsInTheDefaults) {
  for (const char* dns : {"", "dns: {}\n", "dns: { family: both, minTtl: 1s, maxTtl: 5m }\n"}) {
    const LoadResult result = load_with(dns);
    ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
    EXPECT_EQ(result.config->dns, Dns());
  }
}

TEST(LoadDns, ReadsWhatAPlanCanSay) {
  const LoadResult result = load_with(
      "dns: { servers: [10.0.0.2, \"10.0.0.3:5353\", \"2001:db8::1\", \"[2001:db8::2]:54\"], family: ipv6, minTtl: "
      "100ms, maxTtl: 10m }\n");
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  const Dns& dns = result.config->dns;
  EXPECT_THAT(dns.servers, ElementsAre("10.0.0.2:53", "10.0.0.3:5353", "[2001:db8::1]:53", "[2001:db8::2]:54"));
  EXPECT_EQ(dns.family, Dns::Family::kIpv6);
  EXPECT_EQ(dns.min_ttl, milliseconds(100));
  EXPECT_EQ(dns.max_ttl, minutes(10));
  EXPECT_EQ(load_with("dns: { family: ipv4 }\n").config->dns.family, Dns::Family::kIpv4);
}

TEST(LoadDns, SaysWhatIsNoServer) {
  const auto refused = [](const std::string& text, const std::string& column) {
    return "plan:4:" + column + ": error: dns.servers: \"" + text +
           "\"; expected an address in digits, such as 10.0.0.2, 10.0.0.2:53 or [2001:db8::1]:53";
  };
  EXPECT_THAT(problems_of("dns: { servers: [10.0.0.1, dns.example] }\n"), ElementsAre(refused("dns.example", "28")));
  for (const std::string text : {"10.0.0.1:0", "10.0.0.1:x", "10.0.0.1:65536", "[10.0.0.1]", "::1:", ":53", "10.0.0"}) {
    EXPECT_THAT(problems_of("dns: { servers: [\"" + text + "\"] }\n"), ElementsAre(refused(text, "18")));
  }
}

TEST(LoadDns, HoldsItToItsBounds) {
  EXPECT_THAT(
      problems_of("dns: { servers: [1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1] }\n"),
      ElementsAre("plan:4:17: error: dns.servers has 9 entries; expected at most 8"));
  EXPECT_THAT(problems_of("dns: { minTtl: 1m, maxTtl: 30s }\n"),
              ElementsAre("plan:4:6: error: dns: minTtl is 1m, and maxTtl is 30s; expected a minTtl that is no longer "
                          "than maxTtl"));
  EXPECT_THAT(problems_of("dns: { minTtl: 6m }\n").size(), 1U);
  EXPECT_THAT(problems_of("dns: { minTtl: 10ms, maxTtl: 2d }\n").size(), 2U);
  EXPECT_THAT(problems_of("dns: { servers: [] }\n"),
              ElementsAre("plan:4:17: error: dns.servers is empty; expected at least one entry"));
}

}  // namespace
}  // namespace weir::config
