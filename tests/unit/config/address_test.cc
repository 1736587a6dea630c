#include "config/address.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

TEST(Address, IsListenedOnInDigits) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:8080"), (HostPort{"127.0.0.1", 8080}));
  EXPECT_EQ(parse_listen_address(":8080"), (HostPort{"0.0.0.0", 8080}));
  EXPECT_EQ(parse_listen_address("*:0"), (HostPort{"0.0.0.0", 0}));
  EXPECT_EQ(parse_listen_address("localhost:1"), (HostPort{"127.0.0.1", 1}));
  EXPECT_EQ(parse_listen_address("[::1]:80"), (HostPort{"::1", 80}));
  EXPECT_EQ(parse_listen_address("[0::0:1]:80"), (HostPort{"::1", 80}));
  EXPECT_EQ(parse_listen_address("[::ffff:127.0.0.1]:80"), (HostPort{"127.0.0.1", 80}));
  EXPECT_EQ(parse_listen_address("[::ffff:7f00:1]:80"), (HostPort{"127.0.0.1", 80}));
  for (const char* bad :
       {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:+1", "127.0.0.1:80x", "example.com:80",
        "::1:80", "[::1]x:80", "[::1]", "[127.0.0.1]:80", "[]:80", "127.0.0:80", "127.0.0.256:80", "1 :80"}) {
    EXPECT_FALSE(parse_listen_address(bad)) << bad;
  }
  EXPECT_FALSE(parse_listen_address(std::string_view("127.0.0.1\0:80", 13)));
}

TEST(Address, OfAServerIsAUrl) {
  EXPECT_EQ(parse_http_url("http://models.example:9001/"), (HostPort{"models.example", 9001}));
  EXPECT_EQ(parse_http_url("http://10.0.0.1"), (HostPort{"10.0.0.1", 80}));
  EXPECT_EQ(parse_http_url("http://[::1]"), (HostPort{"::1", 80}));
  EXPECT_EQ(parse_http_url("http://[::1]:9001"), (HostPort{"::1", 9001}));
  for (const char* bad : {"", "h:1", "https://h:1", "http://", "http://:1", "http://h:0", "http://h:99999",
                          "http://h/p", "http://u@h", "http://h?x", "http://h h", "http://[::1", "http://[x]:1",
                          "http://::1:80", "http://[::1]x:80", "http://h\r\n:1"}) {
    EXPECT_FALSE(parse_http_url(bad)) << bad;
  }
}

TEST(Address, OfASecureServerIsAnHttpsUrl) {
  EXPECT_EQ(parse_https_url("https://models.example/"), (HostPort{"models.example", 443}));
  EXPECT_EQ(parse_https_url("https://[::1]:8443"), (HostPort{"::1", 8443}));
  for (const char* bad : {"http://h", "https://", "https://h:0", "https://h/p"})
    EXPECT_FALSE(parse_https_url(bad)) << bad;
}

TEST(Address, OfARequestMayLackAPort) {
  EXPECT_EQ(parse_authority("models.example", 80), (HostPort{"models.example", 80}));
  EXPECT_EQ(parse_authority("models.example:8080", 80), (HostPort{"models.example", 8080}));
  EXPECT_EQ(parse_authority("[::1]", 80), (HostPort{"::1", 80}));
  EXPECT_EQ(parse_authority("[::1]:8080", 80), (HostPort{"::1", 8080}));
  for (const char* bad : {"", ":80", "h:", "u@h", "h:80@evil", "[::1]evil", "[::1]:80evil", "[::1", "::1", "h/", "h h"})
    EXPECT_FALSE(parse_authority(bad, 80)) << bad;
}

TEST(HostName, HasLabelsBetweenItsDots) {
  const std::string label(63, 'a');
  for (const std::string& good : {std::string("a"), std::string("a.b-c.d_e"), std::string("10.0.0.1"),
                                  std::string("a.example."), label + "." + label + "." + label})
    EXPECT_TRUE(is_host_name(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".a"), std::string("a.."), std::string("a..b"), std::string(".."),
        label + "a", std::string("a b"), std::string("a:1"), label + "." + label + "." + label + "." + label})
    EXPECT_FALSE(is_host_name(bad)) << bad;
}

TEST(Address, OfAUnixSocketIsAPathOfAtMost107Bytes) {
  EXPECT_EQ(parse_unix_path("unix:/run/a b.sock"), "/run/a b.sock");
  EXPECT_EQ(parse_unix_path("unix:/" + std::string(kLongestUnixPath - 1, 'x'))->size(), kLongestUnixPath);
  EXPECT_FALSE(parse_unix_path("unix:/" + std::string(kLongestUnixPath, 'x')));
  EXPECT_FALSE(parse_unix_path(std::string_view("unix:/a\0b", 9)));
}

TEST(Address, IsWrittenAsItCanBeRead) {
  EXPECT_EQ(to_string({"127.0.0.1", 80}), "127.0.0.1:80");
  EXPECT_EQ(to_string({"::1", 80}), "[::1]:80");
}

TEST(Loopback, IsKnownByItsLooks) {
  for (const char* host : {"localhost", "LOCALHOST", "127.0.0.1", "127.9.8.7", "::1", "[::1]"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const char* host : {"", "0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.example", "127.0.0", "127.0.0.256",
                           "127.example.com", "localhost.evil.example", "1270.0.0.1", "128.0.0.1", "[::1].evil"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

}  // namespace
}  // namespace weir::config
