#include "base/percent.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(Percent, AnOctetHasOneEscapeInNormalForm) {
  const auto text = [](char c) {
    const auto escape = escape_of(c);
    return std::string(escape.data(), escape.size());
  };
  EXPECT_EQ(text('/'), "%2F");
  EXPECT_EQ(text('\0'), "%00");
  for (int octet = 0; octet < 256; ++octet) {
    const auto c = static_cast<char>(octet);
    EXPECT_EQ(escaped_octet(text(c)), c);
    std::string digits;
    append_hex(static_cast<unsigned char>(octet), digits);
    EXPECT_EQ(octet_of(digits), c);
  }
}

}  // namespace
}  // namespace weir
