#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace weir::json {
namespace {

TEST(Json, WritesInTheOrderOfBuilding) {
  Object object{{"zebra", 1}, {"apple", Array{true, nullptr, "x\n\"y"}}};
  object.set("big", std::numeric_limits<std::uint64_t>::max()).set("zebra", -2);
  EXPECT_EQ(write(object), R"({"zebra":-2,"apple":[true,null,"x\n\"y"],"big":18446744073709551615})");
}

TEST(Json, PrettyIndentsAndEndsTheLine) {
  const Object object{{"a", Array{1, 2}}, {"empty", Object{}}, {"none", Array{}}};
  EXPECT_EQ(write_pretty(object), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"empty\": {},\n  \"none\": []\n}\n");
}

TEST(Json, ANumberThatIsNoneIsNull) {
  EXPECT_EQ(write(Array{std::nan(""), std::numeric_limits<double>::infinity()}), "[null,null]");
}

TEST(Json, NumbersAreAsShortAsTheyCanBe) {
  EXPECT_EQ(write(Array{371.2, 25.0, 0.001, 1e300, -0.1}), "[371.2,25,0.001,1e+300,-0.1]");
}

TEST(Json, NumbersStayTheSameTextHoweverOftenTheyAreRead) {
  double value = 0.1;
  for (int i = 0; i < 1'000; ++i, value = value * 1.37 + 0.01) {
    const std::string text = write(value);
    EXPECT_EQ(write(parse(text).value), text);
    EXPECT_NEAR(parse(text).value.number(), value, 1e-14 * value);
  }
}

TEST(Json, ReadsBackWhatItWrote) {
  const std::string text =
      R"({"a":[1,2.5,"\u00e9",{"b":false}],"max":18446744073709551615,"min":-9223372036854775808})";
  const ParseResult result = parse(text);
  ASSERT_TRUE(result.ok()) << result.error;
  EXPECT_EQ(result.value["a"].array()[1].number(), 2.5);
  EXPECT_EQ(result.value["a"].array()[2].string(), "\xc3\xa9");
  EXPECT_FALSE(result.value["a"].array()[3]["b"].boolean(true));
  EXPECT_EQ(parse(write(result.value)).value["min"].integer(), std::numeric_limits<std::int64_t>::min());
}

TEST(Json, WrongKindsReadAsTheFallback) {
  const ParseResult result = parse(R"({"text":"x","number":1e300})");
  EXPECT_EQ(result.value["text"].number(7), 7);
  EXPECT_EQ(result.value["text"]["deeper"]["still"].string(), "");
  EXPECT_EQ(result.value["number"].integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_TRUE(result.value["absent"].is_null());
}

TEST(Json, RefusesWhatIsNoDocument) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1,}", "nul", "{} {}", "[1] x", "'a'", "[NaN]", "\"\x01\""}) {
    EXPECT_FALSE(parse(text).ok()) << text;
  }
}

TEST(Json, RefusesBeyondItsLimits) {
  EXPECT_FALSE(parse("[1, 2, 3]", {.bytes = 8}).ok());
  EXPECT_TRUE(parse("[1, 2, 3]", {.bytes = 9}).ok());
  EXPECT_FALSE(parse(std::string(40, '[') + std::string(40, ']')).ok());
  EXPECT_TRUE(parse(std::string(30, '[') + std::string(30, ']')).ok());
}

TEST(Json, ErrorsNameThePlace) { EXPECT_NE(parse("[1, x]").error.find("at byte 4"), std::string::npos); }

}  // namespace
}  // namespace weir::json
