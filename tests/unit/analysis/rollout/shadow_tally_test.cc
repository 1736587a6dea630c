#include "analysis/rollout/shadow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace weir::analysis {
namespace {

using ::testing::HasSubstr;

Comparison pair_of(OutcomeClass baseline, OutcomeClass candidate, Likeness likeness = Likeness::kUnknown) {
  Comparison out;
  out.sides[0] = {.outcome = baseline, .json = JsonForm::kValid, .duration_us = 1'000, .bytes = 100};
  out.sides[1] = {.outcome = candidate, .json = JsonForm::kValid, .duration_us = 2'000, .bytes = 100};
  out.likeness = likeness;
  return out;
}

constexpr OutcomeClass kOk = OutcomeClass::kOk;
constexpr OutcomeClass kBad = OutcomeClass::kHttp5xx;

ShadowTally some() {
  ShadowTally tally;
  for (int i = 0; i < 6; ++i) tally.add(pair_of(kOk, kOk, Likeness::kEqual));
  for (int i = 0; i < 2; ++i) tally.add(pair_of(kOk, kOk, Likeness::kIdentical));
  tally.add(pair_of(kOk, kOk, Likeness::kDifferent));
  for (int i = 0; i < 3; ++i) tally.add(pair_of(kOk, kBad));
  tally.add(pair_of(kBad, kOk));
  tally.add(pair_of(kBad, kBad));
  Comparison broken = pair_of(kOk, kOk, Likeness::kDifferent);
  broken.sides[1].json = JsonForm::kInvalid;
  broken.sides[1].bytes = 25;
  tally.add(broken);
  return tally;
}

config::Rollout policy() {
  config::Rollout policy;
  policy.baseline = "v1";
  policy.candidate = "v2";
  policy.steps = {{.weight_ppm = 0, .stages = {config::Hold()}, .mirror_ppm = 1}};
  return policy;
}

TEST(ShadowTally, CountsWhatEitherSideHadToItself) {
  const json::Value shown = shadow_json(some(), policy());
  EXPECT_EQ(shown["compared"].integer(), 15);
  EXPECT_EQ(shown["both_ok"].integer(), 10);
  EXPECT_EQ(shown["same_outcome"].integer(), 11);
  EXPECT_EQ(shown["candidate_alone_failed"].integer(), 3);
  EXPECT_EQ(shown["baseline_alone_failed"].integer(), 1);
  EXPECT_EQ(shown["identical"].integer(), 2);
  EXPECT_EQ(shown["equal"].integer(), 6);
  EXPECT_EQ(shown["different"].integer(), 2);
  EXPECT_EQ(shown["json"].integer(), 10);
  EXPECT_EQ(shown["json_invalid"].integer(), 1);
  EXPECT_EQ(shown["outcomes"].array().size(), 4U);
  EXPECT_EQ(shown["duration_ratio"]["p50"].number(), 2);
  EXPECT_EQ(shown["length_ratio"]["p50"].number(), 1);
  EXPECT_EQ(shown["length_ratio"]["p10"].number(), 0.25);
  EXPECT_EQ(shown["says"].string(),
            "15 compared: 10 good from both, 3 from v1 alone, 1 from v2 alone; equal 80%, to the byte 20%; no JSON where "
            "there should be some: 1 of 10; time ×2, in eight of ten ×2 to ×2; length ×1, in eight of ten ×0.25 to ×1");
}

TEST(ShadowTally, OpinionsAreNoPairs) {
  ShadowTally tally = some();
  for (const Opinion opinion : {Opinion::kCandidateBetter, Opinion::kCandidateBetter, Opinion::kTie}) {
    Comparison said = pair_of(kOk, kOk, Likeness::kEqual);
    said.opinion = opinion;
    tally.add(said);
  }
  const json::Value shown = shadow_json(tally, policy());
  EXPECT_EQ(shown["compared"].integer(), 15);
  EXPECT_EQ(shown["judged"]["candidate_better"].integer(), 2);
  EXPECT_EQ(shown["judged"]["tie"].integer(), 1);
  EXPECT_EQ(shown["judged"]["baseline_better"].integer(), 0);
  EXPECT_THAT(shown["says"].string(), HasSubstr("; judged 3: v2 better in 2, v1 in 0"));
}

TEST(ShadowTally, OfFailuresNoLengthOrTimeCounts) {
  ShadowTally tally;
  tally.add(pair_of(kOk, kBad));
  const json::Value shown = shadow_json(tally, policy());
  EXPECT_TRUE(shown["duration_ratio"]["p50"].is_null());
  EXPECT_EQ(shown["json"].integer(), 0);
}

TEST(ShadowTally, IsSilentWhereNothingIsCopied) {
  config::Rollout plain = policy();
  plain.steps.front().mirror_ppm = 0;
  EXPECT_TRUE(shadow_json({}, plain).is_null());
  EXPECT_EQ(shadow_json({}, policy())["says"].string(), "nothing is compared yet");
  EXPECT_FALSE(shadow_json(some(), plain).is_null()) << "what was seen before an edit stays";
}

TEST(ShadowTally, IsTheSameAfterItWasKept) {
  const ShadowTally tally = some();
  const json::ParseResult kept = json::parse(json::write(write_shadow(tally)));
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(read_shadow(kept.value).counts, tally.counts);
  EXPECT_TRUE(read_shadow(json::Value()).counts.empty());
  const json::ParseResult damaged = json::parse("[[999999,5],[1],\"x\",[-1,2]]");
  EXPECT_EQ(read_shadow(damaged.value).compared(), 0U);
}

TEST(ShadowTally, RatiosAreKnownToWithinAnEighthOfAnOctave) {
  for (double ratio = 1.0 / 200; ratio < 200; ratio *= 1.01) {
    std::vector<std::uint64_t> buckets(kRatioBuckets);
    ++buckets[ratio_bucket(ratio)];
    EXPECT_NEAR(std::log2(*ratio_quantile(buckets, 0.5) / ratio), 0, 0.1251) << ratio;
  }
  EXPECT_EQ(ratio_bucket(0), 0U);
  EXPECT_EQ(ratio_bucket(1e300), kRatioBuckets - 1);
  EXPECT_EQ(ratio_bucket(1e-300), 0U);
}

}  // namespace
}  // namespace weir::analysis
