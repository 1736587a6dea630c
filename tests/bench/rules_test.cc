#include "bench/decisions/rules.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::bench {
namespace {

// When each rule would roll back, of 100 requests a second, 5 % of them the candidate's, of which `failing` fail.
std::int64_t fires(const std::string& name, double failing, double slow_s = 0.2) {
  for (const auto& rule : make_rules({.fixed_look_s = 3'600})) {
    if (rule->name() != name) continue;
    std::uint64_t number = 0;
    for (std::int64_t second = 1; second <= 2 * 3'600; ++second) {
      for (int i = 0; i < 100; ++i) {
        const bool candidate = i % 20 == 0;
        number += candidate ? 1 : 0;
        const bool failed = candidate && static_cast<double>(number % 1'000) < failing * 1'000;
        rule->add({.at_s = static_cast<double>(second - 1),
                   .arm = candidate ? Arm::kCandidate : Arm::kBaseline,
                   .slice = i % 20 == 1,
                   .failed = failed,
                   .latency_s = candidate ? slow_s : 0.2});
      }
      if (rule->at_second(second)) return second;
    }
    return -1;
  }
  ADD_FAILURE() << "no rule " << name;
  return -1;
}

// The first column of STATISTICS.md 6.3: a candidate that fails every request.
TEST(Rules, RollBackTotalFailureWhenTheirOriginalsDo) {
  EXPECT_EQ(fires("argo95", 1), 240);
  EXPECT_EQ(fires("argo99", 1), 240);
  EXPECT_EQ(fires("flagger", 1), 300);
  EXPECT_EQ(fires("kayenta", 1), 3'600);
  EXPECT_EQ(fires("naive", 1), 6);
  EXPECT_EQ(fires("fixed", 1), 3'600);
}

TEST(Rules, LeaveAHealthyCandidateAlone) {
  for (const char* name : {"argo95", "argo99", "flagger", "kayenta", "naive", "fixed"}) EXPECT_EQ(fires(name, 0), -1);
}

TEST(Rules, SeeLatencyWhereTheyLookAtIt) {
  EXPECT_EQ(fires("flagger", 0, 5), 300);
  EXPECT_EQ(fires("kayenta", 0, 0.5), 3'600);
  EXPECT_EQ(fires("argo99", 0, 5), -1);
}

TEST(Kayenta, NeedsAShiftThatStandsOutOfItsOwnInterval) {
  std::vector<double> low, high, mixed;
  for (int i = 0; i < 60; ++i) {
    low.push_back(1 + 0.01 * (i % 7));
    high.push_back(1.5 + 0.01 * (i % 5));
    mixed.push_back(1 + 0.01 * (i % 7) + (i % 2 == 0 ? 0.005 : -0.005));
  }
  EXPECT_TRUE(kayenta_high(low, high));
  EXPECT_FALSE(kayenta_high(high, low));
  EXPECT_FALSE(kayenta_high(low, mixed));
  EXPECT_FALSE(kayenta_high(low, low));
  EXPECT_FALSE(kayenta_high({1}, {2}));
}

}  // namespace
}  // namespace weir::bench
