#include "app/cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli/client_commands.h"
#include "base/json.h"

namespace weir::app {
namespace {

using testing::HasSubstr;
using testing::Not;

Invocation parsed(const std::vector<std::string>& arguments) {
  const ParsedCommandLine line = parse_command_line(arguments);
  EXPECT_TRUE(line.invocation.has_value()) << line.text;
  return line.invocation.value_or(Invocation{});
}

void expect_usage_error(const std::vector<std::string>& arguments, const std::string& says) {
  const ParsedCommandLine line = parse_command_line(arguments);
  EXPECT_FALSE(line.invocation.has_value());
  EXPECT_EQ(line.exit_code, kExitUsage);
  EXPECT_THAT(line.text, HasSubstr(says));
  EXPECT_THAT(line.text, HasSubstr("--help"));
}

TEST(Parse, RunTakesAFileOrTwoUrls) {
  EXPECT_EQ(parsed({"run", "weir.yaml"}).run.file, "weir.yaml");
  const Invocation urls =
      parsed({"run", "--baseline", "http://a:1", "--candidate", "http://b:2", "--listen", "[::]:80"});
  EXPECT_EQ(urls.verb, Verb::kRun);
  EXPECT_EQ(urls.run.candidate, "http://b:2");
  EXPECT_EQ(urls.run.listen, "[::]:80");
}

TEST(Parse, RunSaysWhatIsMissing) {
  expect_usage_error({"run"}, "needs a plan FILE");
  expect_usage_error({"run", "weir.yaml", "--baseline", "http://a"}, "not both");
  expect_usage_error({"run", "--baseline", "http://a"}, "--candidate");
  expect_usage_error({"run", "weir.yaml", "--listen", "0.0.0.0:80"}, "--listen");
  expect_usage_error({"run", "--baseline", "notaurl", "--candidate", "http://b:2"},
                     "--baseline: \"notaurl\" is no http://");
  expect_usage_error({"run", "--baseline", "http://a:1", "--candidate", "http://b:2", "--listen", "a.example:80"},
                     "--listen: \"a.example:80\"");
  expect_usage_error({"run", "weir.yaml", "--log-level", "loud"}, "--log-level");
}

TEST(Parse, RolloutCommandsNeedAService) {
  expect_usage_error({"abort"}, "SERVICE");
  EXPECT_EQ(parsed({"abort", "chat"}).service, "chat");
  EXPECT_TRUE(parsed({"promote", "chat", "--full"}).full);
  EXPECT_EQ(parsed({"undo", "chat", "--admin", "http://h:1"}).target.admin, "http://h:1");
}

TEST(Parse, SimulateTakesAPlanAndWhatIsWrong) {
  const Invocation plain = parsed({"simulate", "weir.yaml"});
  EXPECT_EQ(plain.verb, Verb::kSimulate);
  EXPECT_EQ(plain.simulate.runs, 1U);
  const Invocation wrong = parsed({"simulate", "--regress", "errors=1%", "weir.yaml", "chat", "--regress", "p99=x2",
                                   "--after", "1h", "--rps", "0.5", "--users", "7", "--seed", "9", "--runs", "3"});
  EXPECT_EQ(wrong.service, "chat");
  EXPECT_EQ(wrong.simulate.regress, (std::vector<std::string>{"errors=1%", "p99=x2"}));
  EXPECT_EQ(wrong.traffic.rps, 0.5);
  EXPECT_EQ(wrong.simulate.seed, 9U);
  const Invocation told = parsed({"simulate", "weir.yaml", "--baseline-errors", "2%", "--baseline-p50", "1.5s"});
  EXPECT_DOUBLE_EQ(told.traffic.errors.value(), 0.02);
  EXPECT_EQ(told.traffic.p50, config::Duration(1'500));
  EXPECT_FALSE(plain.traffic.rps || plain.traffic.errors || plain.traffic.p50);
  expect_usage_error({"simulate"}, "FILE");
  expect_usage_error({"simulate", "weir.yaml", "--runs", "0"}, "--runs");
  expect_usage_error({"simulate", "weir.yaml", "--rps", "-1"}, "--rps");
  expect_usage_error({"simulate", "weir.yaml", "--users", "many"}, "--users");
}

TEST(Parse, WeightIsAPercentage) {
  EXPECT_EQ(parsed({"weight", "chat", "0.01"}).weight_ppm, 100U);
  EXPECT_EQ(parsed({"weight", "chat", "1%"}).weight_ppm, 10'000U);
  EXPECT_EQ(parsed({"weight", "chat", "0"}).weight_ppm, 0U);
  expect_usage_error({"weight", "chat", "99.99999"}, "in steps of 0.0001");
  expect_usage_error({"weight", "chat", "1e-8"}, "in steps of 0.0001");
  expect_usage_error({"weight", "chat", "101"}, "101");
  expect_usage_error({"weight", "chat", "-1"}, "weir weight");
  expect_usage_error({"weight", "chat", "ten"}, "ten");
}

TEST(Parse, UnknownWordsAreRefused) {
  expect_usage_error({"promot", "chat"}, "\"promot\" is no command; did you mean `promote`?");
  expect_usage_error({"statsu"}, "did you mean `status`?");
  expect_usage_error({"xyzzyxyzzy"}, "\"xyzzyxyzzy\" is no command\n");
  expect_usage_error({"flags", "eval"}, "`flags` is not in this version");
  expect_usage_error({"status", "--colour"}, "--colour");
  expect_usage_error({}, "weir");
}

TEST(Parse, HelpTeachesAndExitsCleanly) {
  const ParsedCommandLine top = parse_command_line({"--help"});
  EXPECT_EQ(top.exit_code, kExitOk);
  EXPECT_THAT(top.text, HasSubstr("weir run --baseline http://127.0.0.1:9001"));
  EXPECT_THAT(top.text, HasSubstr("Exit codes:"));
  EXPECT_THAT(top.text, HasSubstr("WEIR_ADMIN"));
  for (const char* verb :
       {"run",   "init",  "check", "explain", "schema",  "status", "watch",  "promote", "pause",  "resume",
        "abort", "retry", "undo",  "weight",  "history", "replay", "reload", "drain",   "health", "version"}) {
    EXPECT_THAT(top.text, HasSubstr(std::string("\n  ") + verb + " ")) << verb;
    const ParsedCommandLine own = parse_command_line({verb, "--help"});
    EXPECT_EQ(own.exit_code, kExitOk) << verb;
    EXPECT_FALSE(own.invocation.has_value()) << verb;
    EXPECT_THAT(own.text, HasSubstr(std::string("weir ") + verb));
    EXPECT_THAT(own.text, Not(HasSubstr("Start here")));
  }
  EXPECT_THAT(parse_command_line({"check", "--help"}).text, HasSubstr("0 clean, 1 warnings, 2 errors"));
}

TEST(Parse, ExplainTakesWhatIsKnownOfTheTraffic) {
  const Invocation bare = parsed({"explain", "weir.yaml"});
  EXPECT_EQ(bare.verb, Verb::kExplain);
  EXPECT_EQ(bare.file, "weir.yaml");
  EXPECT_FALSE(bare.traffic.rps || bare.traffic.errors || bare.traffic.p50);
  const Invocation all = parsed({"explain", "weir.yaml", "--rps", "0.5", "--baseline-errors", "0.2%", "--baseline-p50",
                                 "1.5s", "--design-effect", "2", "--service", "chat", "--format", "json"});
  EXPECT_EQ(all.traffic.rps, 0.5);
  EXPECT_DOUBLE_EQ(all.traffic.errors.value(), 0.002);
  EXPECT_EQ(all.traffic.p50, config::Duration(1'500));
  EXPECT_EQ(all.traffic.design_effect, 2);
  EXPECT_EQ(all.service, "chat");
  expect_usage_error({"explain"}, "FILE");
  expect_usage_error({"explain", "f", "--rps", "0"}, "--rps");
  expect_usage_error({"explain", "f", "--baseline-errors", "0.2"}, "--baseline-errors");
  expect_usage_error({"explain", "f", "--baseline-p50", "none"}, "--baseline-p50");
  expect_usage_error({"explain", "f", "--design-effect", "0.5"}, "--design-effect");
}

TEST(Parse, SaysWhichNumberItExpected) {
  expect_usage_error({"explain", "f", "--rps", "abc"}, "--rps: \"abc\" is no number from 0.001 to 1000000000\n");
  expect_usage_error({"explain", "f", "--rps", "5/s"}, "\"5/s\" is no number");
  expect_usage_error({"explain", "f", "--rps", "nan"}, "\"nan\" is no number");
  expect_usage_error({"explain", "f", "--design-effect", ""}, "\"\" is no number from 1 to 1000000");
  expect_usage_error({"simulate", "f", "--rps", "2e5"}, "\"2e5\" is no number from 0.001 to 100000");
  expect_usage_error({"simulate", "f", "--runs", "1.5"}, "\"1.5\" is no whole number from 1 to 100000");
  expect_usage_error({"simulate", "f", "--users", "-1"}, "\"-1\" is no whole number from 1 to 10000000");
  expect_usage_error({"simulate", "f", "--seed", "today"}, "\"today\" is no whole number from 0 to ");
  expect_usage_error({"history", "--limit", "\x1b[31m"}, "\" is no whole number from 1 to 1000");
  EXPECT_EQ(parsed({"explain", "f", "--rps", "1e3"}).traffic.rps, 1'000);
}

TEST(Parse, ALogLevelIsOneOfFiveWords) {
  EXPECT_EQ(parsed({"log-level", "off"}).level, "off");
  expect_usage_error({"log-level"}, "LEVEL");
  expect_usage_error({"log-level", "loud"}, "loud");
}

TEST(Parse, VersionHasAFlagToo) {
  EXPECT_EQ(parsed({"version"}).verb, Verb::kVersion);
  EXPECT_EQ(parsed({"--version"}).verb, Verb::kVersion);
}

TEST(CommandCall, NamesThePathOfTheApi) {
  EXPECT_EQ(command_call(parsed({"promote", "chat", "--full"})).target, "/api/v1/services/chat/promote?full=true");
  EXPECT_EQ(command_call(parsed({"pause", "a/b c"})).target, "/api/v1/services/a%2Fb%20c/pause");
  EXPECT_EQ(command_call(parsed({"reload"})).target, "/api/v1/reload");
  const CommandCall weight = command_call(parsed({"weight", "chat", "25"}));
  EXPECT_EQ(weight.target, "/api/v1/services/chat/weight");
  const CommandCall level = command_call(parsed({"log-level", "debug"}));
  EXPECT_EQ(level.target, "/api/v1/log-level");
  EXPECT_EQ(json::parse(level.body).value["level"].string(), "debug");
  EXPECT_EQ(json::parse(weight.body).value["percent"].number(), 25);
}

}  // namespace
}  // namespace weir::app
