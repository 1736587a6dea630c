#include "base/text.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Text, LosesTheCaseOfAsciiAlone) { EXPECT_EQ(lower_case("X-User-ID [\xc3\x84]"), "x-user-id [\xc3\x84]"); }

TEST(Text, TellsUtf8) {
  for (const char* good :
       {"", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\xff", "\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xe2\x82", "\xe2\x82x"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

TEST(Text, DropsTheLastLineBreakAlone) {
  EXPECT_EQ(without_line_break("secret\n"), "secret");
  EXPECT_EQ(without_line_break("secret\r\n"), "secret");
  EXPECT_EQ(without_line_break("secret\n\n"), "secret\n");
  EXPECT_EQ(without_line_break("\n"), "");
}

TEST(Text, GuessesWhatWasMeant) {
  EXPECT_EQ(nearest_word({"status", "watch"}, "statsu"), "status");
  EXPECT_EQ(nearest_word({"status", "watch"}, "WATCH"), "watch");
  EXPECT_EQ(nearest_word({"status", "watch"}, "nothing-like-it"), "");
}

TEST(Text, EqualsOnlyItself) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  for (const char* guess : {"", "s", "secre", "secret ", "Secret", "secretsecret", "terces"}) {
    EXPECT_FALSE(equal_in_constant_time("secret", guess)) << guess;
  }
  EXPECT_FALSE(equal_in_constant_time("", ""));
}

}  // namespace
}  // namespace weir
