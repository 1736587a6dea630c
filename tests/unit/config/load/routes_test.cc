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
  return {[](const std::string& name) { return std::optional("the-long-value-of-" + name); },
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
      {"{ match: { model: { exact: a, prefix: a } }, service: s }",
       "20: error: routes[0].match: the model has both exact and prefix; expected one of them"},
      {"{ match: { model: llama }, service: s }", "29: error: routes[0].match.model: \"llama\"; expected keys and values"},
      {"{ match: { model: { name: llama } }, service: s }", "31: error: routes[0].match.model.name is no known key"},
      {"{ match: { pathPrefix: /v1/ }, service: s }, { match: { pathPrefix: /v1/, model: { exact: a } }, service: s }",
       "56: error: routes[1] can never be reached: routes[0] takes all that it matches; expected the more special "
       "route first"},
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
      {"{ match: { host: a.. }, service: s }",
       "28: error: routes[0].match.host: \"a..\"; expected a host without its port, such as api.example.com, or all "
       "that are below one, such as *.example.com"},
      {"{ match: { host: \"*.example.com\" }, service: s }, { match: { host: a.example.com }, service: s }",
       "61: error: routes[1] can never be reached: routes[0] takes all that it matches; expected the more special "
       "route "
       "first"},
  });
}

TEST(Routes, WhatTheyDo) {
  expect_problems({
      {"{ match: {} }", "11: error: routes[0] leads nowhere; expected one of service, redirect, respond"},
      {"{ match: {}, service: s, respond: { status: 404 } }",
       "11: error: routes[0] leads to more than one goal; expected one of service, redirect, respond"},
      {"{ match: {}, redirect: { status: 301 } }",
       "34: error: routes[0].redirect leads back to where it came from; expected scheme, host, port, path or "
       "prefix"},
      {"{ match: {}, redirect: { status: 304, path: /a } }",
       "44: error: routes[0].redirect.status: 304 leads nowhere; expected 301, 302, 303, 307 or 308"},
      {"{ match: {}, redirect: { path: //evil.example } }",
       "42: error: routes[0].redirect.path: \"//evil.example\" would be a host, and no path; expected one slash at "
       "the front, and a host under host"},
      {"{ match: { pathPrefix: /a }, redirect: { prefix: //evil.example/ } }",
       "60: error: routes[0].redirect.prefix: \"//evil.example/\" would be a host, and no path; expected one slash at "
       "the front, and a host under host"},
      {"{ match: { pathExact: /a }, service: s, rewrite: { prefix: /b } }",
       "60: error: routes[0].rewrite.prefix replaces the pathPrefix of a match without one; expected pathPrefix "
       "in the match"},
      {"{ match: {}, respond: { status: 204, body: x } }",
       "54: error: routes[0].respond: a 204 has no body; expected the key left out"},
      {"{ match: {}, respond: {}, requestHeaders: { remove: [ x ] } }",
       "53: error: routes[0].requestHeaders changes what a service is sent, and there is none; expected the key "
       "left out"},
      {"{ match: {}, service: s, requestHeaders: { set: { Host: a } } }",
       "52: error: routes[0].requestHeaders: \"host\" is not the plan's to change: rewrite.host says it; "
       "expected another header"},
      {"{ match: {}, service: s, requestHeaders: { remove: [ Transfer-Encoding ] } }",
       "52: error: routes[0].requestHeaders: \"transfer-encoding\" is not the plan's to change: it speaks of "
       "the "
       "connection or the framing; expected another header"},
      {"{ match: {}, service: s, responseHeaders: { add: { X-Weir-Version: a } } }",
       "53: error: routes[0].responseHeaders: \"x-weir-version\" is not the plan's to change: the weir itself "
       "writes it; expected another header"},
      {"{ match: {}, service: s, requestHeaders: { set: { Transfer_Encoding: chunked } } }",
       "52: error: routes[0].requestHeaders: \"transfer_encoding\", which servers of the CGI kind take for "
       "\"transfer-encoding\", is not the plan's to change: it speaks of the connection or the framing; expected "
       "another header"},
      {"{ match: {}, service: s, requestHeaders: { add: { content_length: \"5\" } } }",
       "52: error: routes[0].requestHeaders: \"content_length\", which servers of the CGI kind take for "
       "\"content-length\", is not the plan's to change: it speaks of the connection or the framing; expected "
       "another header"},
      {"{ match: {}, service: s, requestHeaders: { set: { x_forwarded-for: 10.0.0.1 } } }",
       "52: error: routes[0].requestHeaders: \"x_forwarded-for\", which servers of the CGI kind take for "
       "\"x-forwarded-for\", is not the plan's to change: the weir itself writes it; expected another header"},
      {"{ match: {}, service: s, requestHeaders: { remove: [ X_Weir_Version ] } }",
       "52: error: routes[0].requestHeaders: \"x_weir_version\", which servers of the CGI kind take for "
       "\"x-weir-version\", is not the plan's to change: the weir itself writes it; expected another header"},
      {"{ match: {}, service: s, responseHeaders: { set: { set-cookie: a=b } } }",
       "53: error: routes[0].responseHeaders.set: every other cookie would go with it; expected set-cookie "
       "under "
       "add"},
      {"{ match: {}, service: s, requestHeaders: { set: { x: \"a\\r\\nb: c\" } } }",
       "64: error: routes[0].requestHeaders.set.x: \"a??b: c\"; expected a text without control characters, "
       "of "
       "at most 4096 bytes"},
      {"{ match: {}, service: s, requestHeaders: { set: { \"x y\": a } } }",
       "52: error: routes[0].requestHeaders: \"x y\" is no header's name; expected an RFC 9110 token of at most "
       "64 "
       "bytes"},
  });
}

