#include "proxy/route/model_path.h"

#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

TEST(ModelPath, HasAnotherNameInThePlaceOfTheClients) {
  EXPECT_EQ(with_model("/v2/models/bert/infer", "bert-b"), "/v2/models/bert-b/infer");
  EXPECT_EQ(with_model("/v2/models/bert", "bert-b"), "/v2/models/bert-b");
  EXPECT_EQ(with_model("/v1/models/bert:predict", "bert/versions/13"), "/v1/models/bert/versions/13:predict");
  EXPECT_EQ(with_model("/v1/models/bert/metadata", "bert/labels/canary"), "/v1/models/bert/labels/canary/metadata");
}

TEST(ModelPath, IsLeftAloneWhereItNamesAVersionItself) {
  EXPECT_EQ(with_model("/v2/models/bert/versions/3/infer", "bert/versions/13"), "");
  EXPECT_EQ(with_model("/v1/models/bert/labels/stable:predict", "bert/versions/13"), "");
}

TEST(ModelPath, IsNoneWithoutAModel) {
  EXPECT_EQ(with_model("/v2/models/bert/infer", ""), "");
  EXPECT_EQ(with_model("/v2/models", "bert-b"), "");
  EXPECT_EQ(with_model("/v2/models/", "bert-b"), "");
  EXPECT_EQ(with_model("/v2/models/:predict", "bert-b"), "");
  EXPECT_EQ(with_model("/v2/health/ready", "bert-b"), "");
  EXPECT_EQ(with_model("/api/v2/models/bert/infer", "bert-b"), "");
}

}  // namespace
}  // namespace weir::proxy
