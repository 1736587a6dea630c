#include "proxy/inspect/event_framing.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::proxy {
namespace {

struct Kept final : EventFraming::Sink {
  void on_event_data(std::string_view piece) override { data += piece; }
  void on_event(std::string_view name) override {
    seen += std::string(name) + "<" + data + ">";
    data.clear();
  }
  std::string data;
  std::string seen;
};

std::string read(std::string_view stream, std::size_t piece) {
  EventFraming framing;
  Kept kept;
  while (!stream.empty()) {
    framing.feed(stream.substr(0, piece), kept);
    stream.remove_prefix(std::min(piece, stream.size()));
  }
  framing.end(kept);
  return kept.seen;
}

// The same however it is cut, and whatever ends its lines.
void expect_events(const std::string& stream, const std::string& events) {
  std::string crlf, cr;
  for (const char c : stream) {
    crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
    cr += c == '\n' ? '\r' : c;
  }
  for (const std::string& text : {stream, crlf, cr}) {
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      ASSERT_EQ(read(text, piece), events) << testing::PrintToString(text) << " in pieces of " << piece;
    }
  }
}

TEST(EventFraming, EndsAnEventAtAnEmptyLine) { expect_events("data: a\n\ndata: b\n\n", "<a><b>"); }

TEST(EventFraming, TakesOneSpaceOffAValue) { expect_events("data:a\n\ndata:  b\n\n", "<a>< b>"); }

TEST(EventFraming, PutsTheLinesOfAnEventTogether) { expect_events("data: a\ndata\ndata:\ndata: b\n\n", "<a\n\n\nb>"); }

TEST(EventFraming, NamesAnEventWhereverItsNameStands) {
  expect_events("event: x\ndata: a\n\ndata: b\nevent: y\n\ndata: c\n\n", "x<a>y<b><c>");
}

TEST(EventFraming, PassesOverCommentsAndOtherFields) {
  expect_events(": OPENROUTER PROCESSING\n\n:\nid: 7\nretry: 10\ndatabase: no\ndat: no\ndata: a\n: b\n\n", "<a>");
}

TEST(EventFraming, KnowsNoEventWithoutData) { expect_events("event: ping\n\ndata: a\n\n", "<a>"); }

TEST(EventFraming, TakesTheLastEventWithoutItsEmptyLine) {
  expect_events("data: a\n\ndata: b\n", "<a><b>");
  expect_events("data: a\n\ndata: b", "<a><b>");
}

TEST(EventFraming, PassesOverAByteOrderMarkAtTheBeginning) {
  expect_events(
      "\xef\xbb\xbf"
      "data: a\n\n",
      "<a>");
  expect_events(
      "\xef\xbb\xbf"
      "event: x\ndata: a\n\n\xef\xbb\xbf"
      "data: b\n\n",
      "x<a>");
}

TEST(EventFraming, CutsALongName) {
  const std::string name(100, 'n');
  expect_events("event: " + name + "\ndata: a\n\n", name.substr(0, EventFraming::kMaxName) + "<a>");
}

TEST(EventFraming, FindsTheEndOfALineOfAnySize) {
  for (std::size_t size = 0; size < 1'100; ++size) {
    const std::string line(size, 'x');
    EXPECT_EQ(line_end(line), std::string_view::npos);
    EXPECT_EQ(line_end(line + "\n\r"), size);
    EXPECT_EQ(line_end(line + "\r\n"), size);
    EXPECT_EQ(line_end(line + "\r" + line + "\n"), size);
  }
}

struct Whole final : EventFraming::Sink {
  void on_event_data(std::string_view) override { ++parts; }
  void on_event(std::string_view) override {}
  void on_whole_event(std::string_view data, std::string_view name) override {
    seen += std::string(name) + "<" + std::string(data) + ">";
  }
  std::string seen;
  int parts = 0;
};

TEST(EventFraming, TakesAnEventThatIsThereAsAWholeAtOnce) {
  EventFraming framing;
  Whole whole;
  framing.feed("data: a\n\ndata:b\n\nevent: x\ndata: c\n\n: d\ndata: e\r\n\r\n", whole);
  EXPECT_EQ(whole.seen, "<a><b>x<c><e>");
  EXPECT_EQ(whole.parts, 0);
  // Of two lines, with nothing in it, or not all there.
  framing.feed("data: a\ndata: b\n\ndata: \n\ndata: c\n", whole);
  framing.feed("\ndata: d\n", whole);
  EXPECT_EQ(whole.seen, "<a><b>x<c><e>");
}

}  // namespace
}  // namespace weir::proxy
