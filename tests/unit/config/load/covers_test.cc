// Whether one route leaves anything for another.
#include "config/load/covers.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

std::optional<Pattern> pattern(std::string_view text) {
  std::string why;
  return Pattern::compile(text, why);
}

RouteMatch on_host(std::string host) { return {.host = std::move(host)}; }
RouteMatch on_path(std::string exact) { return {.host = {}, .path_exact = std::move(exact)}; }
RouteMatch on_prefix(std::string prefix) { return {.host = {}, .path_prefix = std::move(prefix)}; }
RouteMatch on_regex(std::string_view regex) { return {.host = {}, .path_regex = pattern(regex)}; }
RouteMatch with(ValueMatch rule) { return {.host = {}, .headers = {std::move(rule)}}; }

TEST(Covers, Hosts) {
  EXPECT_TRUE(covers(on_host(""), on_host("a.b")));
  EXPECT_FALSE(covers(on_host("a.b"), on_host("")));
  EXPECT_TRUE(covers(on_host("*.a.b"), on_host("x.a.b")));
  EXPECT_TRUE(covers(on_host("*.a.b"), on_host("x.y.a.b")));
  EXPECT_TRUE(covers(on_host("*.a.b"), on_host("*.x.a.b")));
  EXPECT_TRUE(covers(on_host("*.a.b"), on_host("*.a.b")));
  EXPECT_FALSE(covers(on_host("*.a.b"), on_host("a.b")));
  EXPECT_FALSE(covers(on_host("*.a.b"), on_host("xa.b")));
  EXPECT_FALSE(covers(on_host("*.x.a.b"), on_host("*.a.b")));
  EXPECT_FALSE(covers(on_host("x.a.b"), on_host("*.a.b")));
  EXPECT_FALSE(covers(on_host("*.a.b"), on_host("")));
}

TEST(Covers, Paths) {
  EXPECT_TRUE(covers(on_regex("/v[0-9]+/.*"), on_path("/v1/chat")));
  EXPECT_FALSE(covers(on_regex("/v[0-9]+"), on_path("/v1/chat")));
  EXPECT_TRUE(covers(on_regex("/a+"), on_regex("/a+")));
  EXPECT_FALSE(covers(on_regex("/a*"), on_regex("/a+")));  // it does, but that cannot be told
  EXPECT_FALSE(covers(on_regex("/.*"), on_prefix("/a")));
  EXPECT_TRUE(covers(on_prefix("/"), on_regex("/a")));
  EXPECT_FALSE(covers(on_prefix("/a"), on_regex("/a.*")));
  EXPECT_FALSE(covers(on_path("/a"), on_regex("/a")));
}

TEST(Covers, Models) {
  RouteMatch any;
  any.model.emplace();
  RouteMatch llama;
  llama.model = ValueMatch{.prefix = "llama-"};
  RouteMatch small;
  small.model = ValueMatch{.exact = "llama-8b"};
  RouteMatch none;
  none.model = ValueMatch{.absent = true};
  EXPECT_TRUE(covers({}, small));
  EXPECT_FALSE(covers(small, {}));
  EXPECT_TRUE(covers(any, llama));
  EXPECT_TRUE(covers(llama, small));
  EXPECT_FALSE(covers(small, llama));
  EXPECT_FALSE(covers(any, none));
  EXPECT_FALSE(covers(any, {}));
}

TEST(Covers, Values) {
  const ValueMatch any{.name = "x"};
  const ValueMatch exact{.name = "x", .exact = "ab"};
  const ValueMatch prefix{.name = "x", .prefix = "a"};
  const ValueMatch regex{.name = "x", .regex = pattern("a[bc]")};
  const ValueMatch absent{.name = "x", .absent = true};
  for (const ValueMatch& given : {any, exact, prefix, regex}) {
    EXPECT_TRUE(covers(with(any), with(given)));
    EXPECT_TRUE(covers(with(given), with(given)));
    EXPECT_FALSE(covers(with(given), with(absent)));
    EXPECT_FALSE(covers(with(absent), with(given)));
  }
  EXPECT_TRUE(covers(with(absent), with(absent)));
  EXPECT_TRUE(covers(with(regex), with(exact)));
  EXPECT_FALSE(covers(with(exact), with(regex)));
  EXPECT_FALSE(covers(with(prefix), with(regex)));
  EXPECT_FALSE(covers(with(regex), with(prefix)));
  EXPECT_FALSE(covers(with(any), with({.name = "y"})));
}

// A header, a parameter and a cookie of one name are three things, and all that is asked counts.
TEST(Covers, NoRuleOfAnotherKind) {
  const std::vector<ValueMatch> rule{{.name = "x"}};
  const RouteMatch header{.host = {}, .headers = rule};
  const RouteMatch query{.host = {}, .query = rule};
  const RouteMatch cookie{.host = {}, .cookies = rule};
  const RouteMatch all{.host = {}, .headers = rule, .query = rule, .cookies = rule};
  for (const RouteMatch& one : {header, query, cookie}) {
    EXPECT_TRUE(covers(one, all));
    EXPECT_FALSE(covers(all, one));
  }
  EXPECT_FALSE(covers(header, query));
  EXPECT_FALSE(covers(query, cookie));
  EXPECT_FALSE(covers(cookie, header));
}

}  // namespace
}  // namespace weir::config
