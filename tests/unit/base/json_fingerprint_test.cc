#include "base/json_fingerprint.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::json {
namespace {

std::optional<std::uint64_t> of(std::string_view text, std::size_t cut = std::string_view::npos) {
  static Fingerprint fingerprint;
  fingerprint.begin();
  fingerprint.feed(text.substr(0, cut));
  if (cut < text.size()) fingerprint.feed(text.substr(cut));
  return fingerprint.end();
}

TEST(JsonFingerprint, IsOfTheValueNotOfTheText) {
  const std::vector<std::pair<std::string, std::string>> same = {
      {R"({"a":1,"b":[true,null]})", "{ \"b\" : [ true ,\n null ], \"a\" : 1 }"},
      {R"({"a":{"x":1,"y":2},"b":{}})", R"({"b":{},"a":{"y":2,"x":1}})"},
      {R"("a\u00e9\n")", "\"\\u0061\xc3\xa9\\u000a\""},
      {"[1, 1e2, 0]", "[1.0,100,-0.0]"},
      {"[12345678901234567890]", "[12345678901234567890]"},
      {" 7 ", "7"},
  };
  for (const auto& [one, other] : same) {
    ASSERT_TRUE(of(one)) << one;
    EXPECT_EQ(of(one), of(other)) << one << " and " << other;
  }
}

TEST(JsonFingerprint, TellsOtherValuesApart) {
  const std::vector<std::string> values = {"null",
                                           "true",
                                           "false",
                                           "0",
                                           "1",
                                           "\"\"",
                                           "\"1\"",
                                           "\"null\"",
                                           "[]",
                                           "{}",
                                           "[1]",
                                           "[1,2]",
                                           "[2,1]",
                                           "[[1],2]",
                                           "[1,[2]]",
                                           "[[]]",
                                           "[{}]",
                                           R"({"a":1})",
                                           R"({"a":"1"})",
                                           R"({"b":1})",
                                           R"({"a":1,"b":1})",
                                           R"({"a":[1]})",
                                           R"({"a":{}})",
                                           R"({"a":{"b":1}})",
                                           R"({"a":2,"b":1})",
                                           R"({"a":1,"b":2})",
                                           "12345678901234567890",
                                           "12345678901234567891"};
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(of(values[i]), of(values[j])) << values[i] << " and " << values[j];
  }
}

TEST(JsonFingerprint, IsTheSameHoweverTheTextIsCut) {
  const std::string text = R"({"key":"val\u00e9ue","list":[1.5,-20,{"deep":[null,true]}],"\n":""})";
  const std::optional<std::uint64_t> whole = of(text);
  ASSERT_TRUE(whole);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) EXPECT_EQ(of(text, cut), whole) << cut;
}

TEST(JsonFingerprint, IsOfWholeTextsAlone) {
  for (const char* text : {"", " ", "{", "{\"a\":1", "[1,]", "nul", "1 2", "{} x", "'a'"}) EXPECT_FALSE(of(text)) << text;
}

TEST(JsonFingerprint, GoesSoDeepAndNoDeeper) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  Fingerprint fingerprint;
  fingerprint.begin();
  fingerprint.feed(nested(Fingerprint::kMaxDepth));
  EXPECT_TRUE(fingerprint.end());
  EXPECT_FALSE(fingerprint.too_deep());
  fingerprint.begin();
  fingerprint.feed(nested(Fingerprint::kMaxDepth + 1));
  EXPECT_FALSE(fingerprint.end());
  EXPECT_TRUE(fingerprint.too_deep());
}

}  // namespace
}  // namespace weir::json
