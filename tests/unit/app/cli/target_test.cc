#include "app/cli/target.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weir::app {
namespace {

PlanAdmin plan_of(const std::string& path) {
  if (path == "bad.yaml") return {.address = {}, .token = {}, .error = "bad.yaml:1:1: no"};
  return {.address = "0.0.0.0:7000", .token = "from-plan", .error = {}};
}

TEST(AdminUrl, IsHostAndPort) {
  EXPECT_EQ(parse_admin_url("http://127.0.0.1:9901"), (config::HostPort{"127.0.0.1", 9901}));
  EXPECT_EQ(parse_admin_url("localhost:1/"), (config::HostPort{"localhost", 1}));
  EXPECT_EQ(parse_admin_url("http://weir.internal"), (config::HostPort{"weir.internal", 80}));
  EXPECT_EQ(parse_admin_url("http://[::1]:9901"), (config::HostPort{"::1", 9901}));
  for (const char* wrong : {"", "http://", "https://h:1", "http://h:0", "http://h:70000", "http://h:1x", "http://h/api",
                            "http://u@h:1", "[::1", "h:"}) {
    EXPECT_FALSE(parse_admin_url(wrong).has_value()) << wrong;
  }
}

TEST(Target, TypedOutranksExportedOutranksDefault) {
  const auto host = [](const TargetArguments& arguments, const Environment& environment) {
    return resolve_target(arguments, environment, plan_of).options.address;
  };
  EXPECT_EQ(host({}, {}), (config::HostPort{"127.0.0.1", 9901}));
  EXPECT_EQ(host({}, {.admin = "http://env:1", .token = {}}), (config::HostPort{"env", 1}));
  EXPECT_EQ(host({.admin = {}, .config = "p.yaml", .token_file = {}}, {.admin = "http://env:1", .token = {}}),
            (config::HostPort{"127.0.0.1", 7000}));
  EXPECT_EQ(
      host({.admin = "http://arg:2", .config = "p.yaml", .token_file = {}}, {.admin = "http://env:1", .token = {}}),
      (config::HostPort{"arg", 2}));
}

TEST(Target, TokenFromFileThenEnvironmentThenPlan) {
  const auto path = std::filesystem::path(testing::TempDir()) / "target_test.token";
  std::ofstream(path) << "from-file\n";
  const TargetArguments plan{.admin = {}, .config = "p.yaml", .token_file = {}};
  EXPECT_EQ(resolve_target(plan, {}, plan_of).options.token, "from-plan");
  EXPECT_EQ(resolve_target(plan, {.admin = {}, .token = "from-env"}, plan_of).options.token, "from-env");
  const TargetArguments file{.admin = {}, .config = "p.yaml", .token_file = path.string()};
  EXPECT_EQ(resolve_target(file, {.admin = {}, .token = "from-env"}, plan_of).options.token, "from-file");
}

TEST(Target, ATokenFileHoldsOneWord) {
  const auto path = std::filesystem::path(testing::TempDir()) / "target_test_word.token";
  for (const char* text : {"", "\n", "two words\n", "one\ntwo\n", "\ttab"}) {
    std::ofstream(path, std::ios::trunc) << text;
    EXPECT_NE(resolve_target({.admin = {}, .config = {}, .token_file = path.string()}, {}, plan_of).error, "") << text;
  }
}

TEST(Target, SaysWhatIsWrong) {
  EXPECT_EQ(resolve_target({.admin = {}, .config = "bad.yaml", .token_file = {}}, {}, plan_of).error,
            "bad.yaml:1:1: no");
  EXPECT_NE(resolve_target({.admin = "ftp://x:1", .config = {}, .token_file = {}}, {}, plan_of).error, "");
  EXPECT_NE(resolve_target({.admin = {}, .config = {}, .token_file = "/no/such/file"}, {}, plan_of).error, "");
}

TEST(AdminClient, SaysThatNobodyAnswers) {
  const AdminClient client({.address = {"127.0.0.1", 1}, .token = {}, .actor = {}, .timeout = std::chrono::seconds(5)});
  const AdminReply reply = client.get("/healthz");
  EXPECT_EQ(reply.status, 0);
  EXPECT_FALSE(reply.error.empty());
}

}  // namespace
}  // namespace weir::app
