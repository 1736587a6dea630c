// What an origin gets in the place of what the client sent.
#include "proxy/inspect/request_editor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::proxy {
namespace {

struct Edited {
  std::string body;
  bool usage_added = false;
};

Edited edit(RequestEditor& editor, const RequestEditor::Wishes& wishes, std::string_view body, std::size_t size) {
  editor.begin(wishes);
  Edited out;
  bool ended = false;
  do {
    const std::string_view piece = body.substr(0, size);
    body.remove_prefix(piece.size());
    editor.take(http::body_slice(piece, body.empty()));
    while (editor.pending()) {
      EXPECT_FALSE(ended) << "nothing comes behind the end";
      const http::BodyEvent event = editor.next();
      out.body += event.data;
      ended = event.end;
    }
  } while (!body.empty());
  EXPECT_TRUE(ended);
  out.usage_added = editor.usage_added();
  return out;
}

// However it is cut, and whether its length was said or not.
void expect_edited(RequestEditor::Wishes wishes, std::string_view body, std::string_view expected, bool usage_added) {
  RequestEditor editor;
  for (std::size_t size = body.size(); size > 0; --size) {
    wishes.length_said = false;
    Edited edited = edit(editor, wishes, body, size);
    ASSERT_EQ(edited.body, expected) << "in pieces of " << size;
    ASSERT_EQ(edited.usage_added, usage_added);
    wishes.length_said = true;
    edited = edit(editor, wishes, body, size);
    ASSERT_EQ(edited.body.size(), body.size() + editor.growth()) << "in pieces of " << size;
    ASSERT_EQ(edited.body.substr(0, expected.size()), expected) << "in pieces of " << size;
    ASSERT_EQ(edited.body.find_first_not_of(' ', expected.size()), std::string::npos);
    ASSERT_EQ(edited.usage_added, usage_added);
  }
}

constexpr RequestEditor::Wishes kUsage{.include_usage = true};
constexpr RequestEditor::Wishes kModel{.include_usage = false, .model = "\"llama-8b\""};

TEST(RequestEditor, AsksForTheTokensOfAStream) {
  expect_edited(kUsage, R"({"model":"m","stream":true,"messages":[{"content":"}"}]} )",
                R"({"model":"m","stream":true,"messages":[{"content":"}"}],"stream_options":{"include_usage":true}} )", true);
  expect_edited(kUsage, R"({"stream":true,"stream_options":{"x":1}})",
                R"({"stream":true,"stream_options":{"x":1,"include_usage":true}})", true);
  expect_edited(kUsage, R"({"stream_options":{},"stream":true})", R"({"stream_options":{"include_usage":true},"stream":true})",
                true);
  expect_edited(kUsage, R"({"stream":true,"stream_options":{"include_usage": false }})",
                R"({"stream":true,"stream_options":{"include_usage": true }})", true);
  expect_edited(kUsage, R"({"stream":true,"stream_options":null})",
                R"({"stream":true,"stream_options":{"include_usage":true}})", true);
}

TEST(RequestEditor, LeavesWhatAsksAlreadyOrDoesNotStream) {
  for (const char* const body :
       {R"({"stream":true,"stream_options":{"include_usage":true}})", R"({"stream":false,"model":"m"})", R"({"model":"m"})",
        R"({"stream":"true"})", R"({"messages":[{"stream":true}]})", R"([{"stream":true}])", R"({"stream":true)",
        R"({"stream":true]})", "no JSON at all", "{}", R"({"stream_options":null,"stream":true})",
        R"({"stream":false,"stream_options":null})"}) {
    expect_edited(kUsage, body, body, false);
  }
}

TEST(RequestEditor, CallsTheModelAsTheVersionDoes) {
  expect_edited(kModel, R"({"model":"gpt","stream":true})", R"({"model":"llama-8b","stream":true})", false);
  expect_edited(kModel, R"({"a":[{"model":"x"}],"model" : "a much longer \" name than that one" })",
                R"({"a":[{"model":"x"}],"model" : "llama-8b" })", false);
  expect_edited(kModel, R"({"model":null})", R"({"model":"llama-8b"})", false);
  expect_edited(kModel, R"({"prompt":"x"})", R"({"prompt":"x"})", false);
  RequestEditor::Wishes both = kModel;
  both.include_usage = true;
  expect_edited(both, R"({"stream":true,"model":{"a":[1]}})",
                R"({"stream":true,"model":"llama-8b","stream_options":{"include_usage":true}})", true);
}

// Servers differ in which of two they take.
TEST(RequestEditor, LetsNoOtherNameOfAModelPass) {
  expect_edited(kModel, R"({"model":"gpt-4o","model":"gpt-4"})", R"({"model":"llama-8b","model":"llama-8b"})", false);
  expect_edited(kModel, R"({"mo\u0064el":"gpt-4","\u006D\u006f\u0064\u0065\u006C":"gpt"})",
                R"({"mo\u0064el":"llama-8b","\u006D\u006f\u0064\u0065\u006C":"llama-8b"})", false);
  expect_edited(kModel, R"({"Model":"a","MODEL":"12345678"})", R"({"Model":"llama-8b","MODEL":"llama-8b"})", false);
  expect_edited(kModel, "\xef\xbb\xbf{\"model\":\"a\"}", "\xef\xbb\xbf{\"model\":\"llama-8b\"}", false);
}

TEST(RequestEditor, EmptiesWhatThereIsNoRoomFor) {
  RequestEditor editor;
  RequestEditor::Wishes wishes = kModel;
  wishes.length_said = true;
  constexpr std::string_view kBody = R"({"model":1,"model":2,"model":3})";
  for (std::size_t size = kBody.size(); size > 0; --size) {
    ASSERT_EQ(edit(editor, wishes, kBody, size).body, R"({"model":"llama-8b","model":"","model":0})") << size;
  }
}

TEST(RequestEditor, HasAnEmptyBodyGrowToo) {
  RequestEditor editor;
  RequestEditor::Wishes wishes = kModel;
  EXPECT_EQ(edit(editor, wishes, "", 1).body, "");
  wishes.length_said = true;
  EXPECT_EQ(edit(editor, wishes, "", 1).body, std::string(wishes.model.size(), ' '));
}

// A client that says it again and again gets no more room than was made, and what it gets has the length that was said.
TEST(RequestEditor, NeverOutgrowsWhatWasSaid) {
  RequestEditor editor;
  RequestEditor::Wishes wishes{.include_usage = true, .model = "\"llama-8b\"", .length_said = true};
  std::string body = R"({"stream":true)";
  for (int i = 0; i < 60; ++i) body += R"(,"model":"","stream_options":null,"stream_options":{"include_usage":0})";
  body += "}";
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, body.size()}) {
    const std::string edited = edit(editor, wishes, body, size).body;
    EXPECT_EQ(edited.size(), body.size() + editor.growth()) << "in pieces of " << size;
  }
}

}  // namespace
}  // namespace weir::proxy
