// What a request says at its top, however it is cut.
#include "proxy/inspect/request_scan.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::proxy {
namespace {

using What = RequestScan::What;

// "model@8-12 stream@23-27=true }31", where each thing stands, in pieces of `size`.
std::string found_in(std::string_view body, std::size_t size) {
  constexpr std::string_view kNames[] = {"",     "model",    "stream",        "stream_options",  "include_usage",
                                            "user", "cache_key", "safety",       "conversation",    "conversation.id",
                                            "metadata", "user_id", "session_id", "previous_response_id", "input_file_id",
                                            "response_format", "response_format.type", "text", "text.format",
                                            "text.format.type", "format",
                                            "output_config", "output_config.format", "output_config.format.type",
                                            "output_format", "output_format.type", "parameters", "grammar", "grammar.type",
                                            "structured", "structured.json", "structured.object", "guided", "schema"};
  RequestScan scan;
  std::string text;
  std::size_t at = 0;
  while (!body.empty()) {
    std::string_view piece = body.substr(0, size);
    body.remove_prefix(piece.size());
    for (;;) {
      const std::size_t left = piece.size();
      const RequestScan::Found found = scan.next(piece);
      at += left - piece.size();
      const std::string name(kNames[static_cast<std::size_t>(found.member)]);
      if (found.what == What::kNothing) break;
      if (found.what == What::kValue) text += " " + name + "@" + std::to_string(at) + found.first;
      if (found.what == What::kValueEnd) {
        text += "-" + std::to_string(at);
        if (!scan.word().empty()) text += "=" + std::string(scan.word());
      }
      if (found.what == What::kObjectEnd) text += " " + name + (found.empty ? "{}" : "}") + std::to_string(at);
    }
  }
  return text;
}

void expect_found(std::string_view body, std::string_view expected) {
  for (std::size_t size = body.size(); size > 0; --size) {
    ASSERT_EQ(found_in(body, size), expected) << body << " in pieces of " << size;
  }
}

TEST(RequestScan, FindsMembersOfTheTopAlone) {
  expect_found(R"({"model":"m","stream":true})", " model@9\"-12 stream@22t-26=true }26");
  expect_found(R"( {"messages":[{"model":"no","a":[{}]},"}"],"stream" : false , "model":"m\"}" } )",
               " stream@54f-59=false model@70\"-76 }77");
  expect_found(R"({"a":{"stream":true},"b":"\"stream\":true","c":["\\"],"stream":1})", " stream@631-64=1 }64");
  expect_found("{}", " {}1");
  expect_found(R"({"x":null})", " }9");
}

TEST(RequestScan, LooksIntoAnObjectInAnObject) {
  expect_found(R"({"text":{"format":{"type":"a"},"type":1},"model":2})",
               " text@8{ text.format@18{ text.format.type@26\"-29 text.format}29-30 text}39-40 model@49" "2-50=2 }50");
}

TEST(RequestScan, LooksIntoTheStreamOptions) {
  expect_found(R"({"stream_options":{"include_usage":false,"x":{"include_usage":1}}})",
               " stream_options@18{ include_usage@35f-40=false stream_options}64-65 }65");
  expect_found(R"({"stream_options":{ }, "model":1})", " stream_options@18{ stream_options{}20-21 model@31" "1-32=1 }32");
  expect_found(R"({"stream_options":null})", " stream_options@18n-22=null }22");
  expect_found(R"({"a":{"stream_options":{"include_usage":true}},"include_usage":true})", " }67");
}

TEST(RequestScan, LooksForWhoAsks) {
  expect_found(R"({"user":"a","prompt_cache_key":"b","safety_identifier":"c"})",
               " user@8\"-11 cache_key@31\"-34 safety@55\"-58 }58");
  expect_found(R"({"metadata":{"x":{"user_id":1},"session_id":"s","user_id":2},"user_id":3})",
               " metadata@12{ session_id@44\"-47 user_id@58" "2-59=2 metadata}59-60 }72");
  expect_found(R"({"conversation":{"id":"c"}})", " conversation@16{ conversation.id@22\"-25 conversation}25-26 }26");
  expect_found(R"({"conversation":"c","metadata":null,"id":1})",
               " conversation@16\"-19 metadata@31n-35=null }42");
}

TEST(RequestScan, FindsNothingMoreInWhatIsNoObject) {
  for (const char* const body :
       {"", "[1]", "\"model\"", "{model:1}", R"({"model" "m"})", R"([{"model":"m"}])", "\xef\xbf{\"model\":1}"}) {
    expect_found(body, "");
  }
  expect_found(R"({"model":,"stream":true})", "");
  expect_found(R"({"stream":true,})", " stream@10t-14=true");
  expect_found(R"({"stream":true]})", " stream@10t-14=true");
  expect_found(R"({"stream":true}{"model":1})", " stream@10t-14=true }14");
  expect_found(R"({"model":"m)", " model@9\"");
}

TEST(RequestScan, ReadsANameHoweverItIsWritten) {
  expect_found(R"({"m\u006fdel":"m"})", " model@14\"-17 }17");
  expect_found(R"({"\u0073\u0054ream":1,"\u0073\u0074\u0072\u0065\u0061\u006D":2})", " stream@61" "2-62=2 }62");
  expect_found(R"({"m\u016fdel":"m","mo\del":"m","m\u00zzdel":"m"})", " }47");
  expect_found(R"({"MoDeL":"m"})", " model@9\"-12 }12");
  expect_found("\xef\xbb\xbf{\"model\":1}", " model@12" "1-13=1 }13");
}

TEST(RequestScan, KeepsNoMoreThanAWord) {
  const std::string digits(1'000, '1');
  expect_found(R"({"stream":)" + digits.substr(0, 40) + "}", " stream@10" "1-50=" + digits.substr(0, 24) + " }50");
  expect_found(R"({")" + digits.substr(0, 60) + R"(":1})", " }65");
}

}  // namespace
}  // namespace weir::proxy
