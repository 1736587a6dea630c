// Which model a request asks for, however its bytes are cut.
#include "proxy/inspect/request_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace weir::proxy {
namespace {

using config::BodyText;

// "model: m" once it is known, "model: m then 5" when 5 bytes need not have come; "none" the same.
std::string read(std::string_view body, std::size_t size) {
  RequestReader reader;
  reader.begin(BodyText::kModel);
  std::size_t at = 0;
  while (at < body.size() && !reader.done()) {
    reader.take(body.substr(at, size));
    at += std::min(size, body.size() - at);
  }
  const std::string text = reader.text(BodyText::kModel) ? "model: " + std::string(*reader.text(BodyText::kModel)) : "none";
  return reader.done() && size == 1 && at < body.size() ? text + " then " + std::to_string(body.size() - at) : text;
}

void expect_read(std::string_view body, const std::string& expected) {
  EXPECT_EQ(read(body, 1), expected) << body;
  const std::string found = expected.substr(0, expected.find(" then "));
  for (std::size_t size = 2; size <= body.size(); ++size) ASSERT_EQ(read(body, size), found) << body << " by " << size;
}

TEST(RequestReader, ReadsTheModelAndNoFurther) {
  expect_read(R"({"model":"llama-8b","messages":[]})", "model: llama-8b then 15");
  expect_read(R"({"messages":[{"model":"no"}],"model" : "m"})", "model: m then 1");
  expect_read(R"({"model":"a","model":"b"})", "model: a then 13");
  expect_read(R"({"model":""})", "model:  then 1");
}

TEST(RequestReader, ReadsWhatAnEscapeMeans) {
  expect_read(R"({"model":"meta\/llama\u002d\u00fc\"\\"})", "model: meta/llama-\xc3\xbc\"\\ then 1");
  expect_read(R"({"model":"\ud83d\ude00"})", "model: \xf0\x9f\x98\x80 then 1");
  expect_read(R"({"model":"\x"})", "none then 1");
}

TEST(RequestReader, TakesWhatIsNoNameForNone) {
  expect_read(R"({"model":7})", "none");  // the brace shows where the number ends
  expect_read(R"({"model":null,"x":1})", "none then 6");
  expect_read(R"({"model":{"model":"m"}})", "none then 1");
  expect_read(R"({"model":["m"]})", "none then 1");
}

TEST(RequestReader, KnowsWhenThereIsNoneToCome) {
  expect_read("{} ", "none then 1");
  expect_read("[1,2]", "none then 4");
  expect_read(R"({"x":1,)", "none");
  expect_read(R"({"model":"m)", "none");
}

TEST(RequestReader, KeepsNoNameThatIsTooLong) {
  const std::string fits(RequestReader::kMostText - 2, 'm');
  const std::string longer = fits + "m";
  EXPECT_EQ(read(R"({"model":")" + fits + "\"}", 100), "model: " + fits);
  EXPECT_EQ(read(R"({"model":")" + longer + "\"}", 100), "none");
  const std::string megabyte(1 << 20, 'm');
  EXPECT_EQ(read(R"({"model":")" + megabyte + "\"}", 1 << 21), "none");
}

TEST(RequestReader, AsksForJsonInPlainBytes) {
  http::RequestHead request;
  request.fields.add("Content-Type", "Application/JSON; charset=utf-8");
  EXPECT_FALSE(says_json(request)) << "it has no body";
  request.framing = http::BodyFraming::kChunked;
  EXPECT_TRUE(says_json(request));
  request.fields.add("Content-Encoding", "gzip");
  EXPECT_FALSE(says_json(request));
  http::RequestHead form;
  form.framing = http::BodyFraming::kChunked;
  form.fields.add("Content-Type", "multipart/form-data; boundary=x");
  EXPECT_FALSE(says_json(form));
}

}  // namespace
}  // namespace weir::proxy
