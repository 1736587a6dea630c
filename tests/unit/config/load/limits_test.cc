// Limits and timeouts that cannot be reached or kept: where they are told of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "config/load/load.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A plan whose lines 1 to 3 are these: keys of the file, of its listener and of its route; and of its version, line 4.
struct Said {
  std::string file = {};
  std::string listener = {};
  std::string route = {};
  std::string version = {};
};

std::vector<std::string> problems_of(const Said& said) {
  const std::string plan = "{ " + said.file + "\nlisteners: [ { address: \"127.0.0.1:1\", " + said.listener +
                           " } ],\nroutes: [ { match: {}, service: s, " + said.route +
                           " } ],\nservices: { s: { versions: { a: { endpoints: [ \"http://127.0.0.1:2\" ], " +
                           said.version + " } } } } }\n";
  const Environment nothing{[](const std::string&) { return std::optional<std::string>(); },
                            [](const std::string&) { return std::optional<std::string>(); }};
  std::vector<std::string> lines;
  for (const Problem& problem : load(plan, nothing).problems) lines.push_back(format(problem, "plan"));
  return lines;
}

TEST(LimitRules, HaveNothingAgainstTheDefaults) {
  EXPECT_THAT(problems_of({}), IsEmpty());
  EXPECT_THAT(problems_of({.file = "preset: sidecar,"}), IsEmpty());
  EXPECT_THAT(problems_of({.file = "limits: { upstreamConnections: 8, pending: 8 },",
                           .listener = "limits: { upstreamConnections: 8 }",
                           .route = "limits: { upstreamConnections: 4, pending: 2 }",
                           .version = "limits: { endpointConnections: 8, endpointPending: 8 }"}),
              IsEmpty());
}

TEST(LimitRules, TellOfAPlaceThatMayHaveMoreThanTheVersion) {
  EXPECT_THAT(
      problems_of({.route = "limits: { upstreamConnections: 2000 }"}),
      ElementsAre(
          "plan:3:67: warning: routes[0].limits.upstreamConnections: 2000 is more than any version of s may have "
          "(1024), so it is never reached; expected a smaller one, or a larger one for the version"));
  EXPECT_THAT(
      problems_of({.listener = "limits: { pending: 9 }", .version = "limits: { pending: 8 }"}),
      ElementsAre(HasSubstr("plan:2:59: warning: listeners[0].limits.pending: 9 is more than any version may")));
  EXPECT_THAT(problems_of({.route = "limits: { pending: 9 }", .version = "limits: { pending: 9 }"}), IsEmpty());
}

TEST(LimitRules, TellOfAnEndpointThatMayHaveMoreThanItsVersion) {
  const std::string never =
      "one endpoint may have more (endpointConnections: 9) than its version "
      "(upstreamConnections: 8), so its own is never reached";
  EXPECT_THAT(problems_of({.version = "limits: { endpointConnections: 9, upstreamConnections: 8 }"}),
              ElementsAre(HasSubstr("services.s.versions.a.limits.endpointConnections: " + never)));
  EXPECT_THAT(
      problems_of({.file = "limits: { endpointConnections: 9 },", .version = "limits: { upstreamConnections: 8 }"}),
      ElementsAre(HasSubstr("plan:4:")));
  EXPECT_THAT(problems_of({.file = "limits: { endpointConnections: 9, upstreamConnections: 8 },"}),
              ElementsAre(HasSubstr("plan:1:34: warning: limits.endpointConnections: " + never)));
}

TEST(LimitRules, TellOfWhatCannotBeSharedOutAmongTheWorkers) {
  const std::string more = "2 is shared out among 4 workers, of which each has 1: together they allow 4";
  EXPECT_THAT(problems_of({.file = "workers: 4, limits: { upstreamConnections: 2 },"}),
              ElementsAre(HasSubstr("plan:1:46: warning: limits.upstreamConnections: " + more)));
  EXPECT_THAT(problems_of({.file = "workers: 4,", .route = "limits: { pending: 2 }"}),
              ElementsAre(HasSubstr("routes[0].limits.pending: " + more)));
  EXPECT_THAT(problems_of({.file = "workers: 4,", .version = "limits: { upstreamConnections: 2 }"}),
              ElementsAre(HasSubstr("services.s.versions.a.limits.upstreamConnections: " + more)));
  EXPECT_THAT(problems_of({.file = "workers: 4, limits: { endpointConnections: 2 },"}),
              ElementsAre(HasSubstr("limits.endpointConnections: " + more)));
  EXPECT_THAT(problems_of({.file = "workers: 4, limits: { endpointConnections: 5 },"}),
              ElementsAre(HasSubstr("5 is shared out among 4 workers, of which each has 2: together they allow 8")));
  EXPECT_THAT(problems_of({.file = "workers: 4, limits: { endpointConnections: 31, pending: 8 },"}), IsEmpty());
  EXPECT_THAT(problems_of({.file = "limits: { upstreamConnections: 2 },"}), IsEmpty());  // as many as there are cores
}

