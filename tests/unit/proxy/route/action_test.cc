#include "proxy/route/action.h"

#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

TEST(ReplacePrefix, KeepsSegmentsApart) {
  for (const char* prefix : {"/api", "/api/"}) {
    for (const char* replacement : {"/v2", "/v2/"}) {
      EXPECT_EQ(replace_prefix("/api/x/y", prefix, replacement), "/v2/x/y") << prefix << ' ' << replacement;
    }
    EXPECT_EQ(replace_prefix("/api/x", prefix, "/"), "/x") << prefix;
    EXPECT_EQ(replace_prefix("/api/", prefix, "/"), "/") << prefix;
  }
  EXPECT_EQ(replace_prefix("/api", "/api", "/v2"), "/v2");
  EXPECT_EQ(replace_prefix("/api", "/api", "/"), "/");
  // A prefix that ends inside a segment leads nowhere else.
  EXPECT_EQ(replace_prefix("/api../etc", "/api", "/v2/"), "/v2../etc");
  EXPECT_EQ(replace_prefix("/api../etc", "/api", "/"), "/etc");
  EXPECT_EQ(replace_prefix("/api./x", "/api", "/"), "/x");
  EXPECT_EQ(replace_prefix("/apix", "/api", "/v2"), "/v2x");  // a prefix is a plain one
  EXPECT_EQ(replace_prefix("/apix", "/api", "/"), "/x");
  EXPECT_EQ(replace_prefix("/x", "/", "/new"), "/new/x");
  EXPECT_EQ(replace_prefix("/", "/", "/new"), "/new/");
}

constexpr Reached kReached{.scheme = "http", .host = "a.test", .authority = "a.test:8080"};

Redirected request(std::string_view path, std::string_view query = {}) {
  return {.reached = kReached, .path = path, .query = query, .has_query = !query.empty()};
}

TEST(RedirectLocation, SaysNoMoreThanChanges) {
  EXPECT_EQ(redirect_location({.path = "/new"}, "", request("/old", "a=1&b")), "/new?a=1&b");
  EXPECT_EQ(redirect_location({.prefix = "/new"}, "/old", request("/old/x")), "/new/x");
  EXPECT_EQ(redirect_location({.scheme = "https"}, "", request("/x", "q")), "https://a.test/x?q");
  EXPECT_EQ(redirect_location({.host = "b.test"}, "", request("/x")), "http://b.test:8080/x");
  EXPECT_EQ(redirect_location({.port = 81}, "", request("/x")), "http://a.test:81/x");
  EXPECT_EQ(redirect_location({.port = 80}, "", request("/x")), "http://a.test/x");
  EXPECT_EQ(redirect_location({.scheme = "https", .host = "b.test", .port = 8443, .path = "/y"}, "", request("/x")),
            "https://b.test:8443/y");
}

TEST(LeadsBack, WhenAllThatItNamesIsSoAlready) {
  EXPECT_TRUE(leads_back({.scheme = "http"}, "", kReached, "/x"));
  EXPECT_FALSE(leads_back({.scheme = "https"}, "", kReached, "/x"));
  EXPECT_TRUE(leads_back({.scheme = "http", .host = "A.test"}, "", kReached, "/x"));
  EXPECT_FALSE(leads_back({.scheme = "http", .host = "b.test"}, "", kReached, "/x"));
  EXPECT_TRUE(leads_back({.port = 8080}, "", kReached, "/x"));
  EXPECT_FALSE(leads_back({.port = 80}, "", kReached, "/x"));
  EXPECT_TRUE(leads_back({.port = 443}, "", {.scheme = "https", .host = "a", .authority = "a"}, "/x"));
  EXPECT_TRUE(leads_back({.path = "/x"}, "", kReached, "/x"));
  EXPECT_FALSE(leads_back({.scheme = "http", .path = "/y"}, "", kReached, "/x"));
  EXPECT_TRUE(leads_back({.prefix = "/a/"}, "/a", kReached, "/a/x"));
  EXPECT_FALSE(leads_back({.prefix = "/b"}, "/a", kReached, "/a/x"));
  // With another scheme comes another port: one that is not at its own has not to be led away for that.
  EXPECT_TRUE(leads_back({.scheme = "https"}, "", {.scheme = "https", .host = "a", .authority = "a:8443"}, "/"));
}

TEST(RedirectLocation, NobodyCanMakeItLeadElsewhere) {
  EXPECT_EQ(redirect_location({.prefix = "/"}, "/old", request("/old//evil.test")), "/evil.test");
  EXPECT_EQ(redirect_location({.prefix = "/"}, "/old", request("/old/\\evil.test")), "/%5Cevil.test");
  EXPECT_EQ(redirect_location({.scheme = "https"}, "", request("//evil.test")), "https://a.test/evil.test");
  EXPECT_EQ(redirect_location({.path = "/new"}, "", request("/", "a=<\"\\>%0d%0a")), "/new?a=%3C%22%5C%3E%0d%0a");
  Redirected nameless = request("//evil.test");
  nameless.reached.host = nameless.reached.authority = {};
  EXPECT_EQ(redirect_location({.scheme = "https"}, "", nameless), "/evil.test");
}

TEST(FieldChanges, AreWrittenOnce) {
  const http::FieldChanges changes =
      field_changes({.set = {{"x-a", "1"}}, .add = {{"x-b", "2"}, {"x-c", "3"}}, .remove = {"x-d"}});
  EXPECT_EQ(changes.lines, "x-a: 1\r\nx-b: 2\r\nx-c: 3\r\n");
  EXPECT_TRUE(changes.drops("X-A"));
  EXPECT_TRUE(changes.replaces("x-A"));
  EXPECT_TRUE(changes.drops("x-D"));
  EXPECT_FALSE(changes.replaces("x-d"));
  EXPECT_FALSE(changes.drops("x-b"));
  EXPECT_TRUE(http::FieldChanges().empty());
}

}  // namespace
}  // namespace weir::proxy
