// Vectors from the protocol's own document, what it tells receivers to refuse, and every prefix of a header.
#include "proxy/net/proxy_header.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::proxy {
namespace {

using State = ProxyHeader::State;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kV4Block("\x01\x02\x03\x04\x0a\x00\x00\x01\x1f\x90\x01\xbb", 12);
const std::string kV6Block = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x07" +
                             std::string(16, '\1') + std::string("\x1f\x90\x01\xbb", 4);

std::string version_2(int command, int family, const std::string& rest) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) + static_cast<char>(rest.size() >> 8) +
         static_cast<char>(rest.size() & 255) + rest;
}

// "address" of the source, "-" without one, or what else became of it.
std::string read(const std::string& bytes) {
  const ProxyHeader header = parse_proxy_header(bytes);
  if (header.state == State::kMore) return "more";
  if (header.state == State::kMalformed) return "malformed";
  return header.source ? to_string(*header.source) : "-";
}

// Read whole with something behind it, and asking for more at each byte before.
void expect(const std::string& header, const std::string& source) {
  for (std::size_t size = 0; size < header.size(); ++size) EXPECT_EQ(read(header.substr(0, size)), "more") << size;
  EXPECT_EQ(read(header), source);
  const ProxyHeader longer = parse_proxy_header(header + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(longer.state, State::kWhole);
  EXPECT_EQ(longer.size, header.size());
}

TEST(ProxyHeader, Version1) {
  expect("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535");
  expect("PROXY TCP4 1.2.3.4 10.0.0.1 0 443\r\n", "1.2.3.4:0");
  expect("PROXY TCP6 2001:db8::7 ::1 8080 443\r\n", "[2001:db8::7]:8080");
  EXPECT_EQ(read("PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), "malformed");
}

TEST(ProxyHeader, Version1OfNobodyInParticular) {
  expect("PROXY UNKNOWN\r\n", "-");
  expect("PROXY UNKNOWN ffff:f...f:ffff anything at all\r\n", "-");
  const std::string longest = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
  ASSERT_EQ(longest.size(), 107U);
  expect(longest, "-");
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"), "malformed");
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(93, 'x')), "malformed");
}

TEST(ProxyHeader, Version1ThatIsNone) {
  for (const char* bad : {"PROXY TCP4 1.2.3.4 10.0.0.1 80\r\n",
                          "PROXY TCP4 1.2.3.4 10.0.0.1 80 443 1\r\n",
                          "PROXY TCP4  1.2.3.4 10.0.0.1 80 443\r\n",
                          "PROXY TCP4 1.2.3.4 10.0.0.1 80 443 \r\n",
                          "PROXY TCP4 ::1 ::1 80 443\r\n",
                          "PROXY TCP6 1.2.3.4 10.0.0.1 80 443\r\n",
                          "PROXY TCP4 1.2.3.4 ::1 80 443\r\n",
                          "PROXY TCP4 1.2.3.4 10.0.0.1 65536 443\r\n",
                          "PROXY TCP4 1.2.3.4 10.0.0.1 080 443\r\n",
                          "PROXY TCP4 1.2.3.4 10.0.0.1 -1 443\r\n",
                          "PROXY TCP4 1.2.3.4 10.0.0.1  443\r\n",
                          "PROXY TCP4 a b 1 2\r\n",
                          "PROXY UDP4 1.2.3.4 10.0.0.1 80 443\r\n",
                          "PROXY \r\n",
                          "PROXY UNKNOWNS\r\n",
                          "PROXY TCP4\r\n",
                          "PROXY UNKNOWN\n",
                          "PROXY UNKNOWN\rx",
                          "PROXY UNKNOWN x\rx\r\n",
                          "PROXY UNKNOWN\n\r\n",
                          "proxy UNKNOWN\r\n",
                          "PROXYUNKNOWN\r\n",
                          "GET / HTTP/1.1\r\n",
                          "\x16\x03\x01",
                          "X"}) {
    EXPECT_EQ(read(bad), "malformed") << bad;
  }
}

TEST(ProxyHeader, Version2) {
  expect(version_2(0x21, 0x11, kV4Block), "1.2.3.4:8080");
  expect(version_2(0x21, 0x21, kV6Block), "[2001:db8::7]:8080");
  const std::string tlvs = std::string("\x03\x00\x04\x01\x02\x03\x04", 7) + std::string("\x04\x00\x01\x00", 4);
  expect(version_2(0x21, 0x11, kV4Block + tlvs), "1.2.3.4:8080");
  expect(version_2(0x21, 0x21, kV6Block + tlvs), "[2001:db8::7]:8080");
}

TEST(ProxyHeader, Version2OfNobodyInParticular) {
  expect(version_2(0x20, 0x00, ""), "-");        // LOCAL: a health check
  expect(version_2(0x20, 0x11, kV4Block), "-");  // its addresses do not count
  expect(version_2(0x20, 0x11, "x"), "-");
  expect(version_2(0x20, 0xff, "x"), "-");  // nor does what they would be
  expect(version_2(0x21, 0x00, "anything"), "-");
  expect(version_2(0x21, 0x31, std::string(216, 'p')), "-");  // a Unix socket
  expect(version_2(0x21, 0x12, kV4Block), "-");               // datagrams
}

TEST(ProxyHeader, Version2ThatIsNone) {
  EXPECT_EQ(read(version_2(0x11, 0x11, kV4Block)), "malformed");  // another version
  EXPECT_EQ(read(version_2(0x22, 0x11, kV4Block)), "malformed");  // another command
  EXPECT_EQ(read(version_2(0x21, 0x41, kV4Block)), "malformed");  // another family
  EXPECT_EQ(read(version_2(0x21, 0x13, kV4Block)), "malformed");  // another transport
  EXPECT_EQ(read(version_2(0x21, 0x11, kV4Block.substr(1))), "malformed");
  EXPECT_EQ(read(version_2(0x21, 0x21, kV6Block.substr(1))), "malformed");
  EXPECT_EQ(read("\r\n\r\nGET"), "malformed");
  // What is wrong is said as soon as it is known.
  EXPECT_EQ(read(kSignature + "\x31"), "malformed");
}

TEST(ProxyHeader, Version2HasAnEnd) {
  expect(version_2(0x21, 0x11, kV4Block + std::string(kMostProxyHeaderRest - 12, 't')), "1.2.3.4:8080");
  EXPECT_EQ(read(version_2(0x21, 0x11, kV4Block + std::string(kMostProxyHeaderRest - 11, 't'))), "malformed");
  EXPECT_EQ(read(version_2(0x20, 0x00, std::string(65'535, 't')).substr(0, 16)), "malformed");
}

}  // namespace
}  // namespace weir::proxy
