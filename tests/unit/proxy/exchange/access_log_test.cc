// Lines of the access log, from requests that were read and from those that were not.
#include "proxy/exchange/access_log.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace weir::proxy {
namespace {

class AccessLogTest : public testing::Test {
 protected:
  void use(const std::string& format) {
    auto topology = std::make_shared<Topology>();
    topology->access_log.emplace();
    topology->access_log->redact = {"x-tenant"};
    topology->access_log->sample_ppm = sample_ppm_;
    topology->access_log->format = format == "json" ? config::json_log_format({"x-tenant", "authorization", "referer"})
                                                    : std::get<config::LogFormat>(config::parse_log_format(format));
    topology_ = std::move(topology);
    request_.method = "GET";
    request_.authority = "weir.test";
    request_.path = "/a b\"\\";
    request_.has_query = true;
    request_.query = "q=1&token=s3cret";
    unread_.minor_version = -1;
  }
  std::string line(const http::RequestHead& request, int status = 200) {
    RequestContext context;
    context.topology = Local<Topology>(topology_);
    context.client = parse_ip_bytes("192.0.2.7").value();
    context.request_id = "id-1";
    context.status = status;
    context.reason = status == 200 ? "" : "no_route";
    if (answer_ != nullptr) {
      context.answer = answer_;
      context.version = context.answering = &version_;
    }
    log_.begin(request, context);
    const SocketAddress peer = parse_ip("2001:db8::1", 80).value();
    log_.end(context, {.listener = "127.0.0.1:80", .peer = peer, .scheme = "http", .bytes_in = 3, .bytes_out = 4});
    std::string text;
    log_.lines().drain([&](std::string_view piece) { text += piece; });
    return text;
  }

  std::uint32_t sample_ppm_ = kMillion;
  const AnswerFacts* answer_ = nullptr;
  VersionTopology version_;
  Random random_{1};
  AccessLog log_{random_};
  std::shared_ptr<const Topology> topology_;
  http::RequestHead request_;
  http::RequestHead unread_;  // nothing of it was valid
};

TEST_F(AccessLogTest, WritesTextAsThePlanSays) {
  use("%client% %peer% [%host%] \"%method% %path% %protocol%\" %status% %reason% %bytes_in%/%bytes_out% %version%.");
  EXPECT_EQ(line(request_),
            "192.0.2.7 2001:db8::1 [weir.test] \"GET /a\\x20b\\\"\\\\?q=1&token=[redacted] HTTP/1.1\" 200 - 3/4 -.\n");
  EXPECT_EQ(line(unread_, 404), "192.0.2.7 2001:db8::1 [-] \"- - -\" 404 no_route 3/4 -.\n");
}

TEST_F(AccessLogTest, WritesOneJsonObjectALine) {
  use("json");
  request_.fields.add("User-Agent", "a\xff\r\n\"b\x01");
  request_.fields.add("X-Tenant", "mine");
  request_.fields.add("Authorization", "Bearer s3cret");
  request_.fields.add("Referer", "http://a/?password=s3cret&b=1");
  const std::string text = line(request_);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
  const json::ParseResult parsed = json::parse(text);
  ASSERT_TRUE(parsed.ok()) << text;
  EXPECT_EQ(parsed.value["method"].string(), "GET");
  EXPECT_EQ(parsed.value["path"].string(), "/a b\"\\?q=1&token=[redacted]");
  EXPECT_EQ(parsed.value["user_agent"].string(), "a\xc3\xbf\r\n\"b\x01");
  EXPECT_EQ(parsed.value["status"].number(), 200);
  EXPECT_EQ(parsed.value["header:x-tenant"].string(), "[redacted]");
  EXPECT_EQ(parsed.value["header:authorization"].string(), "[redacted]");
  EXPECT_EQ(parsed.value["header:referer"].string(), "http://a/?password=[redacted]&b=1");
  EXPECT_EQ(parsed.value["time"].string().size(), std::string_view("2026-11-23T10:15:30.123Z").size());
}

TEST_F(AccessLogTest, SaysWhatAnAnswerWas) {
  use("%answer% %response_model% %finish_reason% %first_output_ms% %chunk_gap_ms% %tokens_in%+%tokens_out% %tokens_cached% "
      "%tokens_reasoning% %cost%");
  EXPECT_EQ(line(request_), "- - - - - -+- - - -\n");
  version_.prices = config::Prices{.input = 0.5, .output = 2, .cached = 0.25};
  AnswerFacts facts;
  answer_ = &facts;
  EXPECT_EQ(line(request_), "- - - - - -+- - - -\n") << "nobody knows what it was";
  facts.known = true;
  EXPECT_EQ(line(request_), "- - - - - -+- - - -\n");
  facts.ending = Ending::kError;
  facts.finish = FinishReason::kLength;
  facts.model_space = {'t', '"', 'y'};
  facts.model_size = 3;
  facts.outputs = 3;
  facts.first_output_us = 1'500;
  facts.last_output_us = 5'500;
  facts.tokens_in = 25;
  facts.tokens_out = 14;
  facts.tokens_cached = 5;
  facts.tokens_reasoning = 6;
  EXPECT_EQ(line(request_), "error_event t\\\"y length 1.500 2.000 25+14 5 6 0.000039\n");
}

TEST_F(AccessLogTest, EscapesWhateverAClientSends) {
  use("\"%user_agent%\"");
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  request_.fields.add("User-Agent", all);
  const std::string text = line(request_);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_NE(text.find("\\x0a"), std::string::npos);
  for (const char c : text.substr(0, text.size() - 1)) EXPECT_TRUE(c >= ' ' && c < 0x7f);
}

TEST_F(AccessLogTest, KeepsAValueOneValueWithoutQuotesToo) {
  const std::string forging = "a b|c] \"d\" 200";
  const auto written = [&](const std::string& format) {
    use(format);
    request_.fields = {};
    request_.fields.add("User-Agent", forging);
    return line(request_);
  };
  EXPECT_EQ(written("%user_agent% %status%"), "a\\x20b|c]\\x20\\\"d\\\"\\x20200 200\n");
  EXPECT_EQ(written("%user_agent%|%status%"), "a\\x20b\\x7cc]\\x20\\\"d\\\"\\x20200|200\n");
  EXPECT_EQ(written("\"%user_agent%\" [%user_agent%]"),
            "\"a b|c] \\\"d\\\" 200\" [a\\x20b|c\\x5d\\x20\\\"d\\\"\\x20200]\n");
  // Two between the same quotes.
  EXPECT_EQ(written("\"%user_agent% %status%\""), "\"a\\x20b|c]\\x20\\\"d\\\"\\x20200 200\"\n");
}

TEST_F(AccessLogTest, CutsLongValuesOff) {
  use("%user_agent% %host%");
  const std::string agent(AccessLog::kMostValue + 1, 'a');
  request_.fields.add("User-Agent", agent);
  EXPECT_EQ(line(request_), agent.substr(1) + " weir.test\n");
}

TEST_F(AccessLogTest, TakesASampleAndAllThatFailed) {
  sample_ppm_ = 100'000;
  use("%status%");
  int lines = 0;
  for (int i = 0; i < 1'000; ++i) lines += line(request_).empty() ? 0 : 1;
  EXPECT_NEAR(lines, 100, 40);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(line(request_, 502), "502\n");
}

}  // namespace
}  // namespace weir::proxy
