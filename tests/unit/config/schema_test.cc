#include "config/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "config/declaration.h"

namespace weir::config {
namespace {

TEST(Schema, NamesEveryKeyThatThisVersionHas) {
  const std::string schema = json_schema();
  const std::string page = reference_markdown();
  for (const Section* section : sections()) {
    for (const Key& key : section->keys) {
      const bool has = key.kind != Kind::kUnsupported;
      EXPECT_FALSE(key.sentence.empty()) << key.name;
      if (!has) continue;
      EXPECT_THAT(schema, testing::HasSubstr("\"" + std::string(key.name) + "\": {"));
      EXPECT_THAT(page, testing::HasSubstr("| `" + std::string(key.name) + "` |"));
    }
  }
}

TEST(Schema, DefinesWhatItRefersTo) {
  const std::string schema = json_schema();
  const std::string begin = "#/definitions/";
  int references = 0;
  for (std::size_t at = schema.find(begin); at != std::string::npos; at = schema.find(begin, at + 1), ++references) {
    const std::string name = schema.substr(at + begin.size(), schema.find('"', at) - at - begin.size());
    EXPECT_THAT(schema, testing::HasSubstr("\"" + name + "\": {")) << name;
  }
  EXPECT_GT(references, 20);
}

TEST(Schema, NamesNoSectionTwice) {
  std::set<std::string_view> names;
  for (const Section* section : sections()) EXPECT_TRUE(names.insert(section->name).second) << section->name;
}

// Written anew with WEIR_UPDATE=1, or by `weir schema --reference`.
TEST(Schema, TheReferencePageIsNotStale) {
  const std::string path = std::string(WEIR_SOURCE_DIR) + "/docs/config-reference.md";
  if (std::getenv("WEIR_UPDATE") != nullptr) std::ofstream(path) << reference_markdown();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), reference_markdown()) << "weir schema --reference > docs/config-reference.md";
}

TEST(Declaration, FindsTheNearestKey) {
  EXPECT_EQ(nearest_key(plan(), "listners"), "listeners");
  EXPECT_EQ(nearest_key(plan(), "Routes"), "routes");
  EXPECT_EQ(nearest_key(plan(), "quite-another-thing"), "");
}

}  // namespace
}  // namespace weir::config
