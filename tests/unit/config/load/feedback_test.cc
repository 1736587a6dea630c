// Where scores are posted, and what is kept for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "config/load/load.h"

namespace weir::config {
namespace {

using testing::ElementsAre;

LoadResult with(const std::string& feedback) {
  const auto secret = [](const std::string&) { return std::optional<std::string>("secret-of-many-bytes\n"); };
  return load("listeners: [ { address: 127.0.0.1:8080 } ]\n"
              "services: { chat: { versions: { v1: { endpoints: [\"http://127.0.0.1:9001\"] } } } }\n"
              "routes: [ { match: { pathPrefix: / }, service: chat } ]\n"
              "feedback: " +
                  feedback + "\n",
              {secret, secret});
}

std::vector<std::string> problems(const std::string& feedback) {
  std::vector<std::string> lines;
  for (const Problem& problem : with(feedback).problems) lines.push_back(format(problem, "plan"));
  return lines;
}

TEST(LoadFeedback, ReadsWhatIsGiven) {
  const LoadResult result = with("{ memory: 1GiB, sample: 10%, address: 0.0.0.0:9902, token: { env: TOKEN } }");
  ASSERT_TRUE(result.ok()) << format(result.problems.at(0), "plan");
  EXPECT_EQ(result.config->feedback.memory, std::uint64_t{1} << 30);
  EXPECT_EQ(result.config->feedback.sample_ppm, 100'000U);
  EXPECT_EQ(result.config->feedback.address, "0.0.0.0:9902");
  EXPECT_EQ(result.config->feedback.token->value, "secret-of-many-bytes");
  EXPECT_EQ(with("{}").config->feedback.address, "");
}

TEST(LoadFeedback, RefusesAnAddressThatAnybodyCouldPostTo) {
  EXPECT_THAT(problems("{ address: 0.0.0.0:9902 }"),
              ElementsAre("plan:4:22: error: feedback.address is not loopback, and there is no feedback.token; expected "
                          "token: { env: NAME } or { file: PATH }"));
}

TEST(LoadFeedback, RefusesAnAddressThatIsTaken) {
  EXPECT_THAT(problems("{ address: 127.0.0.1:9901 }"),
              ElementsAre("plan:4:22: error: feedback.address is the admin API's, 127.0.0.1:9901, where scores are taken "
                          "anyway; expected an address of its own, or none"));
  EXPECT_THAT(problems("{ address: 127.0.0.1:8080 }"),
              ElementsAre("plan:1:25: error: listeners[0].address is feedback.address, 127.0.0.1:8080; expected an "
                          "address of its own"));
}

TEST(LoadFeedback, BoundsItsMemory) {
  EXPECT_THAT(problems("{ memory: 1KiB }"),
              ElementsAre("plan:4:21: error: feedback.memory: \"1KiB\"; expected a size with a unit (B, KiB, MiB, GiB), "
                          "such as 64KiB, from 1MiB to 6GiB"));
}

}  // namespace
}  // namespace weir::config
