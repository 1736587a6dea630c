#include "base/json_plain.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace weir::json {
namespace {

const Paths& paths() {
  static const Paths all(
      {"id", "n", "done", "list", "list.text", "list.n", "list.deep.er", "error", "a.name.of.more.than.sixteen bytes"});
  return all;
}

// What is told, a string in one piece however it came.
struct Told final : Scan::Sink {
  void on_text(int path, std::string_view piece, bool end) override {
    text += piece;
    if (!end) return;
    all += std::to_string(path) + "=\"" + text + "\" ";
    text.clear();
  }
  void on_number(int path, double number) override { all += std::to_string(path) + "=" + std::to_string(number) + " "; }
  void on_boolean(int path, bool value) override { all += std::to_string(path) + (value ? "=true " : "=false "); }
  void on_object(int path) override { all += std::to_string(path) + "{ "; }
  void on_object_end(int path, std::size_t members) override {
    all += std::to_string(path) + "}" + std::to_string(members) + " ";
  }
  std::string text;
  std::string all;
};

// "no JSON" when it is none.
std::string scanned(std::string_view text) {
  Told told;
  Scan scan(paths(), told);
  scan.begin();
  scan.feed(text);
  return scan.end() ? told.all : "no JSON";
}

// What `texts` tell of it; "not plain" when they leave it to Scan.
std::string told_plainly(PlainTexts& texts, std::string_view text, std::uint8_t shape = 0) {
  Told told;
  const std::string own(text);  // its end is the end of its memory
  PlainTexts::Source source{.shape = shape};
  if (texts.tell({own.data(), own.size()}, source, told)) return told.all;
  EXPECT_EQ(told.all + told.text, "");
  return "not plain";
}
std::string told_plainly(std::string_view text) {
  PlainTexts texts(paths());
  return told_plainly(texts, text);
}

const std::vector<std::string> kPlain = {
    R"({"id":"x-1","made":1700000000,"n":7,"list":[{"n":0,"text":" token","logprobs":null,"deep":{"er":"e"}}],"done":false})",
    R"({"id":"x-1","made":1700000000,"n":7,"list":[{"n":0,"text":"","logprobs":null}],"done":true,"error":{}})",
    " { \"id\" : \"\" ,\r\n\t\"list\" : [ { } , { \"text\" : \"b\" } , [ { \"n\" : 12 } ] , [ ] ] } ",
    R"({"n":0,"other":-0.25,"more":[-1,2.5,0,{}],"n":999999999999999,"list":{"text":["a","b"]}})",
    R"({"id":"\n\n","list":[{"text":"say \"\\\/\b\f\r\t\" twice"},{"text":"\n"},{"text":"\nx"}]})",
    R"({"id":"\u00e9t\u00E9 \u4f60\u597d\u0000\u0041","list":[{"text":"x\u07ff\u0800\uffff"}]})",
    "{\"id\":\"\xc3\xa9 and \xff, of no UTF-8, and DEL \x7f, all of more than sixteen bytes\"}",
    R"("a text")",
    "17",
    "null",
    "[]",
};

TEST(JsonPlain, TellsWhatAScanTells) {
  for (const std::string& text : kPlain) {
    ASSERT_NE(scanned(text), "no JSON") << text;
    EXPECT_EQ(told_plainly(text), scanned(text)) << text;
  }
}

TEST(JsonPlain, TellsTheSameOfATextLikeOneBefore) {
  PlainTexts texts(paths());
  for (int again = 0; again < 2; ++again) {
    for (const std::string& text : kPlain) EXPECT_EQ(told_plainly(texts, text), scanned(text)) << text;
  }
  const std::string first = R"({"id":"a","made":17,"list":[{"n":0,"text":" token"}]})";
  const std::string second =
      R"({"id":"","made":-1.75,"list":[{"n":123456789012345,"text":" a long one that goes on"}]})";
  EXPECT_EQ(told_plainly(texts, first), "0=\"a\" 3{ 5=0.000000 4=\" token\" 3}2 ");
  EXPECT_EQ(told_plainly(texts, second), "0=\"\" 3{ 5=123456789012345.000000 4=\" a long one that goes on\" 3}2 ");
}

// Else it would be no quicker than a scan.
TEST(JsonPlain, KnowsAShapeAgainWhateverStandsInIt) {
  PlainTexts texts(paths());
  Told told;
  const auto shape_of = [&](std::string_view text, std::uint8_t last) {
    PlainTexts::Source source{.shape = last};
    EXPECT_TRUE(texts.tell(text, source, told)) << text;
    return source.shape;
  };
  const std::uint8_t one = shape_of(R"({"id":"a","n":1,"x":[2]})", 0);
  const std::uint8_t other = shape_of(R"({"id":"a","n":1})", one);
  EXPECT_NE(one, other);
  EXPECT_EQ(shape_of(R"({"id":"\n is \u00e9","n":234,"x":[-0.5]})", one), one);
  EXPECT_EQ(shape_of(R"({"id":"","n":0,"x":[0]})", other), one);
  const std::uint8_t third = shape_of(R"({"id":"a","n":1,"x":[true]})", one);
  EXPECT_NE(third, one);
  EXPECT_NE(third, other);
}

