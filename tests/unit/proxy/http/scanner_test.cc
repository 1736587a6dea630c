#include "proxy/http/scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/http/codec.h"

namespace weir::http {
namespace {

using testing::StartsWith;

std::string describe_head(const RequestHead& head) {
  std::string text = std::string(head.method) + " " + std::string(head.path) + " ?" + std::string(head.query) + " @" +
                     std::string(head.authority) + " 1." + std::to_string(head.minor_version) + " framing " +
                     std::to_string(static_cast<int>(head.framing)) + " " + std::to_string(head.content_length) +
                     (head.keep_alive ? " keep" : " close") + (head.expect_continue ? " expects" : "");
  for (const Field& field : head.fields) text += "\n" + std::string(field.name) + "=" + std::string(field.value);
  return text;
}

std::string describe_head(const ResponseHead& head) {
  std::string text = std::to_string(head.status) + " " + std::string(head.reason) + " 1." +
                     std::to_string(head.minor_version) + " framing " + std::to_string(static_cast<int>(head.framing)) +
                     " " + std::to_string(head.content_length) + (head.keep_alive ? " keep" : " close");
  for (const Field& field : head.fields) text += "\n" + std::string(field.name) + "=" + std::string(field.value);
  return text;
}

// What became of the message: its head and length, its fault, or that it is unfinished.
template <class Scanner, class Head>
std::string scan_in_pieces(std::string_view message, const std::vector<std::size_t>& cuts, const HeadLimits& limits) {
  Scanner scanner(limits);
  Head head;
  Scan scan;
  for (const std::size_t cut : cuts) {
    // The buffer moves between calls, as a growing one does.
    const std::string buffer(message.substr(0, cut));
    scan = scanner.scan(buffer, head);
    if (scan.failed()) return "fault " + std::string(describe(scan.fault).code);
    if (scan.done()) return describe_head(head) + "\nbytes " + std::to_string(scan.bytes);
  }
  return "unfinished";
}

template <class Scanner, class Head>
std::string scan_whole(std::string_view message, const HeadLimits& limits = {}) {
  return scan_in_pieces<Scanner, Head>(message, {message.size()}, limits);
}

template <class Scanner, class Head>
void expect_same_however_cut(std::string_view message, const HeadLimits& limits = {}) {
  const std::string whole = scan_whole<Scanner, Head>(message, limits);
  std::vector<std::size_t> bytewise;
  for (std::size_t i = 1; i <= message.size(); ++i) {
    bytewise.push_back(i);
    EXPECT_EQ((scan_in_pieces<Scanner, Head>(message, {i, message.size()}, limits)), whole) << "cut at " << i;
  }
  EXPECT_EQ((scan_in_pieces<Scanner, Head>(message, bytewise, limits)), whole) << message;
}

struct Case {
  std::string message;
  std::string_view fault;  // "": accepted
};

const std::vector<Case>& request_cases() {
  static const std::string kHost = "Host: a\r\n";
  static const std::vector<Case> cases = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
      {"\r\nGET /x?y=1 HTTP/1.1\r\nHost: a:80\r\n\r\nrest", ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello", ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n", ""},
      {"GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\n", ""},
      {"GET / HTTP/1.0\r\n\r\n", ""},
      {"OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nX:\t v a l \t\r\nEmpty:\r\n\r\n", ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: \x80\xff\r\n\r\n", ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\n\r\n", ""},
      // Start line
      {"G(T / HTTP/1.1\r\n" + kHost + "\r\n", "bad_method"},
      {" GET / HTTP/1.1\r\n" + kHost + "\r\n", "bad_method"},
      {"GET /#f HTTP/1.1\r\n" + kHost + "\r\n", "bad_target"},
      {"GET /\x80 HTTP/1.1\r\n" + kHost + "\r\n", "bad_target"},
      {"GET /\x01 HTTP/1.1\r\n" + kHost + "\r\n", "bad_target"},
      {"GET  / HTTP/1.1\r\n" + kHost + "\r\n", "bad_target"},
      {"GET * HTTP/1.1\r\n" + kHost + "\r\n", "bad_target"},
      {"GET x HTTP/1.1\r\n" + kHost + "\r\n", "bad_target"},
      {"GET ftp://a/ HTTP/1.1\r\n" + kHost + "\r\n", "bad_target"},
      {"GET / HTTP/1.1 \r\n" + kHost + "\r\n", "bad_version"},
      {"GET / http/1.1\r\n" + kHost + "\r\n", "bad_version"},
      {"GET / HTTP/1.2\r\n" + kHost + "\r\n", "unsupported_version"},
      {"GET / HTTP/2.0\r\n" + kHost + "\r\n", "unsupported_version"},
      {"GET /\r\n", "unsupported_version"},
      {"GET / HTTP/1.1\n" + kHost + "\r\n", "bare_lf"},
      {"GET / HTTP/1.1\r" + kHost, "bare_cr"},
      {"CONNECT http://a:1/ HTTP/1.1\r\n" + kHost + "\r\n", "connect_not_supported"},
      {"TRACE / HTTP/1.1\r\n" + kHost + "\r\n", "trace_not_allowed"},
      // Lines and fields
      {"GET / HTTP/1.1\r\nHost: a\n\r\n", "bare_lf"},
      {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "bare_cr"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\rx", "bare_cr"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\n", "bare_lf"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "folded_field"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\tfold\r\n\r\n", "folded_field"},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "space_before_colon"},
      {"GET / HTTP/1.1\r\n: a\r\n\r\n", "bad_field_name"},
      {"GET / HTTP/1.1\r\nH@st: a\r\n\r\n", "bad_field_name"},
      {"GET / HTTP/1.1\r\nHost\r\n\r\n", "bad_field_name"},
      {std::string("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 34), "bad_field_value"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", "bad_field_value"},
  };
  return cases;
}

const std::vector<Case>& meaning_cases() {
  static const std::vector<Case> cases = {
      {"GET / HTTP/1.1\r\n\r\n", "missing_host"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "repeated_host"},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n", ""},
      {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", ""},
      {"GET / HTTP/1.1\r\nHost: a%5A.b:1\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: a%5g\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: a%5\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: [2001:db8::192.0.2.1]:80\r\n\r\n", ""},
      {"GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: [:::::::::]\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: [1.2.3]\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: []\r\n\r\n", "bad_host"},
      {"GET / HTTP/1.1\r\nHost: [0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]\r\n\r\n", "bad_host"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "repeated_content_length"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", "bad_content_length"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", "bad_content_length"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", "bad_content_length"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", "bad_content_length"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", "bad_content_length"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "bad_content_length"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "length_and_encoding"},
      {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "encoding_in_http10"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "bad_transfer_encoding"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       "bad_transfer_encoding"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "bad_transfer_encoding"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", "bad_transfer_encoding"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", "bad_transfer_encoding"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "unknown_transfer_encoding"},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", "bad_expectation"},
      {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n", "bad_max_forwards"},
  };
  return cases;
}

TEST(RequestScanner, AcceptsAndRefuses) {
  for (const auto* cases : {&request_cases(), &meaning_cases()}) {
    for (const Case& c : *cases) {
      const std::string found = scan_whole<RequestScanner, RequestHead>(c.message);
      if (c.fault.empty()) {
        EXPECT_EQ(found.find("fault"), std::string::npos) << c.message << found;
        EXPECT_NE(found, "unfinished") << c.message;
      } else {
        EXPECT_EQ(found, "fault " + std::string(c.fault)) << c.message;
      }
    }
  }
}

TEST(RequestScanner, SaysTheSameHoweverTheBytesAreCut) {
  for (const Case& c : request_cases()) expect_same_however_cut<RequestScanner, RequestHead>(c.message);
  for (const Case& c : meaning_cases()) expect_same_however_cut<RequestScanner, RequestHead>(c.message);
}

TEST(RequestScanner, UnderstandsAHead) {
  EXPECT_EQ((scan_whole<RequestScanner, RequestHead>(
                "POST http://Ex.com:81?q HTTP/1.1\r\nHost: other\r\nContent-Length: 3\r\n"
                "Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nTE: trailers\r\nX: y\r\n\r\nabc")),
            "POST / ?q @Ex.com:81 1.1 framing 1 3 keep\nX=y\nbytes 146");
}

TEST(RequestScanner, DropsWhatAnyConnectionFieldNominates) {
  EXPECT_EQ((scan_whole<RequestScanner, RequestHead>(
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: connection, x-a\r\nConnection: x-b, close\r\n"
                "X-A: 1\r\nX-B: 2\r\nX-C: 3\r\n\r\n")),
            "GET / ? @a 1.1 framing 0 0 close\nX-C=3\nbytes 104");
}

TEST(RequestScanner, HoldsItsLimits) {
  const HeadLimits limits{.start_line = 20, .fields = {.field = 12, .fields = 39, .count = 3}};
  const std::vector<Case> cases = {
      {"GET /456789 HTTP/1.1\r\nHost: a\r\n\r\n", ""},
      {"GET /4567890 HTTP/1.1\r\nHost: a\r\n\r\n", "request_line_too_long"},
      {"GET / HTTP/1.1\r\nHost: 789012\r\n\r\n", ""},
      {"GET / HTTP/1.1\r\nHost: 7890123\r\n\r\n", "field_too_large"},
      {"GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n", ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", "too_many_fields"},
      {"GET / HTTP/1.1\r\nHost: 789012\r\nA: 23456789\r\nB: 23456789\r\n\r\n", "fields_too_large"},
  };
  for (const Case& c : cases) {
    const std::string found = scan_whole<RequestScanner, RequestHead>(c.message, limits);
    if (c.fault.empty()) {
      EXPECT_EQ(found.find("fault"), std::string::npos) << c.message << found;
    } else {
      EXPECT_EQ(found, "fault " + std::string(c.fault)) << c.message;
    }
    expect_same_however_cut<RequestScanner, RequestHead>(c.message, limits);
  }
}

TEST(RequestScanner, CountsMaxForwardsDownAndAnswersTheLast) {
  RequestHead head;
  RequestScanner scanner({});
  ASSERT_TRUE(scanner.scan("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n", head).done());
  EXPECT_EQ(head.max_forwards, 2U);
  scanner.reset();
  ASSERT_TRUE(scanner.scan("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", head).done());
  EXPECT_TRUE(head.answer_here);
}

const std::vector<Case>& response_cases() {
  static const std::vector<Case> cases = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ""},
      {"HTTP/1.1 200\r\n\r\n", ""},
      {"HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", ""},
      {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", ""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\n\r\n", ""},
      {"HTTP/2.0 200 OK\r\n\r\n", "unsupported_version"},
      {"HTTP/1.1 99 x\r\n\r\n", "bad_status_line"},
      {"HTTP/1.1 600 x\r\n\r\n", "bad_status_line"},
      {"HTTP/1.1  200 OK\r\n\r\n", "bad_status_line"},
      {"ICY 200 OK\r\n\r\n", "bad_status_line"},
      {"HTTP/1.1 200 OK\n\r\n", "bare_lf"},
      {"HTTP/1.1 101 Switching\r\n\r\n", "unasked_upgrade"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "length_and_encoding"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "repeated_content_length"},
      {"HTTP/1.1 200 OK\r\nContent-Length : 5\r\nX \t : y\r\n\r\n", ""},
      {"HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n", "bad_field_name"},
      {"HTTP/1.1 200 OK\r\n : z\r\n\r\n", "folded_field"},
  };
  return cases;
}

TEST(ResponseScanner, AcceptsAndRefusesHoweverTheBytesAreCut) {
  for (const Case& c : response_cases()) {
    const std::string found = scan_whole<ResponseScanner, ResponseHead>(c.message);
    if (c.fault.empty()) {
      EXPECT_EQ(found.find("fault"), std::string::npos) << c.message << found;
    } else {
      EXPECT_EQ(found, "fault " + std::string(c.fault)) << c.message;
    }
    expect_same_however_cut<ResponseScanner, ResponseHead>(c.message);
  }
}

TEST(ResponseScanner, RemovesSpaceBeforeAColon) {
  EXPECT_EQ((scan_whole<ResponseScanner, ResponseHead>(
                "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length \t: 5\r\nConnection : x-hop\r\nX-Hop : 1\r\n\r\n")),
            "200 OK 1.1 framing 1 5 keep\nX=y\nbytes 78");
}

TEST(ResponseScanner, FramesByStatusAndRequest) {
  const auto framing = [](std::string_view message, bool head_request) {
    ResponseHead head;
    ResponseScanner scanner({});
    scanner.expect_answer_to_head(head_request);
    EXPECT_TRUE(scanner.scan(message, head).done()) << message;
    return head.framing;
  };
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false), BodyFraming::kLength);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true), BodyFraming::kNone);
  EXPECT_EQ(framing("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false), BodyFraming::kNone);
  EXPECT_EQ(framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false), BodyFraming::kNone);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\n\r\n", false), BodyFraming::kUntilClose);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false), BodyFraming::kChunked);
}

// What can be told of a request that is refused, or has not come to its end.
TEST(RequestScanner, SaysWhatIsValidOfAHeadThatIsNot) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"GET /a?b HTTP/1.1\r\n\r\n", "GET /a ?b @ 1.1"},
      {"TRACE /a HTTP/1.1\r\nHost: h:1\r\n\r\n", "TRACE /a ? @h:1 1.1"},
      {"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:443 ? @ 1.1"},
      {"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", "GET /a ? @ 1.1"},
      {"GET /a HTTP/1.0\r\nX : y\r\n\r\n", "GET /a ? @ 1.0"},
      {"GET /a HTTP/2.0\r\n\r\n", "GET /a ? @ 1.-1"},
      {"GET /a b HTTP/1.1\r\n\r\n", "GET /a ? @ 1.-1"},
      {"GET /a\x01/b HTTP/1.1\r\n\r\n", "GET /a ? @ 1.-1"},
      {"GET /a\xff HTTP/1.1\r\n\r\n", "GET /a ? @ 1.-1"},
      {"GET /a?q=1", "GET /a ?q=1 @ 1.-1"},
      {"GET a/b HTTP/1.1\r\nHost: h\r\n\r\n", "GET a/b ? @ 1.1"},
      {"GET", "  ? @ 1.-1"},
      {"G\x01T / HTTP/1.1\r\n\r\n", "  ? @ 1.-1"},
      {"", "  ? @ 1.-1"},
      // User information is a secret.
      {"GET http://u:secret@h/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a ?b @ 1.1"},
      {"GET ftp://u:sec?ret@h/a HTTP/1.1\r\nHost: h\r\n\r\n", "GET h/a ? @ 1.1"},
      {"CONNECT u:secret@h:443 HTTP/1.1\r\n\r\n", "CONNECT h:443 ? @ 1.1"},
      {"GET http://u:secr", "GET  ? @ 1.-1"},
      {"GET http://u:secr\x01et@h/ HTTP/1.1\r\n\r\n", "GET  ? @ 1.-1"},
  };
  for (const auto& [message, expected] : cases) {
    ServerCodec codec(config::Limits{});
    ASSERT_FALSE(codec.read_head(message).done()) << message;
    const std::string told = describe_head(codec.refused_head(message));
    EXPECT_THAT(told, StartsWith(expected + " framing")) << message;
    EXPECT_EQ(told.find("sec"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace weir::http
