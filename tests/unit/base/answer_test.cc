#include "base/answer.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

RolloutTraffic capped(std::uint64_t tokens, std::uint64_t micros) {
  RolloutTraffic traffic;
  traffic.scales[1] = {ValueMetric::kTokens, tokens};
  traffic.scales[3] = {ValueMetric::kCost, micros};
  return traffic;
}

Answer answer(std::uint32_t tokens, std::uint64_t micros) {
  Answer answer;
  answer.counted = answer.priced = true;
  answer.tokens_out = tokens;
  answer.cost_micros = micros;
  return answer;
}

using Values = std::array<std::uint16_t, kMaxValueMetrics>;
using Distances = std::array<std::uint32_t, kRatioCount>;

Answer judged(Answer answer, const RolloutTraffic& traffic) {
  judge_values(answer, traffic);
  return answer;
}

// Of the slots of capped().
Values values(std::uint16_t tokens, std::uint16_t cost) {
  Values all;
  all.fill(kNoValue);
  all[1] = tokens;
  all[3] = cost;
  return all;
}

TEST(Answer, IsJudgedInSharesOfItsCap) {
  EXPECT_EQ(judged(answer(250, 900), capped(1'000, 300)).values, values(2'500, kWholeValue));
  EXPECT_EQ(judged(answer(0, 1), capped(1'000, 3)).values, values(0, 3'333));
  EXPECT_EQ(judged(answer(2, 0), capped(3, 300)).values, values(6'667, 0));
  const std::uint64_t most = 1'000'000'000'000'000;
  EXPECT_EQ(judged(answer(4'294'967'295, most + 1), capped(1, most)).values[3], kWholeValue);
}

TEST(Answer, HasNoValueWithoutACapOrWhenNobodySaidIt) {
  const Values none = values(kNoValue, kNoValue);
  EXPECT_EQ(judged(answer(250, 900), {}).values, none);
  Answer silent = answer(250, 900);
  silent.counted = silent.priced = false;
  EXPECT_EQ(judged(silent, capped(1'000, 300)).values, none);
  Answer cut = answer(250, 900);
  cut.outcome = OutcomeClass::kTruncated;
  EXPECT_EQ(judged(cut, capped(1'000, 300)).values, none);
}

// STATISTICS.md 4.5: y = clamp(0.5 + (N - r0 D)/(2 z_max), 0, 1).
TEST(Answer, ARatioIsJudgedByHowFarItIsFromTheBaselines) {
  RolloutTraffic traffic;
  traffic.scales[0] = {ValueMetric::kTokenTime, 400'000, 2'000};  // 2 ms a token
  traffic.scales[7] = {ValueMetric::kTokenCost, 100, 0.5};
  const auto timed = [&](std::uint32_t duration_us, std::uint32_t tokens) {
    Answer of = answer(tokens, 0);
    of.priced = false;
    of.duration_us = duration_us;
    return judged(of, traffic);
  };
  EXPECT_EQ(timed(1'000'000, 500).values[0], 5'000) << "the baseline's own";
  EXPECT_EQ(timed(1'200'000, 500).values[0], 7'500);
  EXPECT_EQ(timed(800'000, 500).values[0], 2'500);
  EXPECT_EQ(timed(4'000'000, 2'000).values[0], 5'000) << "longer, and as fast";
  EXPECT_EQ(timed(9'000'000, 500).values[0], kWholeValue);
  EXPECT_EQ(timed(0, 500).values[0], 0);
  EXPECT_EQ(timed(300'000, 0).values[0], 8'750) << "time without a token counts";
  EXPECT_EQ(timed(800'000, 500).distances, (Distances{200'000, kNoDistance}));
  EXPECT_EQ(timed(0, 0xffff'ffff).distances[0], kNoDistance - 1);
  Answer costly = answer(30, 100);
  costly.tokens_in = 70;
  EXPECT_EQ(judged(costly, traffic).values[7], 7'500) << "100 where 50 are usual";
  EXPECT_EQ(judged(costly, traffic).distances[1], 50U);
}

TEST(Answer, OfARatioNoScaleIsKnownAtFirstAndThenNoRatio) {
  RolloutTraffic traffic;
  traffic.scales[2] = {ValueMetric::kTokenTime, 0, 2'000};
  Answer of = answer(500, 0);
  of.duration_us = 1'100'000;
  EXPECT_EQ(judged(of, traffic).values[2], kNoValue);
  EXPECT_EQ(judged(of, traffic).distances[0], 100'000U);
  of.counted = false;
  EXPECT_EQ(judged(of, traffic).distances[0], kNoDistance);
  of.counted = true;
  traffic.scales[2] = {ValueMetric::kTokenTime, 400'000, 0};
  EXPECT_EQ(judged(of, traffic).values[2], kNoValue);
  EXPECT_EQ(judged(of, traffic).distances[0], kNoDistance);
  traffic.scales[2] = {ValueMetric::kTokenTime, 400'000, 2'000};
  of.outcome = OutcomeClass::kTruncated;
  EXPECT_EQ(judged(of, traffic).distances[0], kNoDistance);
}

TEST(ModelName, KeepsWhatMayBeALabel) {
  EXPECT_TRUE(ModelName("").empty());
  EXPECT_EQ(ModelName("meta-llama/Llama-3.1-8B").view(), "meta-llama/Llama-3.1-8B");
  const std::string longest(ModelName::kMost, 'm');
  EXPECT_EQ(ModelName(longest).view(), longest);
  EXPECT_EQ(ModelName(longest + "m").view(), "other");
  for (const char* const odd : {"a b", "a\nb", "\x7f", "l\xc3\xbc"}) EXPECT_EQ(ModelName(odd).view(), "other") << odd;
}

}  // namespace
}  // namespace weir
