#include "proxy/split/created_ids.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::proxy {
namespace {

using config::BodyText;

// "responses:ID" or "files:ID+" where more stands behind it; "" for no collection.
std::string said(std::string_view path) {
  constexpr std::string_view kNames[] = {"", "responses", "conversations", "files", "batches"};
  const Collection found = collection_of(path);
  if (found.kind == Collection::Kind::kNone) return "";
  return std::string(kNames[static_cast<std::size_t>(found.kind)]) + ":" + std::string(found.id) +
         (found.whole ? "" : "+");
}

TEST(CreatedIds, AreFoundInPaths) {
  EXPECT_EQ(said("/v1/responses"), "responses:");
  EXPECT_EQ(said("/v1/responses/"), "responses:");
  EXPECT_EQ(said("/v1/responses/resp_1"), "responses:resp_1");
  EXPECT_EQ(said("/v1/responses/resp_1/cancel"), "responses:resp_1+");
  EXPECT_EQ(said("/openai//v1///files//file-a//content"), "files:file-a+");
  EXPECT_EQ(said("/v1/messages/batches/msgbatch_1"), "batches:msgbatch_1");
  EXPECT_EQ(said("/v1/conversations/conv_1/items/msg_2"), "conversations:conv_1+");
  EXPECT_EQ(said("files"), "files:");
  EXPECT_EQ(said("/v1/responses/compact"), "responses:");
  EXPECT_EQ(said("/v1/responses/input_tokens"), "responses:");
  EXPECT_EQ(said("/v1/files/compact"), "files:compact");
  for (const char* const other : {"", "/", "*", "/v1/chat/completions", "/v1/filesystem/x", "/v1/Files/x", "/xfiles/"}) {
    EXPECT_EQ(said(other), "") << other;
  }
}

TEST(CreatedIds, AreToldByWhatMakesOrShowsOne) {
  const auto tells = [](std::string_view method, std::string_view path) {
    return tells_ids(collection_of(path), method);
  };
  EXPECT_TRUE(tells("POST", "/v1/responses"));
  EXPECT_TRUE(tells("GET", "/v1/batches/batch_1"));
  EXPECT_FALSE(tells("GET", "/v1/files")) << "a list of them";
  EXPECT_FALSE(tells("GET", "/v1/files/file-a/content")) << "anything at all";
  EXPECT_FALSE(tells("DELETE", "/v1/files/file-a"));
  EXPECT_FALSE(tells("POST", "/v1/chat/completions"));
}

TEST(CreatedIds, AreNamedInBodiesOfWhatIsMadeOfThem) {
  const auto texts = [](std::string_view method, std::string_view path) {
    return naming_texts(collection_of(path), method);
  };
  EXPECT_TRUE(texts("POST", "/v1/responses").has(BodyText::kPreviousResponseId));
  EXPECT_TRUE(texts("POST", "/v1/responses").has(BodyText::kConversation));
  EXPECT_TRUE(texts("POST", "/v1/responses/compact").has(BodyText::kPreviousResponseId));
  EXPECT_TRUE(texts("POST", "/v1/responses/input_tokens").has(BodyText::kConversation));
  EXPECT_EQ(texts("POST", "/v1/batches"), BodyText::kInputFileId);
  EXPECT_TRUE(texts("POST", "/v1/responses/resp_1/cancel").empty());
  EXPECT_TRUE(texts("GET", "/v1/responses").empty());
  EXPECT_TRUE(texts("POST", "/v1/chat/completions").empty());
  EXPECT_EQ(created_key(""), 0U);
  EXPECT_NE(created_key("resp_1"), created_key("resp_2"));
}

}  // namespace
}  // namespace weir::proxy
