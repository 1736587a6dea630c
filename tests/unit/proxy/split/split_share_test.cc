// The shares and movements that the split's contract promises, over many keys.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "proxy/split/split.h"

namespace weir::proxy {
namespace {

constexpr int kUsers = 100'000;
constexpr std::uint32_t kBaseline = 4;
constexpr std::uint32_t kCandidate = 9;

SplitSpec chat_rollout() {
  SplitSpec spec;
  spec.service = "chat";
  spec.baseline = kBaseline;
  spec.candidate = kCandidate;
  spec.salt = "chat/v2/";
  spec.stickiness.by = {{"x-user-id", ""}};
  return spec;
}

bool on_candidate(const Split& split, const std::string& user, std::uint32_t weight_ppm) {
  http::FieldList fields;
  if (!user.empty()) fields.add("x-user-id", user);
  RolloutTraffic traffic;
  traffic.weight_ppm = weight_ppm;
  Random untouched(1);
  return split.assign({fields, {}}, traffic, untouched).version == kCandidate;
}

// Five standard deviations of a binomial share.
double sampling_error(double share, int n) { return 5 * std::sqrt(share * (1 - share) / n); }

TEST(SplitShare, IsTheWeightWithinSamplingError) {
  const Split split(chat_rollout());
  for (const std::uint32_t weight : {100u, 10'000u, 50'000u, 250'000u, 500'000u, 990'000u}) {
    int candidates = 0;
    for (int i = 0; i < kUsers; ++i) candidates += on_candidate(split, "user-" + std::to_string(i), weight);
    const double share = weight / 1e6;
    EXPECT_NEAR(static_cast<double>(candidates) / kUsers, share, sampling_error(share, kUsers)) << weight;
  }
}

TEST(SplitShare, IsExactAtTheEnds) {
  const Split split(chat_rollout());
  for (int i = 0; i < kUsers; ++i) {
    const std::string user = "user-" + std::to_string(i);
    ASSERT_FALSE(on_candidate(split, user, 0));
    ASSERT_TRUE(on_candidate(split, user, kMillion));
  }
}

TEST(SplitShare, RaisingTheWeightOnlyMovesUsersToTheCandidate) {
  const Split split(chat_rollout());
  const std::vector<std::uint32_t> weights = {1, 100, 10'000, 50'000, 250'000, 500'000, 990'000, kMillion};
  for (int i = 0; i < kUsers; ++i) {
    const std::string user = "user-" + std::to_string(i);
    bool candidate = false;
    for (const std::uint32_t weight : weights) {
      const bool now = on_candidate(split, user, weight);
      ASSERT_TRUE(now || !candidate) << user << " left the candidate at " << weight;
      candidate = now;
    }
  }
}

TEST(SplitShare, UnkeyedRequestsAreDrawnOneByOne) {
  const Split split(chat_rollout());
  Random random(20'261'123);
  RolloutTraffic traffic;
  traffic.weight_ppm = 50'000;
  int candidates = 0;
  std::vector<int> clusters(256);
  for (int i = 0; i < kUsers; ++i) {
    const Assignment result = split.assign({http::FieldList(), {}}, traffic, random);
    candidates += result.version == kCandidate;
    ++clusters[result.cluster];
  }
  EXPECT_NEAR(static_cast<double>(candidates) / kUsers, 0.05, sampling_error(0.05, kUsers));
  for (const int count : clusters) EXPECT_NEAR(count, kUsers / 256, 5 * std::sqrt(kUsers / 256));
}

TEST(SplitShare, AnotherSaltMeetsOtherUsers) {
  const Split first(chat_rollout());
  SplitSpec other_spec = chat_rollout();
  other_spec.salt = "chat/v3/";
  const Split other(other_spec);
  int both = 0;
  for (int i = 0; i < kUsers; ++i) {
    const std::string user = "user-" + std::to_string(i);
    both += on_candidate(first, user, 100'000) && on_candidate(other, user, 100'000);
  }
  EXPECT_NEAR(static_cast<double>(both) / kUsers, 0.01, sampling_error(0.01, kUsers));
}

TEST(SplitShare, StaticWeightsAreKept) {
  SplitSpec spec;
  spec.service = "chat";
  spec.salt = "chat";
  spec.stickiness.by = {{"x-user-id", ""}};
  spec.weights = {{1, 700'000}, {2, 50'000}, {3, 250'000}};
  const Split split(spec);
  Random untouched(1);
  std::vector<int> counts(4);
  for (int i = 0; i < kUsers; ++i) {
    const std::string user = "user-" + std::to_string(i);
    http::FieldList fields;
    fields.add("x-user-id", user);
    ++counts[split.assign({fields, {}}, RolloutTraffic(), untouched).version];
  }
  for (const WeightedVersion& entry : spec.weights) {
    const double share = entry.weight_ppm / 1e6;
    EXPECT_NEAR(static_cast<double>(counts[entry.version]) / kUsers, share, sampling_error(share, kUsers));
  }
}

}  // namespace
}  // namespace weir::proxy
