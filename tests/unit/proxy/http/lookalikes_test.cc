#include "proxy/http/lookalikes.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::http {
namespace {

const std::string kLong(70, 'x');

TEST(Lookalikes, AreWhatIsTakenForAName) {
  const Lookalikes lookalikes({"x-tier", "session_id", "x-api-key", "host", kLong + "-a"});
  for (const std::string& name : {std::string("x_tier"), std::string("X_TIER"), std::string("Session-Id"),
                                  std::string("x_api-key"), std::string("X_Api_Key"), kLong + "_A"}) {
    EXPECT_TRUE(lookalikes.holds(name)) << name;
  }
}

TEST(Lookalikes, AreNeitherTheNamesThemselvesNorOthers) {
  const Lookalikes lookalikes({"x-tier", "x-both", "x_both", "host", kLong + "-a"});
  for (const std::string& name :
       {std::string("X-Tier"), std::string("x_tie"), std::string("x.tier"), std::string("x_tief"), std::string("HOST"),
        std::string("X-BOTH"), std::string("x_Both"), std::string(), kLong + "-A", kLong + "_ab"}) {
    EXPECT_FALSE(lookalikes.holds(name)) << name;
  }
}

TEST(Lookalikes, MayBeNone) {
  EXPECT_TRUE(Lookalikes({"host", "te"}).empty());
  EXPECT_FALSE(Lookalikes({}).holds("x_a"));
}

}  // namespace
}  // namespace weir::http