TEST(Routes, WhoMayUseThem) {
  const std::string key = "{ name: a, key: { env: A } }";
  expect_problems({
      {"{ match: {}, service: s, allow: [ 10.0.0.0/33 ] }",
       "45: error: routes[0].allow: \"10.0.0.0/33\"; expected an address or a network, such as 10.0.0.0/8"},
      {"{ match: {}, service: s, apiKeys: { keys: [ " + key + ", { name: a, key: { env: B } } ] } }",
       "53: error: routes[0].apiKeys.keys: the name a is taken; expected a name of its own"},
      {"{ match: {}, service: s, apiKeys: { keys: [ " + key + ", { name: b, key: { env: A } } ] } }",
       "53: error: routes[0].apiKeys.keys: a and b have the same key; expected a key for each name"},
      {"{ match: {}, service: s, apiKeys: { keys: [ { name: a, key: { file: none } } ] } }",
       "71: error: routes[0].apiKeys.keys[0].key: the file none is empty or cannot be read; expected the secret in it"},
      {"{ match: {}, service: s, apiKeys: { keys: [ { name: a, key: plain } ] } }",
       "71: error: routes[0].apiKeys.keys[0].key: it stands in the file itself; expected { env: NAME } or { file: PATH "
       "}"},
  });
  const LoadResult result = load(
      "listeners: [ { address: \":8080\" } ]\nroutes: [ { match: {}, service: s } ]\nservices: { s: { versions: { a: { "
      "endpoints: [\"http://h:1\"] } }, stickiness: { by: [ { apiKey: true } ] } } }\n",
      environment());
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(
      format(result.problems[0], "plan"),
      "plan:3:78: error: services.s.stickiness is by apiKey, and no route to s has apiKeys; expected apiKeys on its "
      "routes");
}

TEST(Routes, HowManyRequestsTheyTake) {
  expect_problems({
      {"{ match: {}, service: s, rateLimit: { per: 1s } }",
       "47: error: routes[0].rateLimit.requests is missing; expected a whole number, from 1 to 1000000"},
      {"{ match: {}, service: s, rateLimit: { requests: 1, by: apiKey } }",
       "47: error: routes[0].rateLimit is by apiKey, and the route has no apiKeys; expected apiKeys on the route"},
      {"{ match: {}, service: s, rateLimit: { requests: 1, by: user } }",
       "66: error: routes[0].rateLimit.by: \"user\"; expected route, clientAddress, apiKey, or keys and values"},
      {"{ match: {}, service: s, rateLimit: { requests: 1, per: 1d, burst: 366 } }",
       "47: error: routes[0].rateLimit: after a burst it would take more than a year to be full again; expected a "
       "smaller burst, or more requests"},
  });
}

}  // namespace
}  // namespace weir::config
