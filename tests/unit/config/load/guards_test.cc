// Guards as plans say them: their margins, and what they cannot mean.
#include "config/guards.h"

#include <gtest/gtest.h>

#include "config/load/load.h"

namespace weir::config {
namespace {

Environment environment() {
  return {[](const std::string&) { return std::optional<std::string>(); },
          [](const std::string&) { return std::optional<std::string>(); }};
}

std::vector<std::string> problems_of(const std::string& yaml) {
  std::vector<std::string> lines;
  for (const Problem& problem : load(yaml, environment()).problems) lines.push_back(format(problem, "plan"));
  return lines;
}

// A whole plan; the list begins in line 8.
std::string guards(const std::string& list) {
  return "listeners: [ { address: \"127.0.0.1:8080\" } ]\n"
         "routes: [ { match: {}, service: chat, inspect: auto } ]\n"
         "services: { chat: { versions: { v1: { endpoints: [\"http://127.0.0.1:9001\"] }, "
         "v2: { endpoints: [\"http://127.0.0.1:9002\"] } } } }\n"
         "rollouts:\n"
         "  chat:\n"
         "    baseline: v1\n"
         "    candidate: v2\n"
         "    analysis: { guards: [ " +
         list + " ] }\n";
}

struct BadPlan {
  std::string yaml;
  std::string message;
};

// The margin of each guard that is not on by default, where the plan says no more than has to be said.
TEST(Load, GivesEveryGuardItsMargin) {
  struct Case {
    std::string guard;
    Family family;
    double relative;
    double absolute;
  };
  const std::vector<Case> cases = {
      {"metric: timeToHeaders, quantile: 0.5", Family::kTime, 0.05, 0},
      {"metric: timeToFirstOutput, quantile: 0.9", Family::kTime, 0.1, 0},
      {"metric: timeToFirstOutput", Family::kTime, 0.2, 0},
      {"metric: chunkGap, quantile: 0.5", Family::kTime, 0.2, 0},
      {"metric: tokensPerRequest", Family::kAmount, 0.05, 0},
      {"metric: costPerRequest, cap: 0.25", Family::kAmount, 0.05, 0},
      {"metric: tokensPerSecond", Family::kRatio, 0.05, 0},
      {"metric: costPer1kTokens", Family::kRatio, 0.05, 0},
      {"metric: tokensPerSecond, allowedDegradation: { relative: 100% }", Family::kRatio, 1, 0},
      {"metric: finishReason, is: length", Family::kRate, 0.1, 0.005},
      {"metric: emptyOutput", Family::kRate, 0.1, 0.005},
      {"metric: invalidOutput", Family::kRate, 0.1, 0.005},
      {"metric: truncated", Family::kRate, 0.1, 0.005},
      {"metric: feedback, name: relevance", Family::kScore, 0, 0.02},
      {"metric: feedback, name: stars, scale: { from: 1, to: 5 }", Family::kScore, 0, 0.08},
      {"metric: feedback, name: thumbs, binary: true", Family::kRate, 0.1, 0.005},
      {"metric: feedback, name: toxicity, better: lower, allowedDegradation: { relative: 10% }", Family::kScore, 0.1,
       0},
  };
  for (const Case& c : cases) {
    const LoadResult result = load(guards("{ " + c.guard + " }"), environment());
    ASSERT_TRUE(result.ok()) << c.guard << testing::PrintToString(problems_of(guards("{ " + c.guard + " }")));
    const std::vector<Guard>& all = result.config->rollouts.at("chat").analysis.guards;
    ASSERT_EQ(all.size(), 6U) << c.guard;
    EXPECT_EQ(family_of(all.back()), c.family) << c.guard;
    EXPECT_DOUBLE_EQ(all.back().relative, c.relative) << c.guard;
    EXPECT_DOUBLE_EQ(all.back().absolute, c.absolute) << c.guard;
  }
}

TEST(Load, RefusesWhatAGuardCannotMean) {
  const auto line = [](std::size_t column, const std::string& text) {
    return "plan:8:" + std::to_string(column) + ": error: rollouts.chat.analysis.guards[0]" + text;
  };
  const std::vector<BadPlan> plans = {
      {guards("{ metric: chunkGap, quantile: 0.7 }"),
       line(27, ": this quantile has no margin of its own; expected allowedDegradation")},
      {guards("{ metric: finishReason }"),
       line(27, ".is is missing; expected the finish reason that must not come more often, such as length")},
      {guards("{ metric: feedback }"), line(27, ".name is missing; expected the scores' name, such as relevance")},
      {guards("{ metric: emptyOutput, is: stop }"), line(54, ".is: emptyOutput has none; expected the key left out")},
      {guards("{ metric: latency, cap: 5 }"), line(51, ".cap: latency has none; expected the key left out")},
      {guards("{ metric: tokensPerSecond, cap: 5 }"),
       line(59, ".cap: tokensPerSecond has none; expected the key left out")},
      {guards("{ metric: costPer1kTokens, max: 5% }"),
       line(59, ".max: a mean has no ceiling; expected allowedDegradation alone")},
      {guards("{ metric: costPer1kTokens, allowedDegradation: { absolute: 5 } }"),
       line(86, ".allowedDegradation.absolute: of a ratio there is none; expected relative alone")},
      {guards("{ metric: tokensPerSecond, allowedDegradation: { relative: 101% } }"),
       line(86, ".allowedDegradation.relative: \"101%\"; expected at most 100%, for a ratio")},
      {guards("{ metric: tokensPerRequest, max: 5% }"),
       line(60, ".max: a mean has no ceiling; expected allowedDegradation alone")},
      {guards("{ metric: feedback, name: a, scale: { from: 2, to: 2 } }"),
       line(63, ".scale: no number lies between its ends; expected from below to")},
      {guards("{ metric: feedback, name: a, binary: true, scale: { from: 1 } }"),
       line(77, ".scale: a binary score is true or false; expected the key left out")},
      {guards("{ metric: feedback, name: a, allowedDegradation: { relative: 5% } }"),
       line(88, ".allowedDegradation.relative: of these scores, higher is better; expected absolute alone")},
      {guards("{ metric: feedback, name: a, allowedDegradation: { absolute: 5% } }"),
       line(88, ".allowedDegradation.absolute: \"5%\"; expected a number on the scale of the scores, without a unit")},
      {guards("{ metric: tokensPerRequest, allowedDegradation: { absolute: 5ms } }"),
       line(87, ".allowedDegradation.absolute: \"5ms\"; expected a number of what is counted, without a unit")},
      {guards("{ metric: truncated, allowedDegradation: { absolute: 5 } }"),
       line(80, ".allowedDegradation.absolute: \"5\"; expected a percentage, for a rate")},
  };
  for (const BadPlan& plan : plans) {
    std::vector<std::string> said = problems_of(plan.yaml);
    std::erase_if(said, [](const std::string& one) { return one.find(" has no data: ") != std::string::npos; });
    ASSERT_EQ(said.size(), 1U) << plan.yaml << testing::PrintToString(said);
    EXPECT_EQ(said[0], plan.message) << plan.yaml;
  }
}

TEST(Load, WarnsOfAGuardThatNothingFeeds) {
  std::string yaml = guards("{ metric: truncated }, { metric: tokensPerRequest }");
  EXPECT_TRUE(problems_of(yaml).empty());
  yaml.erase(yaml.find(", inspect: auto"), std::string(", inspect: auto").size());
  EXPECT_EQ(problems_of(yaml),
            std::vector<std::string>{"plan:8:25: warning: rollouts.chat.analysis.guards: no route of chat looks into "
                                     "answers, and tokensPerRequest is read from them; expected inspect: auto on its "
                                     "route"});
  EXPECT_TRUE(problems_of(guards("{ metric: feedback, name: relevance }")).empty());  // scores are posted
  for (const char* const ratio : {"tokensPerSecond", "costPer1kTokens"}) {
    yaml = guards(std::string("{ metric: ") + ratio + " }");
    yaml.erase(yaml.find(", inspect: auto"), std::string(", inspect: auto").size());
    ASSERT_FALSE(problems_of(yaml).empty()) << ratio;
    EXPECT_NE(problems_of(yaml)[0].find(std::string("looks into answers, and ") + ratio), std::string::npos) << ratio;
  }
}

TEST(Load, WarnsOfCostsOfAVersionWithoutPrices) {
  std::string yaml = guards("{ metric: costPerRequest }");
  const std::string prices = "], prices: { input: 1, output: 2 } }";
  const auto give = [&](const std::string& url) { yaml.replace(yaml.find(url) + url.size() + 1, 3, prices); };
  EXPECT_EQ(problems_of(yaml).size(), 2U);
  give("http://127.0.0.1:9001");
  EXPECT_EQ(problems_of(yaml),
            std::vector<std::string>{"plan:8:25: warning: rollouts.chat.analysis.guards: costPerRequest has no data: v2 "
                                     "has no prices; expected prices: { input: 0.15, output: 0.6 } in "
                                     "services.chat.versions.v2"});
  give("http://127.0.0.1:9002");
  EXPECT_TRUE(problems_of(yaml).empty()) << testing::PrintToString(problems_of(yaml));
  const std::vector<std::string> of_ratio = problems_of(guards("{ metric: costPer1kTokens }"));
  ASSERT_EQ(of_ratio.size(), 2U);
  EXPECT_NE(of_ratio[1].find("costPer1kTokens has no data: v2 has no prices"), std::string::npos) << of_ratio[1];
  EXPECT_TRUE(problems_of(guards("{ metric: tokensPerSecond }")).empty());
}

}  // namespace
}  // namespace weir::config
