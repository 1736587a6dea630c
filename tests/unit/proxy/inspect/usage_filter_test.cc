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
  expect_filtered("data: {\"choices\":[],\"error\":{},\"usage\":{}}\n\n" + kDone, kDone);
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

constexpr std::size_t kSizes[] = {1, 999, 9'000, 100'000, 1'000'000};

TEST(UsageFilter, TakesOutTheEventHoweverLargeItIs) {
  UsageFilter filter;
  for (const std::size_t most : {UsageFilter::kMostEvent, UsageFilter::kMostDoubtful}) {
    const std::string filling(most, 'x');
    for (const std::string& large :
         {"data: {\"choices\":[],\"usage\":{},\"x\":\"" + filling + "\"}\n\n",
          "data: {\"error\":{},\"choices\":[],\"usage\":{\"x\":\"" + filling + "\"}}\n\n"}) {
      for (const std::size_t size : kSizes) {
        ASSERT_EQ(filtered(filter, kBefore + large + kUsage + large + kDone, size), kBefore + kDone)
            << "in pieces of " << size;
        ASSERT_EQ(filtered(filter, large, size), "") << "in pieces of " << size;
      }
    }
  }
  const auto late = [](std::size_t most) {
    return "data: {\"x\":\"" + std::string(most, 'x') + "\",\"usage\":{},\"choices\":[]}\n\n";
  };
  for (const std::size_t size : kSizes) {
    EXPECT_EQ(filtered(filter, late(UsageFilter::kMostEvent) + kBefore, size), kBefore);
    // It shows too late what it is, however it comes.
    const std::string passed = late(UsageFilter::kMostDoubtful);
    EXPECT_EQ(filtered(filter, passed + kBefore, size), passed + kBefore);
  }
}

TEST(UsageFilter, PassesOnWhatHasAChoiceOrAnErrorHoweverLargeItIs) {
  UsageFilter filter;
  for (const std::size_t most : {UsageFilter::kMostEvent, UsageFilter::kMostDoubtful}) {
    const std::string filling(most, 'x');
    for (const std::string& large :
         {"data: {\"choices\":[{\"x\":\"" + filling + "\"}],\"usage\":{}}\n\n",
          "data: {\"usage\":{\"x\":\"" + filling + "\"},\"choices\":[{}]}\n\n",
          "data: {\"choices\":[],\"usage\":{},\"error\":{\"message\":\"" + filling + "\"}}\n\n",
          "data: {\"choices\":[],\"results\":\"" + filling + "\"}\n\n"}) {
      for (const std::size_t size : kSizes) {
        ASSERT_EQ(filtered(filter, large + kUsage + large, size), large + large) << "in pieces of " << size;
      }
    }
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
