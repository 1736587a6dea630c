#include "base/log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/json.h"

namespace weir::log {
namespace {

constexpr Line kLine{.level = Level::kWarn, .time = "2026-11-23T10:15:30.123Z", .event = "reload_refused"};

TEST(Log, TextQuotesWhatIsNoBareWord) {
  EXPECT_EQ(render(kLine, {{"service", "chat"}, {"why", "two words"}, {"n", 3}, {"ok", false}}, Format::kText),
            "2026-11-23T10:15:30.123Z warn reload_refused service=chat why=\"two words\" n=3 ok=false");
}

TEST(Log, ControlBytesCannotForgeALine) {
  const std::string hostile = "x\n2026 error forged\x1b[31m";
  for (const Format format : {Format::kText, Format::kJson}) {
    const std::string line = render(kLine, {{"peer", hostile}}, format);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
  }
}

TEST(Log, JsonIsOneObjectALine) {
  const auto result = json::parse(render(kLine, {{"weight", 0.25}, {"step", 7U}}, Format::kJson));
  ASSERT_TRUE(result.ok()) << result.error;
  EXPECT_EQ(result.value["level"].string(), "warn");
  EXPECT_EQ(result.value["event"].string(), "reload_refused");
  EXPECT_EQ(result.value["weight"].number(), 0.25);
  EXPECT_EQ(result.value["step"].integer(), 7);
}

TEST(Log, TimeIsIso8601InUtc) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(1'700'000'000'007), "2023-11-14T22:13:20.007Z");
}

TEST(Log, WordsOfLevelsAndFormats) {
  Level level{};
  Format format{};
  EXPECT_TRUE(parse_level("error", level));
  EXPECT_EQ(level, Level::kError);
  EXPECT_FALSE(parse_level("loud", level));
  EXPECT_TRUE(parse_format("json", format));
  EXPECT_EQ(format, Format::kJson);
  EXPECT_FALSE(parse_format("xml", format));
}

}  // namespace
}  // namespace weir::log
