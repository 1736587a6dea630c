// Plans that the project itself writes have to be right.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/default_plan.h"
#include "config/load/load.h"

namespace weir::config {
namespace {

const Environment kNothing{[](const std::string&) { return std::optional<std::string>(); },
                           [](const std::string&) { return std::optional<std::string>(); }};

TEST(Plans, TheDefaultPlanIsRight) {
  const LoadResult result = load(default_plan_yaml({}), kNothing);
  for (const Problem& problem : result.problems) ADD_FAILURE() << format(problem, "default");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.config->rollouts.at("default").steps.size(), 5U);
  EXPECT_EQ(result.config->services.at("default").versions.at("v2").endpoints.at(0).port, 9002);
}

TEST(Plans, AnOptionOfTheDefaultPlanCannotWriteYaml) {
  const LoadResult result = load(
      default_plan_yaml({.baseline = "http://a:1\"]}\nx: [", .candidate = "http://b:2", .listen = ":1"}), kNothing);
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_NE(result.problems[0].what.find("services.default.versions.v1.endpoints"), std::string::npos);
}

TEST(Plans, EveryExampleIsRight) {
  int checked = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(WEIR_SOURCE_DIR) + "/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    for (const Problem& problem : load(text.str(), kNothing).problems) {
      ADD_FAILURE() << format(problem, entry.path().string());
    }
    ++checked;
  }
  EXPECT_GE(checked, 4);
}

}  // namespace
}  // namespace weir::config
