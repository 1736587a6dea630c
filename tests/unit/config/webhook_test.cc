#include "config/webhook.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

HttpUrl url(std::string host, std::uint16_t port, bool tls, std::string target) {
  return {.host = std::move(host), .port = port, .tls = tls, .target = std::move(target)};
}

TEST(Webhook, ReadsUrls) {
  EXPECT_EQ(parse_http_url_with_path("http://h"), url("h", 80, false, "/"));
  EXPECT_EQ(parse_http_url_with_path("http://h/"), url("h", 80, false, "/"));
  EXPECT_EQ(parse_http_url_with_path("https://hooks.example"), url("hooks.example", 443, true, "/"));
  EXPECT_EQ(parse_http_url_with_path("http://127.0.0.1:9000/hook"), url("127.0.0.1", 9000, false, "/hook"));
  EXPECT_EQ(parse_http_url_with_path("https://[::1]:8443/a/b?c=d&e=@/?"), url("::1", 8443, true, "/a/b?c=d&e=@/?"));
  EXPECT_EQ(parse_http_url_with_path("http://h:81?x=1"), url("h", 81, false, "/?x=1"));
}

TEST(Webhook, RefusesWhatIsNoUrlOfOurs) {
  for (const char* text : {"",
                           "h",
                           "http://",
                           "http:///p",
                           "http://h:0/",
                           "http://h:x/",
                           "http://h:65536/",
                           "ftp://h/",
                           "HTTP://h/",
                           "http://h/#f",
                           "http://h/a b",
                           "http://h/\r\nx: y",
                           "http://h/\xc3\xa4",
                           "http://u@h/",
                           "http://u:p@h:1/",
                           "https://::1/",
                           "unix:/run/hook.sock",
                           "http://h\\p",
                           "//h/p",
                           "http://?x",
                           "http://[::1/"}) {
    EXPECT_EQ(parse_http_url_with_path(text), std::nullopt) << text;
  }
}

TEST(Webhook, FindsAUserBeforeTheHostAlone) {
  for (const char* text : {"http://u@h/", "https://u:p@h:1/p?q", "u:p@h", "http://@h", "ftp://u@h"}) {
    EXPECT_TRUE(has_user(text)) << text;
  }
  for (const char* text : {"http://h/@", "http://h?a@b", "http://h/u:p@h", "h/@", ""}) {
    EXPECT_FALSE(has_user(text)) << text;
  }
}

TEST(Webhook, NamesTheHostAsAHostFieldDoes) {
  for (const char* text :
       {"http://h", "http://h:443", "https://h", "https://h:80", "http://[::1]", "https://[::1]:81"}) {
    const std::optional<HttpUrl> parsed = parse_http_url_with_path(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ((parsed->tls ? "https://" : "http://") + authority_of(*parsed), text);
  }
  EXPECT_EQ(authority_of(*parse_http_url_with_path("https://h:443/p")), "h");
}

}  // namespace
}  // namespace weir::config
