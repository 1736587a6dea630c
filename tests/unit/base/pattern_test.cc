#include "base/pattern.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  std::string why;
  const std::optional<Pattern> compiled = Pattern::compile(pattern, why);
  EXPECT_TRUE(compiled.has_value()) << why;
  return compiled && compiled->matches(text);
}

TEST(Pattern, MatchesTheWholeText) {
  EXPECT_TRUE(matches("/v[0-9]+/.*", "/v12/chat"));
  EXPECT_FALSE(matches("/v[0-9]+", "/v12/chat"));
  EXPECT_FALSE(matches("v[0-9]+", "/v12"));
  EXPECT_TRUE(matches("a|bc", "bc"));
  EXPECT_FALSE(matches("a|bc", "abc"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("(?i)chat", "CHAT"));
}

TEST(Pattern, MatchesBytes) {
  EXPECT_TRUE(matches("a.*b", "a\xff\xfe b"));
  EXPECT_TRUE(
      matches("stra\xc3\x9f"
              "e",
              "stra\xc3\x9f"
              "e"));
}

TEST(Pattern, RefusesWhatIsNoExpressionOrTooLargeAOne) {
  std::string why;
  for (const char* text : {"(", "a**", "[z-a]", "(?=a)", "(a)\\1", "\\y"}) {
    why.clear();
    EXPECT_FALSE(Pattern::compile(text, why).has_value()) << text;
    EXPECT_FALSE(why.empty()) << text;
  }
  EXPECT_FALSE(Pattern::compile("(a{50}b{50}){20}", why).has_value());
  EXPECT_EQ(why, "it is larger than 1000 instructions");
}

// What takes a backtracking matcher longer than the universe has been there.
TEST(Pattern, TakesTimeInProportionToTheText) { EXPECT_FALSE(matches("(a+)+$x?b", std::string(100'000, 'a'))); }

TEST(Pattern, ACopyIsTheSame) {
  std::string why;
  const Pattern first = *Pattern::compile("a+", why);
  const Pattern second = first;
  EXPECT_EQ(first, second);
  EXPECT_TRUE(second.matches("aaa"));
  EXPECT_EQ(second.text(), "a+");
}

}  // namespace
}  // namespace weir
