#include "config/scalar.h"

#include <gtest/gtest.h>

#include <string>

#include "config/units.h"

namespace weir::config {
namespace {

bool has_bounds(const Key& key) {
  switch (key.kind) {
    case Kind::kCount:
    case Kind::kDuration:
    case Kind::kSize:
    case Kind::kPercent:
    case Kind::kShare:
    case Kind::kNumber:
    case Kind::kDegradation:
      return true;
    default:
      return false;
  }
}

// One digit more in front: beyond any bound.
std::string beyond(std::string_view most) { return "9" + std::string(most); }

TEST(Scalar, EveryQuantityHasBoundsAndKeepsThem) {
  int checked = 0;
  for (const Section* section : sections()) {
    for (const Key& key : section->keys) {
      if (!has_bounds(key)) continue;
      SCOPED_TRACE(std::string(section->name) + "." + std::string(key.name));
      ++checked;
      ASSERT_FALSE(key.range.least.empty() || key.range.most.empty());
      EXPECT_TRUE(fits(key, key.range.least));
      EXPECT_TRUE(fits(key, key.range.most));
      EXPECT_FALSE(fits(key, beyond(key.range.most)));
      const bool below_zero = key.range.least.starts_with('-');
      EXPECT_EQ(fits(key, "-1"), below_zero);
      EXPECT_EQ(fits(key, "none"), key.range.none);
      const bool zero = fits(key, "0s") || fits(key, "0B") || fits(key, "0") || fits(key, "0%");
      EXPECT_EQ(zero, below_zero ||
                          (key.range.least.starts_with('0') && key.range.least.find('.') == std::string_view::npos));
    }
  }
  EXPECT_GT(checked, 30);
}

// What a plan leaves out has to be something that it could say.
TEST(Scalar, EveryDefaultFits) {
  for (const Section* section : sections()) {
    for (const Key& key : section->keys) {
      if (key.kind == Kind::kDegradation || !has_bounds(key)) continue;
      const std::string all(key.fallback);
      const bool another =
          all.starts_with("half of") || all.starts_with("8 times") || all == "as input" || all.starts_with("the ");
      if (all.empty() || all == "one per core" || another) continue;
      const std::size_t other = all.find("; sidecar ");
      EXPECT_TRUE(fits(key, all.substr(0, other))) << key.name << ": " << all;
      if (other == std::string::npos) continue;
      EXPECT_TRUE(fits(key, all.substr(other + 10))) << key.name << ": " << all;
    }
  }
}

struct Table {
  Kind kind;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

TEST(Scalar, NamesAreWhatTheyBecome) {
  const std::string longest(kMaxName, 'a');
  const std::vector<Table> tables = {
      {Kind::kString,
       {"a b", "true", "\xc3\xa4"},
       {"", "a\r\nb", std::string("a\0b", 3), std::string(kMaxText + 1, 'a')}},
      {Kind::kName,
       {"v1", "llama-3.1:8b", "gpt_4o@2026+1", longest},
       {"", "a b", "a/b", "a\r\nX-Evil: 1", "-a", "\xc3\xa4", "a\"b", longest + "a"}},
      {Kind::kFieldName,
       {"x-user-id", "Authorization", longest},
       {"", "a b", "a:", "x\r\n", "Host", "connection", longest + "a"}},
      {Kind::kCookieName, {"weir", "__Host-weir"}, {"", "a b;=c", "a\r\nX-Evil: 1", longest + "a"}},
      {Kind::kMethods, {"GET", "M-SEARCH"}, {"get", "G T", "", "CONNECT", "TRACE"}},
      {Kind::kHost, {"a.example", "10.0.0.1", "[::1]"}, {"a.com:80", "a b", "*.example", "::1", "", "a..", ".a", "a..b"}},
      {Kind::kPath,
       {"/", "/v1/", "/a%20b", "/.well-known"},
       {"", "v1", "/a?b", "/a#b", "/a b", "/\xc3\xa4", "/a/../b", "/a/.", "/%41", "/%2f", "/%zz", "/%2"}},
      {Kind::kAddress, {":80", "[::]:80"}, {"example.com:80", "127.0.0.1:99999", "unix:/run/weir.sock"}},
      {Kind::kListenAddress,
       {":80", "unix:/run/weir.sock"},
       {"example.com:80", "unix:", "unix:/", "unix:/run/", "unix:weir.sock", "/run/weir.sock", "unix:/a\nb"}},
  };
  for (const Table& table : tables) {
    const Key key{.kind = table.kind};
    for (const std::string& text : table.good) EXPECT_TRUE(fits(key, text)) << text;
    for (const std::string& text : table.bad) EXPECT_FALSE(fits(key, text)) << text;
  }
}

}  // namespace
}  // namespace weir::config