TEST(LimitRules, TellOfAFieldThatMayBeLongerThanAllFields) {
  EXPECT_THAT(problems_of({.listener = "limits: { field: 64KiB }"}),
              ElementsAre(HasSubstr("plan:2:57: warning: listeners[0].limits: one field may have more bytes (field: "
                                    "64KiB) than all together (fields: 60KiB)")));
  EXPECT_THAT(problems_of({.file = "limits: { field: 8KiB },", .listener = "limits: { fields: 4KiB }"}),
              ElementsAre(HasSubstr("listeners[0].limits: one field may have more bytes (field: 8KiB)")));
  EXPECT_THAT(problems_of({.listener = "limits: { fields: 4KiB }"}), IsEmpty());
}

TEST(LimitRules, TellOfATimeThatIsLongerThanTheWholeRequests) {
  EXPECT_THAT(problems_of({.route = "timeouts: { total: 5s, responseHeader: 10s }"}),
              ElementsAre(HasSubstr("routes[0].timeouts: responseHeader (10s) is longer than total (5s), so it never "
                                    "passes; expected a shorter responseHeader, or a longer total")));
  EXPECT_THAT(problems_of({.file = "timeouts: { connect: 10s },", .route = "timeouts: { total: 5s }"}),
              ElementsAre(HasSubstr("plan:3:")));
  EXPECT_THAT(
      problems_of({.listener = "timeouts: { responseHeader: 10s }", .route = "timeouts: { total: 5s }"}),
      ElementsAre(HasSubstr("plan:3:55: warning: routes[0].timeouts: responseHeader (10s) is longer than total")));
  EXPECT_THAT(problems_of({.listener = "timeouts: { total: 5s }", .route = "timeouts: { bodyIdle: 10s }"}),
              ElementsAre(HasSubstr("routes[0].timeouts: bodyIdle (10s) is longer than total")));
  EXPECT_THAT(problems_of({.listener = "timeouts: { responseHeader: 10s }",
                           .route = "timeouts: { total: 5s, responseHeader: 4s }"}),
              IsEmpty());
  EXPECT_THAT(problems_of({.route = "timeouts: { total: 5s }"}), IsEmpty());  // the defaults are nobody's word
}

TEST(LimitRules, TellOfStreamsThatHaveLessTimeAtShutdown) {
  const std::string less = "streams have less time at shutdown (streamDrain: 5m) than other requests (drain: 10m)";
  EXPECT_THAT(problems_of({.file = "timeouts: { drain: 600s },"}),
              ElementsAre(HasSubstr("plan:1:22: warning: timeouts: " + less)));
  EXPECT_THAT(problems_of({.route = "timeouts: { drain: 600s }"}),
              ElementsAre(HasSubstr("warning: routes[0].timeouts: " + less)));
  EXPECT_THAT(problems_of({.listener = "timeouts: { streamDrain: 600s }", .route = "timeouts: { drain: 600s }"}),
              IsEmpty());  // the longest of all places counts
  EXPECT_THAT(problems_of({.file = "timeouts: { drain: 600s, streamDrain: none },"}), IsEmpty());
}

TEST(LimitRules, TellOfRetriesThatAreNeverMade) {
  const std::string never = "retries: attempts is 0, so nothing else that is said beside it is ever asked";
  EXPECT_THAT(problems_of({.route = "retries: { attempts: 0, onStatus: [ 503 ] }"}),
              ElementsAre(HasSubstr("plan:3:57: warning: routes[0]." + never)));
  EXPECT_THAT(problems_of({.file = "retries: { attempts: 0, onReset: true },"}),
              ElementsAre(HasSubstr("plan:1:24: warning: " + never)));
  EXPECT_THAT(problems_of({.file = "retries: { attempts: 0, onReset: true },", .route = "retries: { attempts: 2 }"}),
              IsEmpty());
  EXPECT_THAT(problems_of({.route = "retries: { attempts: 0 }"}), IsEmpty());
  EXPECT_THAT(problems_of({.route = "retries: { attempts: 0, body: 1MiB }"}), IsEmpty());  // a rescue needs it, too
}

TEST(LimitRules, TellOfMemoryThatHoldsNoExchange) {
  EXPECT_THAT(
      problems_of({.file = "workers: 8, limits: { memory: 1MiB, buffer: 256KiB },"}),
      ElementsAre(HasSubstr("limits.memory: of 1MiB each of 8 workers has a part, too small for both directions "
                            "of one exchange (buffer: 256KiB)")));
  EXPECT_THAT(problems_of({.file = "workers: 1, limits: { memory: 1MiB, buffer: 256KiB },"}), IsEmpty());
}

}  // namespace
}  // namespace weir::config
