// What a client's own scheme and authority are, and whose word on that counts.
#include "proxy/exchange/original_request.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/split/unit_key.h"

namespace weir::proxy {
namespace {

using Lines = std::vector<std::pair<std::string_view, std::string_view>>;

const config::TrustedHops kHops{
    .networks = {{.text = "10.0.0.0/8", .address = parse_ip_bytes("10.0.0.0").value(), .prefix_bits = 8 + 96}},
    .unix_sockets = false};

// "scheme authority host" of a request that came without TLS to weir.test:8080.
std::string original(const Lines& lines, std::string_view peer = "10.0.0.9") {
  http::RequestHead request;
  request.authority = "weir.test:8080";
  request.host = "weir.test";
  for (const auto& [name, value] : lines) request.fields.add(name, value);
  const SocketAddress address = parse_ip(peer, 4'711).value();
  const Reached original = original_request(request, {"http", address, kHops});
  return std::string(original.scheme) + " " + std::string(original.authority) + " " + std::string(original.host);
}

constexpr std::string_view kOurs = "http weir.test:8080 weir.test";

TEST(OriginalRequest, IsTheConnectionsWhenNobodySaysOtherwise) {
  EXPECT_EQ(original({}), kOurs);
  EXPECT_EQ(original({{"x-forwarded-proto", "https"}, {"x-forwarded-host", "a.test"}}, "192.0.2.1"), kOurs);
  EXPECT_EQ(original({{"forwarded", "proto=https;host=a.test"}}, "192.0.2.1"), kOurs);
}

TEST(OriginalRequest, IsWhatATrustedHopSays) {
  EXPECT_EQ(original({{"x-forwarded-proto", "HTTPS"}}), "https weir.test:8080 weir.test");
  EXPECT_EQ(original({{"x-forwarded-host", "a.test:444"}}), "http a.test:444 a.test");
  EXPECT_EQ(original({{"x-forwarded-host", "[2001:db8::1]"}}), "http [2001:db8::1] [2001:db8::1]");
  EXPECT_EQ(original({{"x-forwarded-proto", "https"}, {"x-forwarded-host", "a.test"}}), "https a.test a.test");
}

TEST(OriginalRequest, ReadsForwardedWhereTheOthersAreSilent) {
  EXPECT_EQ(original({{"forwarded", "for=1.2.3.4; Proto=https ;host=\"a.test:444\""}}), "https a.test:444 a.test");
  EXPECT_EQ(original({{"forwarded", "proto=http;host=b.test"}, {"x-forwarded-proto", "https"}}), "https b.test b.test");
  // Separators in quotes are none.
  EXPECT_EQ(original({{"forwarded", "for=\"x,;\\\"host=evil.test\";host=a.test"}}), "http a.test a.test");
  EXPECT_EQ(original({{"forwarded", "for=\"_open;host=a.test"}}), kOurs);
}

// The way is X-Forwarded-For's: each hop that it leads past has said something of itself behind what it was told.
TEST(OriginalRequest, TakesTheElementOfTheHopThatTheClientCameTo) {
  const Lines one_more = {{"x-forwarded-for", "1.2.3.4, 10.0.0.1"}};
  const auto with = [](Lines lines, std::pair<std::string_view, std::string_view> line) {
    lines.push_back(line);
    return lines;
  };
  EXPECT_EQ(original({{"x-forwarded-host", "evil.test, a.test"}}), "http a.test a.test");
  EXPECT_EQ(original(with(one_more, {"x-forwarded-host", "evil.test, a.test, inner.test"})), "http a.test a.test");
  EXPECT_EQ(original(with(one_more, {"x-forwarded-proto", "https"})), "https weir.test:8080 weir.test");
  EXPECT_EQ(original(with(one_more, {"forwarded", "proto=https;host=a.test, proto=http;host=inner.test"})),
            "https a.test a.test");
  // Over several lines, empty elements left out.
  EXPECT_EQ(original({{"x-forwarded-proto", "http"}, {"x-forwarded-proto", "https,"}}),
            "https weir.test:8080 weir.test");
}

TEST(OriginalRequest, TakesNothingThatIsNoSchemeAndNoAuthority) {
  for (const std::string_view scheme : {"ftp", "https://", "", "on", "\"https\""})
    EXPECT_EQ(original({{"x-forwarded-proto", scheme}}), kOurs) << scheme;
  for (const std::string_view host : {"a b", "a.test/x", "user@a.test", "a.test:x", "", "a\"b", "//a.test"})
    EXPECT_EQ(original({{"x-forwarded-host", host}}), kOurs) << host;
}

}  // namespace
}  // namespace weir::proxy
