#include "base/answer.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

RolloutTraffic capped(std::uint64_t tokens, std::uint64_t micros) {
  RolloutTraffic traffic;
  traffic.caps[1] = {ValueMetric::kTokens, tokens};
  traffic.caps[3] = {ValueMetric::kCost, micros};
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

TEST(Answer, IsJudgedInSharesOfItsCap) {
  EXPECT_EQ(judged_values(answer(250, 900), capped(1'000, 300)), (Values{kNoValue, 2'500, kNoValue, kWholeValue}));
  EXPECT_EQ(judged_values(answer(0, 1), capped(1'000, 3)), (Values{kNoValue, 0, kNoValue, 3'333}));
  EXPECT_EQ(judged_values(answer(2, 0), capped(3, 300)), (Values{kNoValue, 6'667, kNoValue, 0}));
  const std::uint64_t most = 1'000'000'000'000'000;
  EXPECT_EQ(judged_values(answer(4'294'967'295, most + 1), capped(1, most))[3], kWholeValue);
}

TEST(Answer, HasNoValueWithoutACapOrWhenNobodySaidIt) {
  const Values none{kNoValue, kNoValue, kNoValue, kNoValue};
  EXPECT_EQ(judged_values(answer(250, 900), {}), none);
  Answer silent = answer(250, 900);
  silent.counted = silent.priced = false;
  EXPECT_EQ(judged_values(silent, capped(1'000, 300)), none);
  Answer cut = answer(250, 900);
  cut.outcome = OutcomeClass::kTruncated;
  EXPECT_EQ(judged_values(cut, capped(1'000, 300)), none);
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
