#include "config/access_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::config {
namespace {

LogFormat parsed(std::string_view text) { return std::get<LogFormat>(parse_log_format(text)); }
FormatError refused(std::string_view text) { return std::get<FormatError>(parse_log_format(text)); }

TEST(LogFormat, IsTextWithFieldsInIt) {
  const LogFormat format = parsed("%client% - \"%method% %path%\" 100%% %header:X-Tenant%\n");
  EXPECT_FALSE(format.json);
  ASSERT_EQ(format.parts.size(), 4U);
  EXPECT_EQ(format.parts[0].field, LogField::kClient);
  EXPECT_EQ(format.parts[0].before, "");
  EXPECT_EQ(format.parts[1].before, " - \"");
  EXPECT_EQ(format.parts[2].field, LogField::kPath);
  EXPECT_EQ(format.parts[3].before, "\" 100% ");
  EXPECT_EQ(format.parts[3].field, LogField::kHeader);
  EXPECT_EQ(format.parts[3].header, "x-tenant");
  EXPECT_EQ(format.after, "\n");
}

TEST(LogFormat, KnowsWhatStandsAroundAField) {
  const LogFormat format = parsed("[%client%] \"%method% %path%\" %status%%host%");
  ASSERT_EQ(format.parts.size(), 5U);
  std::string around;
  for (const LogPart& part : format.parts) {
    around += part.quoted ? 'q' : '-';
    around += part.delimiter == 0 ? '0' : part.delimiter;
  }
  EXPECT_EQ(around, "-]q q\"-0-0");
}

TEST(LogFormat, NamesTheNearestField) {
  const FormatError error = refused("%time% %statsu%");
  EXPECT_EQ(error.what, "there is no field \"statsu\"");
  EXPECT_EQ(error.nearest, "status");
  EXPECT_THAT(error.expected, testing::HasSubstr("status"));
}

TEST(LogFormat, RefusesWhatIsNone) {
  EXPECT_EQ(refused("").what, "no field in it");
  EXPECT_EQ(refused("combined").what, "no field in it");
  EXPECT_EQ(refused("%%").what, "no field in it");
  EXPECT_EQ(refused("%status% %").what, "a % that no other one follows");
  EXPECT_EQ(refused("%header:%").what, "\"\" is no header's name");
  EXPECT_EQ(refused("%header:a b%").what, "\"a b\" is no header's name");
  std::string many;
  for (std::size_t i = 0; i <= LogFormat::kMostParts; ++i) many += "%status%";
  EXPECT_EQ(refused(many).what, "too many fields");
}

TEST(LogFormat, OfJsonHasEveryFieldOnce) {
  const LogFormat format = json_log_format({"Referer"});
  EXPECT_TRUE(format.json);
  std::string names;
  for (const LogPart& part : format.parts) {
    if (part.field != LogField::kHeader) names += part.name + ", ";
  }
  EXPECT_EQ(names + "header:NAME", log_field_names());
  EXPECT_EQ(format.parts.size(), static_cast<std::size_t>(LogField::kHeader) + 1);
  EXPECT_EQ(format.parts.back().name, "header:referer");
}

TEST(LogFormat, IsWrittenAsItWasRead) {
  for (const std::string_view text :
       {"%client% 100%% \"%method%%path%\" %header:x-tenant%\n", "%%%status%%%", "%time%"})
    EXPECT_EQ(format_log_format(parsed(text)), text);
  EXPECT_EQ(format_log_format(json_log_format({"referer"})), "json");
}

}  // namespace
}  // namespace weir::config
