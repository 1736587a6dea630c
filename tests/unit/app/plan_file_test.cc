#include "app/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace weir::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class PlanFileTest : public testing::Test {
 protected:
  PlanFileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-plan-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PlanFileTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = folder_ / name;
    std::ofstream(path) << text;
    return path;
  }

  std::filesystem::path folder_;
};

TEST_F(PlanFileTest, SaysWhyThereIsNoText) {
  const PlanFile none = read_plan_file(folder_ / "none.yaml");
  EXPECT_FALSE(none.ok());
  EXPECT_THAT(none.messages(), ElementsAre(HasSubstr("No such file")));
  EXPECT_THAT(read_plan_file(folder_).messages(), ElementsAre(HasSubstr("it is a directory")));
}

TEST_F(PlanFileTest, MessagesNameTheFile) {
  const std::string path = write("bad.yaml", "workers: x\n");
  EXPECT_THAT(read_plan_file(path).messages(), testing::Contains(StartsWith(path + ":1:10: error: ")));
}

TEST_F(PlanFileTest, ResolvesSecretsFromFiles) {
  const std::string secret = write("token", "s3cret-of-many-bytes\n");
  const std::string path = write("plan.yaml",
                                 "listeners: [ { address: \"127.0.0.1:1\" } ]\n"
                                 "admin: { token: { file: \"" +
                                     secret +
                                     "\" } }\n"
                                     "services: { a: { versions: { v: { endpoints: [ \"http://127.0.0.1:2\" ] } } } }\n"
                                     "routes: [ { match: { pathPrefix: / }, service: a } ]\n");
  const PlanFile plan = read_plan_file(path);
  ASSERT_TRUE(plan.ok()) << testing::PrintToString(plan.messages());
  EXPECT_EQ(plan.loaded.config->admin.token->value, "s3cret-of-many-bytes");
}

TEST(DefaultPlan, TakesTheTwoUrls) {
  const PlanFile plan = read_default_plan({.baseline = "http://10.0.0.1:1", .candidate = "http://10.0.0.2:2"});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan.loaded.config->services.at("default").versions.at("v2").endpoints.at(0).port, 2);
  EXPECT_FALSE(read_default_plan({.baseline = "nonsense"}).ok());
}

}  // namespace
}  // namespace weir::app
