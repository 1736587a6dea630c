// Which requests are changed for the plan's sake, and which answers then are.
#include "proxy/exchange/inspection.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

namespace weir::proxy {
namespace {

class InspectionTest : public testing::Test {
 protected:
  InspectionTest() {
    request_.method = "POST";
    request_.path = "/v1/chat/completions";
    request_.framing = http::BodyFraming::kLength;
    request_.content_length = 25;
    request_.fields.add("Content-Type", "Application/JSON ; charset=utf-8");
    route_.asks_usage = true;
    head_.status = 200;
    head_.framing = http::BodyFraming::kChunked;
    head_.fields.add("content-type", "text/event-stream");
  }
  bool edits() { return inspection_.edit(request_, route_, version_) != nullptr; }
  // Of a request that streams, and does not ask for its tokens.
  bool filters() {
    BodyFilter* const editor = inspection_.edit(request_, route_, version_);
    if (editor == nullptr) return inspection_.filter(head_) != nullptr;
    editor->take(http::body_slice(R"({"stream":true})", true));
    while (editor->pending()) editor->next();
    return inspection_.filter(head_) != nullptr;
  }

  http::RequestHead request_;
  http::ResponseHead head_;
  Route route_;
  VersionTopology version_;
  Inspection inspection_;
};

TEST_F(InspectionTest, ChangesWhatThePlanHasAReasonFor) {
  EXPECT_TRUE(edits());
  EXPECT_GT(inspection_.growth(), 0U);
  request_.framing = http::BodyFraming::kChunked;
  EXPECT_TRUE(edits());
  EXPECT_EQ(inspection_.growth(), 0U) << "no length is said";
  request_.path = "/v1/embeddings";
  EXPECT_FALSE(edits());
  version_.model = "\"m\"";
  EXPECT_TRUE(edits());
  route_.asks_usage = false;
  EXPECT_TRUE(edits());
  version_.model.clear();
  EXPECT_FALSE(edits());
  EXPECT_EQ(inspection_.growth(), 0U);
}

TEST_F(InspectionTest, LeavesWhatIsNoJsonOfARequest) {
  request_.method = "PUT";
  EXPECT_FALSE(edits());
  request_.method = "POST";
  request_.fields.clear();
  EXPECT_FALSE(edits());
  request_.fields.add("content-type", "application/json-seq");
  EXPECT_FALSE(edits());
}

TEST_F(InspectionTest, LeavesWhatMustNotChange) {
  for (const auto& [name, value] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"Content-Encoding", "gzip"},
           {"Content-Digest", "sha-256=:x:"},
           {"X-Amz-Content-Sha256", "0"},
           {"Inference-Header-Content-Length", "7"},
           {"Cache-Control", "max-age=0, no-transform"}}) {
    request_.fields.clear();
    request_.fields.add("content-type", "application/json");
    EXPECT_TRUE(edits()) << name;
    request_.fields.add(name, value);
    EXPECT_FALSE(edits()) << name;
  }
  request_.fields.clear();
  request_.fields.add("content-type", "application/json");
  request_.content_length = UINT64_MAX;
  EXPECT_FALSE(edits()) << "there is no room for more";
}

TEST_F(InspectionTest, ForgetsTheRequestBefore) {
  EXPECT_TRUE(filters());
  inspection_.begin(config::Inspect::kOpenAi);
  EXPECT_EQ(inspection_.growth(), 0U);
  EXPECT_EQ(inspection_.filter(head_), nullptr);
}

TEST_F(InspectionTest, FiltersTheStreamsOfWhoHadNotAsked) {
  EXPECT_TRUE(filters());
  head_.framing = http::BodyFraming::kUntilClose;
  EXPECT_TRUE(filters());
  head_.framing = http::BodyFraming::kLength;
  EXPECT_FALSE(filters()) << "every byte that was said has to come";
  head_.framing = http::BodyFraming::kChunked;
  head_.fields.add("content-encoding", "gzip");
  EXPECT_FALSE(filters());
  head_.fields.clear();
  head_.fields.add("content-type", "application/json");
  EXPECT_FALSE(filters());
  head_.fields.clear();
  head_.fields.add("content-type", "text/event-stream");
  route_.asks_usage = false;
  EXPECT_FALSE(filters());
}

TEST(InspectionsTest, KeepNoMoreThanTheirNumber) {
  Inspections pool;
  std::vector<std::unique_ptr<Inspection>> peak;
  for (std::size_t i = 0; i < Inspections::kMostKept + 10; ++i) peak.push_back(pool.take());
  EXPECT_EQ(pool.kept(), 0U);
  for (auto& one : peak) pool.give(std::move(one));
  EXPECT_EQ(pool.kept(), Inspections::kMostKept);
  const std::unique_ptr<Inspection> again = pool.take();
  EXPECT_NE(again, nullptr);
  EXPECT_EQ(pool.kept(), Inspections::kMostKept - 1);
}

}  // namespace
}  // namespace weir::proxy
