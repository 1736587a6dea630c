#include "proxy/net/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/un.h>

namespace weir::proxy {
namespace {

using testing::ElementsAre;

TEST(Address, ReadsDigitsOfBothFamilies) {
  const std::optional<SocketAddress> v4 = parse_ip("10.0.0.1", 80);
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->family(), AF_INET);
  EXPECT_EQ(v4->port(), 80);
  const std::optional<SocketAddress> v6 = parse_ip("2001:db8::1", 65'535);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->family(), AF_INET6);
  EXPECT_EQ(v6->port(), 65'535);
}

TEST(Address, LooksUpNoName) {
  for (const char* text :
       {"localhost", "", "10.0.0", "10.0.0.256", "10.0.0.1.", "[::1]", "2001:db8::1::2", "::g", "0x7f.1"}) {
    EXPECT_FALSE(parse_ip(text, 80)) << text;
  }
}

TEST(Address, RefusesWhatStandsBehindTheEndOfAString) {
  EXPECT_FALSE(parse_ip(std::string_view("10.0.0.1\0.example", 17), 80));
}

TEST(Address, ReadsWhatAPlanSaysToListenOn) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"127.0.0.1:80", "127.0.0.1:80"},
      {"[::1]:8080", "[::1]:8080"},
      {":80", "0.0.0.0:80"},
      {"*:80", "0.0.0.0:80"},
      {"localhost:0", "127.0.0.1:0"},
      {"[::]:65535", "[::]:65535"},
      {"10.0.0.1:00080", "10.0.0.1:80"},
      {"[::ffff:10.0.0.1]:80", "10.0.0.1:80"},
  };
  for (const auto& [text, expected] : cases) {
    const std::optional<SocketAddress> address = parse_listen_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), expected) << text;
  }
}

TEST(Address, RefusesWhatCannotBeListenedOn) {
  for (const char* text :
       {"", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:80 ",
        "127.0.0.1:http", "example.com:80", "[::1]", "[::1:80", "::1]:80", "::1:80", "[127.0.0.1]:80", "[]:80"}) {
    EXPECT_FALSE(parse_listen_address(text)) << text;
  }
}

TEST(Address, WritesIpv4TheSameWayEverywhere) {
  const SocketAddress v4 = *parse_ip("10.0.0.1", 80);
  const SocketAddress mapped = *parse_ip("::ffff:10.0.0.1", 80);
  EXPECT_EQ(ip_text(v4), "10.0.0.1");
  EXPECT_EQ(ip_text(mapped), "10.0.0.1");
  EXPECT_EQ(ip_bytes(v4), ip_bytes(mapped));
  EXPECT_THAT(ip_bytes(v4), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1));
  EXPECT_EQ(to_string(mapped), "10.0.0.1:80");
}

TEST(Address, WritesIpv6InItsShortForm) {
  const SocketAddress address = *parse_ip("2001:0db8:0000:0000:0000:0000:0000:0001", 80);
  EXPECT_EQ(ip_text(address), "2001:db8::1");
  EXPECT_EQ(to_string(address), "[2001:db8::1]:80");
  EXPECT_THAT(ip_bytes(address), ElementsAre(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
}

TEST(Address, ChangesThePortAlone) {
  for (const char* text : {"10.0.0.1", "2001:db8::1"}) {
    SocketAddress address = *parse_ip(text, 80);
    address.set_port(8'080);
    EXPECT_EQ(address.port(), 8'080);
    EXPECT_EQ(ip_text(address), text);
  }
}

TEST(Address, KnowsNoIpOfOtherFamilies) {
  SocketAddress address;
  address.storage.ss_family = AF_UNIX;
  address.size = sizeof(sockaddr_un);
  address.set_port(80);
  EXPECT_EQ(address.port(), 0);
  EXPECT_EQ(ip_text(address), "");
  EXPECT_EQ(ip_bytes(address), (std::array<std::uint8_t, 16>{}));
}

TEST(AddressTest, KnowsWhereALocalHostIs) {
  const auto known = [](std::string_view host) {
    std::string text;
    for (const SocketAddress& address : known_addresses(host, 80)) text += to_string(address) + " ";
    return text;
  };
  EXPECT_EQ(known("localhost"), "127.0.0.1:80 [::1]:80 ");
  EXPECT_EQ(known("LocalHost"), "127.0.0.1:80 [::1]:80 ");
  EXPECT_EQ(known("10.0.0.1"), "10.0.0.1:80 ");
  EXPECT_EQ(known("2001:db8::1"), "[2001:db8::1]:80 ");
  for (const char* name : {"example.com", "localhost.example", "10.0.0", ""}) EXPECT_EQ(known(name), "") << name;
}

}  // namespace
}  // namespace weir::proxy
