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

// "user: a, conversation: c" of all that is wanted, in the order of the enum; " done" when nothing more is to come.
std::string read_all(std::string_view body, std::size_t size, config::BodyTextSet wanted) {
  RequestReader reader;
  reader.begin(wanted);
  for (std::size_t at = 0; at < body.size(); at += size) reader.take(body.substr(at, size));
  std::string text;
  for (std::size_t i = 0; i < config::kBodyTextCount; ++i) {
    const std::optional<std::string_view> found = reader.text(static_cast<BodyText>(i));
    if (found) text += std::string(config::kBodyTextNames[i]) + ": " + std::string(*found) + ", ";
  }
  return text + (reader.done() ? "done" : "more");
}

void expect_all(std::string_view body, config::BodyTextSet wanted, const std::string& expected) {
  for (std::size_t size = 1; size <= body.size(); ++size) ASSERT_EQ(read_all(body, size, wanted), expected) << body;
}

TEST(RequestReader, ReadsWhoAsks) {
  config::BodyTextSet all;
  for (std::size_t i = 0; i < config::kBodyTextCount; ++i) all.add(static_cast<BodyText>(i));
  expect_all(R"({"safety_identifier":"s","model":"m","metadata":{"session_id":"t","user_id":"u\/1"},"x":1,)"
             R"("prompt_cache_key":"k","previous_response_id":"p","conversation":{"object":"y","id":"c"},"input_file_id":"f",)"
             R"("user":"me","response_format":{"type":"text"},"messages":[)",
             all,
             "model: m, user: me, prompt_cache_key: k, safety_identifier: s, conversation: c, metadata.user_id: u/1, "
             "metadata.session_id: t, previous_response_id: p, input_file_id: f, response_format.type: text, done");
  expect_all(R"({"conversation":"c","user":7,"metadata":null,"messages":[)", all, "conversation: c, more");
  expect_all(R"({"user":"a","model":"m","user":"b"})", all, "model: m, user: a, done");
  // Of two objects the first one counts, whatever it lacks.
  config::BodyTextSet inner = BodyText::kMetadataUserId;
  inner.add(BodyText::kConversation);
  expect_all(R"({"metadata":{},"metadata":{"user_id":"u"},"conversation":{},"conversation":"c","x":[)", inner, "done");
  expect_all(R"({"user":"a","metadata":{"user_id":"u"},"x":[)", BodyText::kMetadataUserId, "metadata.user_id: u, done");
}

TEST(RequestReader, KnowsWhetherTheAnswerIsToBeJson) {
  const auto asks = [](std::string_view body) {
    std::optional<bool> asked;
    for (std::size_t size = 1; size <= body.size(); ++size) {
      RequestReader reader;
      reader.begin(BodyText::kAnswerFormat);
      for (std::size_t at = 0; at < body.size(); at += size) reader.take(body.substr(at, size));
      if (!asked) asked = reader.asks_json();
      EXPECT_EQ(*asked, reader.asks_json()) << body << " in pieces of " << size;
    }
    return *asked;
  };
  EXPECT_TRUE(asks(R"({"messages":[{"format":"text"}],"response_format":{"type":"json_object"}})"));
  EXPECT_TRUE(asks(R"({"response_format":{"json_schema":{"schema":{"type":"object"}},"type":"json_schema"}})"));
  EXPECT_TRUE(asks(R"({"text":{"verbosity":"low","format":{"name":"a","type":"json_schema"}},"model":"m"})"));
  EXPECT_TRUE(asks(R"({"format":"json","stream":false})"));
  EXPECT_TRUE(asks(R"({"format":{"type":"object","properties":{}}})"));
  EXPECT_TRUE(asks(R"({"output_config":{"effort":"low","format":{"schema":{"type":"x"},"type":"json_schema"}}})"));
  EXPECT_TRUE(asks(R"({"output_format":{"type":"json_schema","schema":{}}})"));
  EXPECT_TRUE(asks(R"({"model":"m","guided_json":{"type":"object"}})"));
  EXPECT_TRUE(asks(R"({"guided_json":"{\"type\":\"object\"}"})"));
  EXPECT_TRUE(asks(R"({"structured_outputs":{"json":{"type":"object"}}})"));
  EXPECT_TRUE(asks(R"({"structured_outputs":{"choice":null,"json_object":true}})"));
  EXPECT_TRUE(asks(R"({"inputs":"x","parameters":{"max_new_tokens":9,"grammar":{"value":{"type":"y"},"type":"json"}}})"));
  EXPECT_TRUE(asks(R"({"prompt":"x","json_schema":{}})"));
  EXPECT_FALSE(asks(R"({"structured_outputs":{"regex":"a","json":null,"json_object":false},"guided_json":null})"));
  EXPECT_FALSE(asks(R"({"structured_outputs":{"choice":["json"]},"guided_regex":"{","json":{},"json_object":true})"));
  EXPECT_FALSE(asks(R"({"parameters":{"grammar":{"type":"regex","value":"json"},"type":"json"},"grammar":{"type":"json"}})"));
  EXPECT_FALSE(asks(R"({"output_config":{"effort":"low","type":"json_schema"},"output_format":null})"));
  EXPECT_FALSE(asks(R"({"response_format":{"type":"text"},"format":"json"})")) << "the first one counts";
  EXPECT_FALSE(asks(R"({"text":{"format":{"type":"text"}}})"));
  EXPECT_FALSE(asks(R"({"text":"json","input":{"format":"json"},"response_format":"verbose_json"})"));
  EXPECT_FALSE(asks(R"({"format":"","response_format":null,"text":{"type":"json"}})"));
  EXPECT_FALSE(asks("{}"));
}

// What stands behind the first that a request has is not waited for.
TEST(RequestReader, SettlesWhatIsNeeded) {
  config::BodyNeeds needs;
  needs.or_else(BodyText::kUser);
  needs.or_else(BodyText::kConversation);
  needs.or_else(BodyText::kUser);
  EXPECT_EQ(needs.count, 2U);
  config::BodyTextSet wanted = BodyText::kModel;
  wanted.add(BodyText::kUser);
  wanted.add(BodyText::kConversation);
  const auto settled = [&](std::string_view body) {
    RequestReader reader;
    reader.begin(wanted);
    reader.take(body);
    return reader.settles(needs);
  };
  EXPECT_FALSE(settled(R"({"model":"m",)"));
  EXPECT_TRUE(settled(R"({"user":"a",)"));
  EXPECT_FALSE(settled(R"({"conversation":"c",)")) << "a user would come first";
  EXPECT_TRUE(settled(R"({"conversation":"c","user":"",)")) << "an empty one is none";
  EXPECT_TRUE(settled(R"({"user":7,"conversation":null,)"));
  EXPECT_TRUE(settled("{}"));
  needs.all.add(BodyText::kModel);
  EXPECT_FALSE(settled(R"({"user":"a",)"));
  EXPECT_TRUE(settled(R"({"user":"a","model":"m",)"));
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
