#include "proxy/route/admission.h"

#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

config::IpBytes ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

config::Cidr network(const config::IpBytes& address, int bits) {
  return {.text = {}, .address = address, .prefix_bits = 96 + bits};
}

TEST(Addresses, WhoIsDeniedIsNotAllowed) {
  config::AddressRules rules;
  EXPECT_TRUE(rules.empty());
  EXPECT_TRUE(rules.admits(ipv4(10, 0, 0, 1)));
  rules.deny = {network(ipv4(10, 1, 0, 0), 16)};
  EXPECT_TRUE(rules.admits(ipv4(10, 0, 0, 1)));
  EXPECT_FALSE(rules.admits(ipv4(10, 1, 2, 3)));
  rules.allow = {network(ipv4(10, 0, 0, 0), 8), network(ipv4(192, 0, 2, 1), 32)};
  EXPECT_TRUE(rules.admits(ipv4(10, 2, 0, 1)));
  EXPECT_TRUE(rules.admits(ipv4(192, 0, 2, 1)));
  EXPECT_FALSE(rules.admits(ipv4(10, 1, 2, 3)));  // deny wins, however much smaller an allow is
  EXPECT_FALSE(rules.admits(ipv4(192, 0, 2, 2)));
  EXPECT_FALSE(rules.admits({}));
}

config::ApiKeys keys(std::string header) {
  config::ApiKeys keys;
  keys.header = std::move(header);
  keys.keys = {{"team-a", {.env = "A", .file = {}, .value = "secret-a"}},
               {"team-b", {.env = "B", .file = {}, .value = "secret-b"}}};
  return keys;
}

std::string_view found(const config::ApiKeys& rules, std::initializer_list<std::string_view> values) {
  http::FieldList fields;
  for (const std::string_view value : values) fields.add(rules.bearer() ? "Authorization" : "X-Key", value);
  return find_api_key(rules, fields);
}

TEST(ApiKeys, AreFoundByTheirValue) {
  const config::ApiKeys rules = keys("x-key");
  EXPECT_EQ(found(rules, {"secret-a"}), "team-a");
  EXPECT_EQ(found(rules, {"secret-b"}), "team-b");
  for (const char* wrong : {"", "secret", "secret-", "secret-c", "Secret-a", "secret-a secret-b", "team-a"}) {
    EXPECT_EQ(found(rules, {wrong}), "") << wrong;
  }
  EXPECT_EQ(found(rules, {std::string(1000, 'a')}), "");
  EXPECT_EQ(found(rules, {}), "");
  EXPECT_EQ(found(rules, {"secret-a", "secret-a"}), "");  // which one, somebody else might see otherwise
}

TEST(ApiKeys, AreBearerTokensInAuthorization) {
  const config::ApiKeys rules = keys("authorization");
  EXPECT_EQ(found(rules, {"Bearer secret-a"}), "team-a");
  EXPECT_EQ(found(rules, {"bearer  secret-b"}), "team-b");
  for (const char* wrong : {"secret-a", "Basic secret-a", "Bearer", "Bearer ", "Bearersecret-a", "Bearer secret-a,"}) {
    EXPECT_EQ(found(rules, {wrong}), "") << wrong;
  }
}

TEST(Admission, AsksForTheAddressFirst) {
  Route route;
  route.addresses.deny = {network(ipv4(10, 0, 0, 0), 8)};
  route.api_keys = keys("x-key");
  http::FieldList fields;
  EXPECT_EQ(admit(route, {fields, ipv4(10, 0, 0, 1), {}}).refusal, Refusal::kAddress);
  EXPECT_EQ(admit(route, {fields, ipv4(11, 0, 0, 1), {}}).refusal, Refusal::kKey);
  fields.add("x-key", "secret-b");
  const Admission admitted = admit(route, {fields, ipv4(11, 0, 0, 1), {}});
  EXPECT_EQ(admitted.refusal, Refusal::kNone);
  EXPECT_EQ(admitted.api_key, "team-b");
  EXPECT_EQ(admission_refusal(route, {.refusal = Refusal::kAddress}).status, 403);
  EXPECT_EQ(admission_refusal(route, {.refusal = Refusal::kKey}).challenge, "ApiKey");
  route.api_keys.header = "authorization";
  EXPECT_EQ(admission_refusal(route, {.refusal = Refusal::kKey}).challenge, "Bearer");
}

TEST(Admission, CountsWhatTheLimitIsBy) {
  using By = config::RateLimit::By;
  Route route;
  route.api_keys = keys("x-key");
  const config::IpBytes v6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  config::IpBytes neighbour = v6;
  neighbour[15] = 2;
  config::IpBytes another = v6;
  another[7] = 1;
  const auto second_is_refused = [&](By by, const config::IpBytes& one, const config::IpBytes& two, const char* key) {
    config::RateLimit limit;
    limit.requests = limit.burst = 1;
    limit.by = by;
    limit.header = "x-user";
    route.rate_limiter = std::make_shared<RateLimiter>(limit, 3);
    http::FieldList first;
    first.add("x-key", "secret-a");
    first.add("x-user", "alice");
    http::FieldList second;
    second.add("x-key", key);
    second.add("X-User", key);
    const SteadyTime now(std::chrono::hours(1));
    EXPECT_EQ(admit(route, {first, one, now}).refusal, Refusal::kNone);
    const Admission admission = admit(route, {second, two, now});
    EXPECT_EQ(admission.retry_after_s, admission.refusal == Refusal::kRate ? 1U : 0U);
    return admission.refusal == Refusal::kRate;
  };
  EXPECT_TRUE(second_is_refused(By::kRoute, v6, another, "secret-b"));
  EXPECT_TRUE(second_is_refused(By::kClientAddress, v6, v6, "secret-b"));
  EXPECT_TRUE(second_is_refused(By::kClientAddress, v6, neighbour, "secret-b"));
  EXPECT_FALSE(second_is_refused(By::kClientAddress, v6, another, "secret-a"));
  EXPECT_FALSE(second_is_refused(By::kClientAddress, ipv4(10, 0, 0, 1), ipv4(10, 0, 0, 2), "secret-a"));
  EXPECT_TRUE(second_is_refused(By::kApiKey, v6, another, "secret-a"));
  EXPECT_FALSE(second_is_refused(By::kApiKey, v6, v6, "secret-b"));
  EXPECT_FALSE(second_is_refused(By::kHeader, v6, v6, "secret-a"));
}

}  // namespace
}  // namespace weir::proxy
