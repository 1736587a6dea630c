// What a plan lets a candidate cost its users, and budgets that cannot do what they say.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/load/load.h"

namespace weir::config {
namespace {

const Environment kNothing{[](const std::string&) { return std::optional<std::string>(); },
                           [](const std::string&) { return std::optional<std::string>(); }};

struct Given {
  std::string rollout;  // keys, from line 9 on
  std::string route = ", inspect: auto";
  std::string version = ", prices: { input: 1, output: 2 }";
};

LoadResult load_plan(const Given& given) {
  return load(
      "listeners: [ { address: 127.0.0.1:8080 } ]\n"
      "routes: [ { match: { pathPrefix: / }, service: chat" +
          given.route +
          " } ]\n"
          "services:\n"
          "  chat:\n"
          "    versions:\n"
          "      v1: { endpoints: [\"http://127.0.0.1:9001\"], prices: { input: 1, output: 2 } }\n"
          "      v2: { endpoints: [\"http://127.0.0.1:9002\"]" +
          given.version +
          " }\n"
          "rollouts: { chat: { baseline: v1, " +
          given.rollout + " } }\n",
      kNothing);
}

std::vector<std::string> problems_of(const Given& given) {
  std::vector<std::string> said;
  for (const Problem& problem : load_plan(given).problems) said.push_back(format(problem, "plan"));
  return said;
}

TEST(MaxExposure, IsReadAndNothingIsLimitedWithoutIt) {
  const LoadResult given = load_plan(
      {.rollout = "candidate: v2, maxExposure: { excessFailures: 50, extraCost: 2.00, failedRequests: 500 }"});
  ASSERT_TRUE(given.ok());
  EXPECT_TRUE(given.problems.empty());
  const MaxExposure& most = given.config->rollouts.at("chat").max_exposure;
  EXPECT_EQ(most.excess_failures, 50U);
  EXPECT_EQ(most.extra_cost, 2.0);
  EXPECT_EQ(most.failed_requests, 500U);
  const LoadResult without = load_plan({.rollout = "candidate: v2"});
  ASSERT_TRUE(without.ok());
  EXPECT_FALSE(without.config->rollouts.at("chat").max_exposure.limits());
}

TEST(MaxExposure, SaysWhatIsWrong) {
  const std::string before = "candidate: v2, maxExposure: ";
  const std::string path = "rollouts.chat.maxExposure";
  const std::vector<std::pair<Given, std::string>> plans = {
      {{.rollout = before + "{ excessFailures: 0 }"},
       "plan:8:81: error: " + path + ".excessFailures: \"0\"; expected a whole number, from 1 to 1000000000"},
      {{.rollout = before + "{ extraCost: 0 }"},
       "plan:8:76: error: " + path + ".extraCost: \"0\"; expected a number, from 0.000001 to 1000000000"},
      {{.rollout = before + "{ failedRequests: 5% }"},
       "plan:8:81: error: " + path + ".failedRequests: \"5%\"; expected a whole number, from 1 to 1000000000"},
      {{.rollout = before + "{ excessFailure: 50 }"},
       "plan:8:65: error: " + path + ".excessFailure is no known key; did you mean excessFailures?"},
      {{.rollout = "strategy: aa, maxExposure: { excessFailures: 50 }"},
       "plan:8:62: error: " + path +
           ": both arms are the same version, and nobody is exposed to another; expected the key left out, or "
           "strategy: canary"},
      {{.rollout = before + "{}"},
       "plan:8:63: warning: " + path + " limits nothing; expected excessFailures, extraCost or failedRequests"},
      {{.rollout = before + "{ excessFailures: 5 }"},
       "plan:8:81: warning: " + path +
           ".excessFailures: an excess counts from 10 failed requests on, so that fewer than that end nothing; "
           "expected "
           "at least 10, or failedRequests"},
      {{.rollout = before + "{ excessFailures: 50, failedRequests: 50 }"},
       "plan:8:81: warning: " + path +
           ".excessFailures is never reached: failedRequests counts the same ones, and is no higher; expected "
           "excessFailures below failedRequests, or one of them"},
      {{.rollout = before + "{ extraCost: 2 }", .version = ""},
       "plan:8:76: warning: " + path +
           ".extraCost has no data: v2 has no prices; expected prices: { input: 0.15, output: 0.6 } in "
           "services.chat.versions.v2"},
      {{.rollout = before + "{ failedRequests: 500 }, analysis: off"},
       "plan:8:98: warning: rollouts.chat.analysis is off: nothing is judged, and a bad candidate is taken back by "
       "maxExposure alone; expected guards"},
  };
  for (const auto& [given, message] : plans) {
    EXPECT_EQ(problems_of(given), std::vector<std::string>{message}) << given.rollout;
  }
}

TEST(MaxExposure, WarnsOfCostsThatNothingReads) {
  const std::vector<std::string> said =
      problems_of({.rollout = "candidate: v2, maxExposure: { extraCost: 2 }", .route = ""});
  const std::string wanted =
      "plan:8:76: warning: rollouts.chat.maxExposure.extraCost: no route of chat looks into answers, and costs are "
      "read "
      "from them; expected inspect: auto on its route";
  EXPECT_EQ(std::count(said.begin(), said.end(), wanted), 1) << testing::PrintToString(said);
}

}  // namespace
}  // namespace weir::config
