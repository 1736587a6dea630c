#include "app/explain/caution_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::app {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPlan = R"(listeners: [ { address: "127.0.0.1:8080" } ]
services:
  chat:
    versions:
      v1: { endpoints: ["http://127.0.0.1:9001"] }
      v2: { endpoints: ["http://127.0.0.1:9002"] }
    TRAFFIC
routes:
  - { match: { pathPrefix: / }, service: chat }
rollouts:
  chat:
    baseline: v1
    candidate: v2
    steps:
      - setWeight: 1
      - hold: { atLeast: 1m, atMost: 30m }
      - setWeight: 25
    analysis: { guards: [ { metric: errorRate, allowedDegradation: { relative: 0%, absolute: MARGIN } } ] }
)";

std::vector<config::Problem> problems(const std::string& traffic, const std::string& margin = "0.1%") {
  std::string text(kPlan);
  text.replace(text.find("TRAFFIC"), 7, traffic);
  text.replace(text.find("MARGIN"), 6, margin);
  const config::LoadResult plan = config::load(text, {});
  EXPECT_TRUE(plan.ok()) << (plan.problems.empty() ? "" : plan.problems.front().what);
  return forecast_problems(plan);
}

TEST(ForecastProblems, NameTheStepThatIsTooSlowForThePlansTraffic) {
  const std::vector<config::Problem> found = problems("traffic: { requestsPerSecond: 20 }");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, config::Problem::Severity::kWarning);
  EXPECT_EQ(found[0].position.line, 15);
  EXPECT_EQ(found[0].position.column, 20);
  EXPECT_THAT(found[0].what, HasSubstr("the step at 1% cannot conclude before its atMost of 30m"));
  EXPECT_THAT(found[0].expected, HasSubstr("a longer atMost"));
}

TEST(ForecastProblems, AreNoneWhereThereIsTrafficEnoughOrNobodySaysHowMuch) {
  EXPECT_TRUE(problems("traffic: { requestsPerSecond: 500 }").empty());
  EXPECT_TRUE(problems("").empty());
}

TEST(ForecastProblems, AGateThatNeedsMoreThanAnybodyServesIsAnErrorAtAnyTraffic) {
  for (const char* traffic : {"", "traffic: { requestsPerSecond: 500 }"}) {
    const std::vector<config::Problem> found = problems(traffic, "0.000001%");
    ASSERT_EQ(found.size(), 2U) << traffic;
    EXPECT_EQ(found[0].severity, config::Problem::Severity::kError);
    EXPECT_THAT(found[0].what, HasSubstr("errorRate never lets the step at 1% go on"));
    EXPECT_EQ(found[1].position.line, 17);
  }
}

TEST(ForecastProblems, ACeilingBelowTheNamedBaselineIsAWarning) {
  const auto of = [](const std::string& traffic) {
    std::string text(kPlan);
    text.replace(text.find("TRAFFIC"), 7, traffic);
    const std::string margin = "relative: 0%, absolute: MARGIN }";
    text.replace(text.find(margin), margin.size(), "relative: 10%, absolute: 1% }, max: 0.5%");
    return forecast_problems(config::load(text, {}));
  };
  const std::vector<config::Problem> found = of("traffic: { requestsPerSecond: 2000, errors: 2% }");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, config::Problem::Severity::kWarning);
  EXPECT_THAT(found[0].what, HasSubstr("a healthy candidate is taken back in the step at 1%, after about"));
  EXPECT_THAT(found[0].what, HasSubstr("errorRate has a max of 0.50 %, and the baseline's is 2 %"));
  EXPECT_EQ(found[0].position.line, 15);
  EXPECT_TRUE(of("traffic: { requestsPerSecond: 2000, errors: 0.1% }").empty());
  EXPECT_TRUE(of("traffic: { requestsPerSecond: 2000 }").empty()) << "nobody has named the errors";
}

}  // namespace
}  // namespace weir::app
