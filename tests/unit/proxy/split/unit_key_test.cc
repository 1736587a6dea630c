#include "proxy/split/unit_key.h"

#include <gtest/gtest.h>

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

config::KeySource header(std::string name) { return {std::move(name), ""}; }
config::KeySource cookie_named(std::string name) { return {"", std::move(name)}; }

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
  EXPECT_EQ(find_unit_key(sources, fields), "");
  fields.add("X-Device", "phone");
  EXPECT_EQ(find_unit_key(sources, fields), "phone");
  fields.add("Cookie", value);
  EXPECT_EQ(find_unit_key(sources, fields), kId);
  fields.add("X-User-Id", "alice");
  EXPECT_EQ(find_unit_key(sources, fields), "alice");
}

TEST(FindUnitKey, EmptyHeaderIsNone) {
  http::FieldList fields;
  fields.add("x-user-id", "");
  EXPECT_EQ(find_unit_key({header("x-user-id")}, fields), "");
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

}  // namespace
}  // namespace weir::proxy
