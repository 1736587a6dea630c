#include "proxy/http/field.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/text.h"

namespace weir::http {
namespace {

constexpr std::size_t kLongest = 20;  // two words and a rest that overlaps

TEST(EqualIgnoringCase, ForgivesTheCaseOfLettersAlone) {
  for (std::size_t size = 1; size <= kLongest; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string left(size, 'a');
      std::string right(size, 'A');
      for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
          left[at] = static_cast<char>(a);
          right[at] = static_cast<char>(b);
          ASSERT_EQ(equal_ignoring_case(left, right), lower_case(left[at]) == lower_case(right[at]))
              << a << " and " << b << " at " << at << " of " << size;
        }
      }
    }
  }
}

TEST(EqualIgnoringCase, TellsSizesApart) {
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_FALSE(equal_ignoring_case("", "a"));
  EXPECT_FALSE(equal_ignoring_case("content-length", "content-lengt"));
}

TEST(FieldId, KnowsANameInAnyCase) {
  for (const std::string_view name : {"te", "HOST", "Content-Length", "x-WEIR-version", "X-Forwarded-Proto"}) {
    std::string turned(name);
    std::transform(turned.begin(), turned.end(), turned.begin(), [](char c) { return lower_case(c); });
    EXPECT_NE(field_id(name), FieldId::kOther) << name;
    EXPECT_EQ(field_id(name), field_id(turned)) << name;
  }
  EXPECT_EQ(field_id("content\rlength"), FieldId::kOther);
  EXPECT_EQ(field_id("hosts"), FieldId::kOther);
}

TEST(FieldId, KnowsAFamilyByItsBeginning) {
  for (const std::string_view name : {"X-Forwarded-Port", "x_forwarded_ssl", "x-forwarded",
                                      "x-forwarded-a-name-that-is-longer-than-any-of-the-known-ones"}) {
    EXPECT_EQ(field_id(name), FieldId::kXForwardedOther) << name;
  }
  EXPECT_EQ(field_id("x-forward"), FieldId::kOther);
  EXPECT_EQ(field_id("x_forwarded_for"), FieldId::kLookalike);
}

TEST(SameVariable, ForgivesUnderscoresToo) {
  EXPECT_TRUE(same_variable("X_Tier-a", "x-tieR_A"));
  EXPECT_FALSE(same_variable("x_tier", "x.tier"));
  EXPECT_FALSE(same_variable("x_tier", "x-tie"));
}

}  // namespace
}  // namespace weir::http
