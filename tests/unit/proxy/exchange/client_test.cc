// Whose word about who a client is counts.
#include "proxy/exchange/client.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <vector>

namespace weir::proxy {
namespace {

config::Cidr network(std::string_view address, int bits) {
  const std::optional<ClientAddress> bytes = parse_ip_bytes(address);
  const bool v4 = address.find(':') == std::string_view::npos;
  return {.text = std::string(address), .address = bytes.value(), .prefix_bits = bits + (v4 ? 96 : 0)};
}

const config::TrustedHops kHops{.networks = {network("10.0.0.0", 8), network("fd00::", 8)}, .unix_sockets = false};

std::string text_of(const ClientAddress& address) {
  SocketAddress socket;
  auto& v6 = *reinterpret_cast<sockaddr_in6*>(&socket.storage);
  v6.sin6_family = AF_INET6;
  std::copy(address.begin(), address.end(), v6.sin6_addr.s6_addr);
  return ip_text(socket);
}

std::string client(const std::vector<std::string_view>& lines, std::string_view peer = "10.0.0.9",
                   const config::TrustedHops& hops = kHops) {
  http::FieldList fields;
  for (const std::string_view line : lines) fields.add("X-Forwarded-For", line);
  return text_of(client_address(fields, parse_ip(peer, 4'711).value(), hops));
}

TEST(ClientAddress, IsThePeersWhenNobodyIsBelieved) {
  EXPECT_EQ(client({}), "10.0.0.9");
  EXPECT_EQ(client({"1.2.3.4"}, "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client({"1.2.3.4"}, "10.0.0.9", {}), "10.0.0.9");
}

TEST(ClientAddress, IsTheLastThatIsNoHop) {
  EXPECT_EQ(client({"1.2.3.4"}), "1.2.3.4");
  EXPECT_EQ(client({"1.2.3.4, 5.6.7.8"}), "5.6.7.8");
  EXPECT_EQ(client({"6.6.6.6, 1.2.3.4, 10.1.2.3 ,\t10.0.0.1"}), "1.2.3.4");
  EXPECT_EQ(client({"2001:db8::7, fd12::1"}), "2001:db8::7");
  EXPECT_EQ(client({"::ffff:1.2.3.4"}), "1.2.3.4");
  EXPECT_EQ(client({"1.2.3.4"}, "fd00::1"), "1.2.3.4");
  EXPECT_EQ(client({"1.2.3.4:80, [fd00::1]:443"}), "1.2.3.4");
}

TEST(ClientAddress, IsTheFirstWhereAllAreHops) { EXPECT_EQ(client({"10.1.1.1, 10.2.2.2"}), "10.1.1.1"); }

TEST(ClientAddress, ReadsSeveralLinesAsOne) {
  EXPECT_EQ(client({"6.6.6.6", "1.2.3.4", "10.1.1.1, 10.2.2.2"}), "1.2.3.4");
  EXPECT_EQ(client({"6.6.6.6, 1.2.3.4", ""}), "1.2.3.4");
  EXPECT_EQ(client({"1.2.3.4,, ,"}), "1.2.3.4");
}

TEST(ClientAddress, IsNotSoughtBehindWhatIsNoAddress) {
  EXPECT_EQ(client({"1.2.3.4, unknown"}), "10.0.0.9");
  EXPECT_EQ(client({"1.2.3.4, unknown, 10.1.1.1, 10.2.2.2"}), "10.1.1.1");
  EXPECT_EQ(client({"unknown, 1.2.3.4"}), "1.2.3.4");
  EXPECT_EQ(client({"1.2.3.4 5.6.7.8"}), "10.0.0.9");
}

TEST(ClientAddress, OfAUnixSocketIsWhatATrustedPeerSays) {
  SocketAddress socket;
  socket.storage.ss_family = AF_UNIX;
  socket.size = sizeof(sockaddr_un);
  http::FieldList fields;
  fields.add("X-Forwarded-For", "1.2.3.4");
  EXPECT_FALSE(is_trusted(kHops, socket));
  EXPECT_EQ(client_address(fields, socket, kHops), ClientAddress{});
  config::TrustedHops hops = kHops;
  hops.unix_sockets = true;
  EXPECT_EQ(text_of(client_address(fields, socket, hops)), "1.2.3.4");
  // Not even a network of all addresses has a socket without one in it.
  EXPECT_FALSE(is_trusted({.networks = {network("::", 0)}, .unix_sockets = false}, socket));
}

TEST(ParseHop, TakesAddressesInDigits) {
  for (const char* good : {"1.2.3.4", "1.2.3.4:1", "::1", "[::1]", "[::1]:65535", "2001:db8::1.2.3.4"}) {
    EXPECT_TRUE(parse_hop(good)) << good;
  }
  for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:123456", "[::1", "::1]", "[::1]x",
                          "[::1]:", "[1.2.3.4]", "fe80::1%eth0", "_hidden", "\"1.2.3.4\"", "1.2.3.4,",
                          "0000:0000:0000:0000:0000:0000:0000:00001234567890"}) {
    EXPECT_FALSE(parse_hop(bad)) << bad;
  }
}

}  // namespace
}  // namespace weir::proxy
