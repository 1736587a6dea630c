// What is wrong with a plan's routes, and where.
#include <gtest/gtest.h>

#include "config/load/load.h"

namespace weir::config {
namespace {

struct BadRoutes {
  std::string routes;
  std::string message;
};

Environment environment() {
  return {[](const std::string& name) { return std::optional("value-of-" + name); },
          [](const std::string&) { return std::optional<std::string>(); }};
}

// Each of these lists, from line 3 on, has exactly the problem that is said.
void expect_problems(const std::vector<BadRoutes>& plans) {
  for (const BadRoutes& plan : plans) {
    const LoadResult result = load(
        "listeners: [ { address: \":8080\" } ]\nservices: { s: { versions: { a: { endpoints: [\"http://h:1\"] } } } "
        "}\nroutes: [ " +
            plan.routes + " ]\n",
        environment());
    ASSERT_EQ(result.problems.size(), 1U) << plan.routes;
    EXPECT_EQ(format(result.problems[0], "plan"), "plan:3:" + plan.message) << plan.routes;
  }
}

TEST(Routes, WhatTheyMatch) {
  expect_problems({
      {"{ match: { query: [ { name: x, regex: a, absent: true } ] }, service: s }",
       "20: error: routes[0].match: the parameter x has both regex and absent; expected one of them"},
      {"{ match: { pathExact: /a, pathRegex: /a }, service: s }",
       "20: error: routes[0].match has both pathExact and pathRegex; expected one of them"},
      {"{ match: { pathRegex: \"/v(1\" }, service: s }",
       "33: error: routes[0].match.pathRegex: \"/v(1\": missing ): /v(1; expected a regular expression (RE2)"},
      {"{ match: { cookies: [ { name: x, regex: \"(a{50}b{50}){20}\" } ] }, service: s }",
       "51: error: routes[0].match.cookies[0].regex: \"(a{50}b{50}){20}\": it is larger than 1000 instructions; "
       "expected a regular expression (RE2)"},
      {"{ match: { host: \"*example.com\" }, service: s }",
       "28: error: routes[0].match.host: \"*example.com\"; expected a host without its port, such as api.example.com, "
       "or all that are below one, such as *.example.com"},
      {"{ match: { host: \"*.example.com\" }, service: s }, { match: { host: a.example.com }, service: s }",
       "61: error: routes[1] can never be reached: routes[0] takes all that it matches; expected the more special "
       "route "
       "first"},
  });
}

}  // namespace
}  // namespace weir::config