int told_of_new_shapes(PlainTexts& texts, PlainTexts::Source& source, int tries) {
  Told told;
  int count = 0;
  for (int i = 0; i < tries; ++i) count += texts.tell("{\"new " + std::to_string(i) + "\":1}", source, told) ? 1 : 0;
  return count;
}

// To try each of them costs more than to scan it.
TEST(JsonPlain, LeavesToAScanASourceWhoseTextsAreLikeNoneBefore) {
  constexpr int kPatience = PlainTexts::kStrange / PlainTexts::kStranger;
  PlainTexts texts(paths());
  Told told;
  PlainTexts::Source strange;
  EXPECT_EQ(told_of_new_shapes(texts, strange, 2 * kPatience), kPatience);
  EXPECT_FALSE(texts.tell(R"({"id":"a"})", strange, told));
  PlainTexts::Source another;
  EXPECT_TRUE(texts.tell(R"({"id":"a"})", another, told));
}

TEST(JsonPlain, LeavesToAScanASourceWhoseTextsAreNotPlain) {
  constexpr int kPatience = PlainTexts::kStrange / PlainTexts::kStranger;
  PlainTexts texts(paths());
  Told told;
  PlainTexts::Source source;
  EXPECT_TRUE(texts.tell(R"({"id":"a"})", source, told));
  for (int i = 0; i < kPatience; ++i) EXPECT_FALSE(texts.tell(R"({"id":"\ud83d\ude00"})", source, told));
  EXPECT_FALSE(texts.tell(R"({"id":"a"})", source, told));
}

TEST(JsonPlain, BearsWithASourceMostOfWhoseTextsAreKnown) {
  PlainTexts texts(paths());
  Told told;
  PlainTexts::Source source;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(texts.tell("{\"new " + std::to_string(i) + "\":1}", source, told)) << i;
    for (int known = 0; known <= PlainTexts::kStranger; ++known) {
      EXPECT_TRUE(texts.tell(R"({"id":"a"})", source, told)) << i;
    }
  }
}

TEST(JsonPlain, LeavesToAScanWhatItHasNoRoomFor) {
  const std::string deep = std::string(17, '[') + std::string(17, ']');
  std::string many = R"({"list":[{"n":0})";
  for (int i = 0; i < 40; ++i) many += R"(,{"n":0})";
  many += "]}";
  for (const std::string& text :
       {std::string(R"({"id":"\ud83d\ude00"})"), std::string(R"({"n":1.5})"), std::string(R"({"n":-1})"),
        std::string(R"({"x":1e3})"), std::string(R"({"n":1234567890123456})"), std::string(R"({"\u0069d":"x"})"), deep,
        many}) {
    EXPECT_NE(scanned(text), "no JSON") << text;
    EXPECT_EQ(told_plainly(text), "not plain") << text;
  }
}

// Of what nobody looks for there is always room, but it is not kept for the next.
TEST(JsonPlain, PassesOverManyThatNobodyLooksFor) {
  std::string text = R"({"other":[0)";
  for (int i = 0; i < 100; ++i) text += ",\"x\",1";
  text += R"(],"id":null})";
  EXPECT_EQ(told_plainly(text), scanned(text));
}

TEST(JsonPlain, TellsNothingOfWhatIsNoJson) {
  for (const char* const text : {"",
                                 " ",
                                 "{",
                                 "{}{}",
                                 "{\"id\":\"x\"",
                                 "{\"id\" \"x\"}",
                                 "{\"id\":}",
                                 "{\"id\":\"x\",}",
                                 "[1,]",
                                 "[1 2]",
                                 "01",
                                 "-",
                                 "1.",
                                 "tru",
                                 "nul",
                                 "{\"n\":01}",
                                 "{\"x\":-}",
                                 "{\"x\":1.}",
                                 "{\"id\":\"a\nb\"}",
                                 "{\"id\":\"\\x\"}",
                                 "{\"id\":\"\\",
                                 "{\"id\":\"\\\"",
                                 "{id:1}",
                                 "[DONE]",
                                 "\"",
                                 "{\"done\":truely}"}) {
    EXPECT_EQ(scanned(text), "no JSON") << text;
    EXPECT_EQ(told_plainly(text), "not plain") << text;
  }
}

// A byte changed, left out or put in, and each text after many others.
TEST(JsonPlain, AgreesWithAScanOnSpoiltTexts) {
  constexpr unsigned kSeed = 20261130;
  constexpr std::string_view kBytes = "{}[]\":,\\0a1.-e \n";
  std::mt19937 random(kSeed);
  PlainTexts texts(paths());
  std::size_t plain = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = kPlain[random() % kPlain.size()];
    for (auto changes = random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      const char byte = kBytes[random() % kBytes.size()];
      const auto how = random() % 3;
      if (how == 0) text[at] = byte;
      if (how == 1) text.insert(at, 1, byte);
      if (how == 2 && text.size() > 1) text.erase(at, 1);
    }
    const std::string told = told_plainly(texts, text, static_cast<std::uint8_t>(random() % PlainTexts::kShapes));
    if (told == "not plain") continue;
    ++plain;
    ASSERT_EQ(told, scanned(text)) << text << ", seed " << kSeed;
  }
  EXPECT_GT(plain, 5'000U);
}

}  // namespace
}  // namespace weir::json
