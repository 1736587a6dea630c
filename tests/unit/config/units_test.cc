#include "config/units.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

using std::chrono::milliseconds;

TEST(Units, DurationsNeedAUnit) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1'500));
  EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
  EXPECT_EQ(parse_duration("6h"), milliseconds(21'600'000));
  EXPECT_EQ(parse_duration("1d"), milliseconds(86'400'000));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
  EXPECT_EQ(parse_duration("none"), kNever);
  for (const char* bad : {"", "5", "s", "-1s", "1 s", "1.0001ms", "1S", "1sec", "99999999999d", "1.s"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(Units, SizesAreBinary) {
  EXPECT_EQ(parse_size("64KiB"), 65'536U);
  EXPECT_EQ(parse_size("0.5MiB"), 524'288U);
  EXPECT_EQ(parse_size("none"), kUnlimited);
  for (const char* bad : {"64", "64KB", "64kib", "1.5B", "99999999999GiB"}) EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Units, PercentagesAreExactToTheMillionth) {
  EXPECT_EQ(parse_percent_ppm("25"), 250'000U);
  EXPECT_EQ(parse_percent_ppm("0.01%"), 100U);
  EXPECT_EQ(parse_percent_ppm("0.0001"), 1U);
  EXPECT_EQ(parse_percent_ppm("100"), 1'000'000U);
  for (const char* bad : {"0.00001", "100.0001", "-1", "25 %", "x", ""}) EXPECT_FALSE(parse_percent_ppm(bad)) << bad;
}

TEST(Units, SharesNeedTheirSign) {
  EXPECT_DOUBLE_EQ(parse_share("10%").value(), 0.1);
  EXPECT_DOUBLE_EQ(parse_share("0.1%").value(), 0.001);
  EXPECT_FALSE(parse_share("10"));
}

TEST(Units, WhatIsWrittenCanBeRead) {
  for (const Duration duration :
       {milliseconds(1), milliseconds(1'500), milliseconds(60'000), milliseconds(0), kNever}) {
    EXPECT_EQ(parse_duration(format_duration(duration)), duration);
  }
  for (const std::uint32_t ppm : {0U, 1U, 10'000U, 123'456U, 1'000'000U})
    EXPECT_EQ(parse_percent_ppm(format_percent(ppm)), ppm);
  EXPECT_EQ(format_percent(1'000), "0.1%");
  EXPECT_EQ(format_percent(250'000), "25%");
  for (const std::string_view size : {"0B", "1B", "1025B", "64KiB", "1MiB", "3GiB", "none"})
    EXPECT_EQ(format_size(parse_size(size).value()), size);
  for (const std::string_view share : {"0%", "0.000001%", "0.1%", "10%", "33.333333%", "100%", "1000%"})
    EXPECT_EQ(format_share(parse_share(share).value()), share);
}

}  // namespace
}  // namespace weir::config
