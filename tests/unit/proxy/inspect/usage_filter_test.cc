// What a client gets of a stream that was asked for its tokens on somebody else's behalf.
#include "proxy/inspect/usage_filter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::proxy {
namespace {

std::string filtered(UsageFilter& filter, std::string_view body, std::size_t size) {
  filter.begin();
  std::string out;
  bool ended = false;
  do {
    const std::string_view piece = body.substr(0, size);
    body.remove_prefix(piece.size());
    filter.take(http::body_slice(piece, body.empty()));
    while (filter.pending()) {
      EXPECT_FALSE(ended) << "nothing comes behind the end";
      const http::BodyEvent event = filter.next();
      out += event.data;
      ended = event.end;
    }
  } while (!body.empty());
  EXPECT_TRUE(ended);
  return out;
}

void expect_filtered(std::string_view body, std::string_view expected) {
  UsageFilter filter;
  for (std::size_t size = body.size(); size > 0; --size) {
    ASSERT_EQ(filtered(filter, body, size), expected) << "in pieces of " << size;
  }
}

std::string with_line_ends(std::string_view text, std::string_view line_end) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string(line_end) : std::string(1, c);
  return out;
}

const std::string kBefore =
    ": wait\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n"
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
const std::string kUsage =
    "id: 7\ndata: {\"id\":\"c\",\"choices\" : [ ],\"usage\":{\"prompt_tokens\":1,\"total_tokens\":2}}\n\n";
const std::string kDone = "data: [DONE]\n\n";

TEST(UsageFilter, TakesOutTheEventThatSaysTheTokens) {
  for (const char* const line_end : {"\n", "\r\n", "\r"}) {
    const auto ended = [&](const std::string& text) { return with_line_ends(text, line_end); };
    expect_filtered(ended(kBefore + kUsage + kDone), ended(kBefore + kDone));
    expect_filtered(ended(kUsage), "");
    expect_filtered(ended(kUsage + kUsage + kBefore), ended(kBefore));
  }
  expect_filtered(kBefore + kUsage.substr(0, kUsage.size() - 1), kBefore);
  expect_filtered(kBefore + kUsage.substr(0, kUsage.size() - 2), kBefore);
  expect_filtered("data: {\"choices\":[],\ndata: \"usage\":{}}\n\n", "");
}

TEST(UsageFilter, LeavesEverythingElse) {
  for (const std::string& body :
       {std::string(), kBefore + kDone, std::string("\n\n\r\n\r"), std::string("data: "),
        std::string("data: {\"choices\":[],\"prompt_filter_results\":[{}]}\n\n"),
        std::string("data: {\"choices\":[],\"usage\":null}\n\n"),
        std::string("data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":1}}\n\n"),
        std::string("data: {\"choices\":[],\"usage\":{},\"error\":{\"message\":\"\"}}\n\n"),
        std::string("data: {\"choices\":[],\"usage\":{}\n\n")}) {
    expect_filtered(body, body);
  }
}

TEST(UsageFilter, PassesOnWhatIsTooLargeToBeKept) {
  const std::string filling(UsageFilter::kMostEvent, 'x');
  const std::string large = "data: {\"choices\":[],\"usage\":{},\"x\":\"" + filling + "\"}\n\n";
  UsageFilter filter;
  for (const std::size_t size : {std::size_t{1}, std::size_t{999}, std::size_t{9'000}, 2 * large.size() + kUsage.size()}) {
    EXPECT_EQ(filtered(filter, large + kUsage + large, size), large + large) << "in pieces of " << size;
  }
}

// An event that has come goes out with no other one behind it.
TEST(UsageFilter, KeepsBackNoWholeEvent) {
  UsageFilter filter;
  filter.begin();
  filter.take(http::body_slice(std::string_view(kBefore).substr(0, kBefore.size() - 1), false));
  std::string sent;
  while (filter.pending()) sent += filter.next().data;
  EXPECT_LT(sent.size(), kBefore.size() - 1);
  filter.take(http::body_slice("\n", false));
  while (filter.pending()) sent += filter.next().data;
  EXPECT_EQ(sent, kBefore);
}

}  // namespace
}  // namespace weir::proxy
