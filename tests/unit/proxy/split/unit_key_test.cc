#include "proxy/split/unit_key.h"

#include <gtest/gtest.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <string>

namespace weir::proxy {
namespace {

constexpr std::string_view kId = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kOtherId = "ffffffffffffffffffffffffffffffff";

http::FieldList cookie(std::string_view value) {
  http::FieldList fields;
  fields.add("Cookie", value);
  return fields;
}

config::KeySource header(std::string name) { return {.header = std::move(name), .cookie = {}}; }
config::KeySource cookie_named(std::string name) { return {.header = {}, .cookie = std::move(name)}; }

TEST(FindCookieId, FindsItAmongOthers) {
  const std::string id(kId);
  for (const std::string& value : {"weir=" + id, "a=1; weir=" + id, "weir=" + id + "; b=2", "a=1;weir=" + id + ";b=2",
                                   "a; =;; weir=" + id + " "}) {
    const http::FieldList fields = cookie(value);
    EXPECT_EQ(find_cookie_id(fields, "weir"), kId) << value;
  }
}

TEST(FindCookieId, IgnoresWhatTheWeirCannotHaveSet) {
  const std::string id(kId);
  for (const std::string& value :
       {std::string("weir="), std::string("weir"), "weir=" + id + "0", "weir=" + id.substr(1),
        "weir=" + id.substr(1) + "g", "weir=\"" + id + "\"", std::string("weir=0123456789ABCDEF0123456789ABCDEF"),
        "Weir=" + id, "xweir=" + id, "weir2=" + id, "a=weir=" + id, std::string()}) {
    const http::FieldList fields = cookie(value);
    EXPECT_EQ(find_cookie_id(fields, "weir"), "") << value;
  }
}

TEST(FindCookieId, TakesTheFirstValidOneOfAllFields) {
  http::FieldList fields = cookie("weir=forged");
  fields.add("X-Other", "1");
  const std::string second = "a=b; weir=" + std::string(kId) + "; weir=" + std::string(kOtherId);
  fields.add("cookie", second);
  EXPECT_EQ(find_cookie_id(fields, "weir"), kId);
}

TEST(FindUnitKey, FirstSourceThatTheRequestHasWins) {
  const std::vector<config::KeySource> sources = {header("x-user-id"), cookie_named("weir"), header("x-device")};
  const std::string value = "weir=" + std::string(kId);
  http::FieldList fields;
  EXPECT_EQ(find_unit_key(sources, {fields}), "");
  fields.add("X-Device", "phone");
  EXPECT_EQ(find_unit_key(sources, {fields}), "phone");
  fields.add("Cookie", value);
  EXPECT_EQ(find_unit_key(sources, {fields}), kId);
  fields.add("X-User-Id", "alice");
  EXPECT_EQ(find_unit_key(sources, {fields}), "alice");
}

TEST(FindAffinityKey, TakesWhateverCookieTheApplicationHasSet) {
  const std::vector<config::KeySource> sources = {cookie_named("session"), header("x-user-id")};
  http::FieldList fields = cookie("session=; a=session=2; session=s%3A42; session=other");
  fields.add("X-User-Id", "alice");
  EXPECT_EQ(find_affinity_key(sources, {fields}), "s%3A42");
  EXPECT_EQ(find_unit_key(sources, {fields}), "alice");
}

TEST(FindUnitKey, EmptyHeaderIsNone) {
  http::FieldList fields;
  fields.add("x-user-id", "");
  EXPECT_EQ(find_unit_key({header("x-user-id")}, {fields}), "");
}

TEST(DrawId, DrawsIdsThatAreFoundAgainAndDiffer) {
  Random random(7);
  const DrawnId first = draw_id(random);
  const DrawnId second = draw_id(random);
  EXPECT_NE(first, second);
  const std::string value = "weir=" + std::string(first.data(), first.size());
  const http::FieldList fields = cookie(value);
  EXPECT_EQ(find_cookie_id(fields, "weir"), std::string_view(first.data(), first.size()));
}

TEST(DrawId, WritesWhatItDrewInHexadecimalDigits) {
  Random drawn(7);
  Random again(7);
  for (int i = 0; i < 1000; ++i) {
    const DrawnId id = draw_id(drawn);
    const std::uint64_t high = again.next();
    std::array<char, 33> expected{};
    std::snprintf(expected.data(), expected.size(), "%016" PRIx64 "%016" PRIx64, high, again.next());
    ASSERT_EQ(std::string_view(id.data(), id.size()), expected.data());
  }
}

TEST(FindUnitKey, LooksBesideTheFields) {
  const http::FieldList fields;
  std::array<char, 64> space;
  const config::KeySource query{.header = {}, .cookie = {}, .query = "user"};
  const config::KeySource api_key{.header = {}, .cookie = {}, .api_key = true};
  const config::KeySource address{.header = {}, .cookie = {}, .client_address = true};
  const ClientAddress v4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
  const ClientAddress v6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const UnitFacts both{
      .fields = fields, .client = v4, .query = "a=1&user=al%69ce", .api_key = "team-a", .space = space};
  EXPECT_EQ(find_unit_key({query}, both), "alice");
  EXPECT_EQ(find_unit_key({api_key, query}, both), "team-a");
  EXPECT_EQ(find_unit_key({address}, both), "192.0.2.1");
  const UnitFacts neither{.fields = fields, .client = v6, .query = "user=", .space = space};
  EXPECT_EQ(find_unit_key({query, api_key}, neither), "");
  EXPECT_EQ(find_unit_key({query, api_key, address}, neither), "2001:db8::1");
}

TEST(FindUnitKey, LooksIntoTheBody) {
  const config::KeySource user{.header = {}, .cookie = {}, .body = config::BodyText::kUser};
  const config::KeySource conversation{.header = {}, .cookie = {}, .body = config::BodyText::kConversation};
  const std::vector<config::KeySource> sources = {user, header("x-user-id"), conversation};
  http::FieldList fields;
  config::BodyTexts body{};
  const UnitFacts facts{.fields = fields, .body = &body};
  EXPECT_EQ(find_unit_key(sources, {.fields = fields}), "") << "nothing has been read";
  EXPECT_EQ(find_unit_key(sources, facts), "");
  body[static_cast<std::size_t>(config::BodyText::kConversation)] = "conv_1";
  EXPECT_EQ(find_unit_key(sources, facts), "conv_1");
  fields.add("X-User-Id", "alice");
  EXPECT_EQ(find_unit_key(sources, facts), "alice");
  body[static_cast<std::size_t>(config::BodyText::kUser)] = "bob";
  EXPECT_EQ(find_unit_key(sources, facts), "bob");
  EXPECT_EQ(find_affinity_key(sources, facts), "bob");
}

TEST(AddNeeds, AsksForNoMoreThanTheHeadLeavesOpen) {
  const config::KeySource user{.header = {}, .cookie = {}, .body = config::BodyText::kUser};
  const config::KeySource conversation{.header = {}, .cookie = {}, .body = config::BodyText::kConversation};
  const std::vector<config::KeySource> sources = {user, header("x-user-id"), conversation, user};
  http::FieldList fields;
  config::BodyNeeds open;
  add_key_needs(sources, {fields}, open);
  ASSERT_EQ(open.count, 2U);
  EXPECT_EQ(open.first_of[0], config::BodyText::kUser);
  EXPECT_EQ(open.first_of[1], config::BodyText::kConversation);
  fields.add("X-User-Id", "alice");
  config::BodyNeeds decided;
  add_key_needs(sources, {fields}, decided);
  EXPECT_EQ(decided.count, 1U);
  config::BodyNeeds none;
  add_key_needs({header("x-user-id"), user}, {fields}, none);
  EXPECT_TRUE(none.none());
  config::BodyNeeds affinity;
  add_affinity_needs({conversation, user, header("x-user-id")}, {fields}, affinity);
  EXPECT_TRUE(affinity.all.has(config::BodyText::kUser) && affinity.all.has(config::BodyText::kConversation));
}

}  // namespace
}  // namespace weir::proxy
