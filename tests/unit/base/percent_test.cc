#include "base/percent.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Percent, AnEscapeStandsForItsOctet) {
  EXPECT_EQ(escaped_octet("%41"), 'A');
  EXPECT_EQ(escaped_octet("%2f/rest"), '/');
  EXPECT_EQ(escaped_octet("%2F"), '/');
  EXPECT_EQ(escaped_octet("%00"), '\0');
  EXPECT_EQ(escaped_octet("%Ff"), '\xff');
}

TEST(Percent, WhatIsNoneStandsForNothing) {
  for (const std::string_view text : {"", "%", "%4", "41", "a%41", "%4g", "%g4", "%%41", "% 1", "%-1", "%4\xc3"}) {
    EXPECT_EQ(escaped_octet(text), std::nullopt) << text;
  }
  EXPECT_EQ(escaped_octet(std::string_view("%4\0", 3)), std::nullopt);
}

}  // namespace
}  // namespace weir
