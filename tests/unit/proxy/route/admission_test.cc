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
  EXPECT_EQ(admit(route, {fields, ipv4(10, 0, 0, 1)}).refusal, Refusal::kAddress);
  EXPECT_EQ(admit(route, {fields, ipv4(11, 0, 0, 1)}).refusal, Refusal::kKey);
  fields.add("x-key", "secret-b");
  const Admission admitted = admit(route, {fields, ipv4(11, 0, 0, 1)});
  EXPECT_EQ(admitted.refusal, Refusal::kNone);
  EXPECT_EQ(admitted.api_key, "team-b");
  EXPECT_EQ(admission_refusal(route, Refusal::kAddress).status, 403);
  EXPECT_EQ(admission_refusal(route, Refusal::kKey).challenge, "ApiKey");
  route.api_keys.header = "authorization";
  EXPECT_EQ(admission_refusal(route, Refusal::kKey).challenge, "Bearer");
}

}  // namespace
}  // namespace weir::proxy
