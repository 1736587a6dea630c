#include "proxy/exchange/trace.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace weir::proxy {
namespace {

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Trace take(const std::vector<std::string_view>& lines, const config::Tracing& tracing = {}, std::uint64_t seed = 1) {
  http::FieldList fields;
  for (const std::string_view line : lines) fields.add("TraceParent", line);
  Random random(seed);
  return Trace::take(fields, tracing, random);
}

TEST(Traceparent, IsReadAsTheStandardSays) {
  const std::string parent(kParent);
  EXPECT_TRUE(valid_traceparent(parent));
  EXPECT_TRUE(valid_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff"));
  EXPECT_TRUE(valid_traceparent("cc" + parent.substr(2)));
  EXPECT_TRUE(valid_traceparent("cc" + parent.substr(2) + "-what-the-future-will-be-like"));
  for (const std::string& bad : {
           std::string(),
           parent.substr(0, 54),
           parent + "-",
           parent + "-x",
           parent + "0",
           "ff" + parent.substr(2),
           "0x" + parent.substr(2),
           "cc" + parent.substr(2) + ".x",
           "00_" + parent.substr(3),
           std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
           std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
           std::string("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01"),
           std::string("00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01"),
           std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g"),
       }) {
    EXPECT_FALSE(valid_traceparent(bad)) << bad;
  }
}

TEST(Trace, OfTheClientGoesOnUnchanged) {
  const Trace trace = take({kParent});
  EXPECT_TRUE(trace.continued());
  EXPECT_EQ(trace.id(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(trace.begun(), "");
}

TEST(Trace, BeginsHereOtherwise) {
  const std::vector<std::vector<std::string_view>> without = {{}, {""}, {"nonsense"}, {kParent, kParent}};
  for (const auto& lines : without) {
    const Trace trace = take(lines);
    EXPECT_FALSE(trace.continued());
    EXPECT_TRUE(valid_traceparent(trace.begun())) << trace.begun();
    EXPECT_EQ(trace.begun().substr(0, 3), "00-");
    EXPECT_EQ(trace.begun().substr(3, 32), trace.id());
    EXPECT_EQ(trace.begun().substr(53), "01");
  }
}

TEST(Trace, BeginsNowhereWhenThePlanWantsNone) {
  const Trace trace = take({"nonsense"}, {.begin = false});
  EXPECT_FALSE(trace.continued());
  EXPECT_EQ(trace.begun(), "");
  EXPECT_EQ(trace.id(), "");
}

TEST(Trace, IsRecordedAsOftenAsThePlanSays) {
  int sampled = 0;
  std::set<std::string> ids;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    const Trace trace = take({}, {.sampled_ppm = 100'000}, seed);
    ids.emplace(trace.id());
    const std::string_view flags = trace.begun().substr(53);
    EXPECT_TRUE(flags == "00" || flags == "01") << flags;
    if (flags == "01") ++sampled;
  }
  EXPECT_EQ(ids.size(), 1'000U);
  EXPECT_NEAR(sampled, 100, 40);
  EXPECT_EQ(take({}, {.sampled_ppm = 0}).begun().substr(53), "00");
}

}  // namespace
}  // namespace weir::proxy
