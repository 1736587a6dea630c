#include "proxy/route/path.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace weir::proxy {
namespace {

struct Case {
  const char* given;
  const char* normal;
};

class NormalisePath : public testing::TestWithParam<Case> {};

TEST_P(NormalisePath, GivesTheNormalForm) {
  std::array<char, 256> space;
  const NormalPath result = normalise_path(GetParam().given, space);
  ASSERT_TRUE(result.valid);
  EXPECT_EQ(result.path, GetParam().normal);
}

TEST_P(NormalisePath, IsItsOwnNormalForm) {
  std::array<char, 256> space;
  const NormalPath result = normalise_path(GetParam().normal, space);
  ASSERT_TRUE(result.valid);
  EXPECT_EQ(result.path, GetParam().normal);
}

INSTANTIATE_TEST_SUITE_P(Escapes, NormalisePath,
                         testing::Values(Case{"/%7Euser", "/~user"}, Case{"/%7euser", "/~user"},
                                         Case{"/%61%2D%2e%5F", "/a-._"}, Case{"/a%2fb", "/a%2Fb"},
                                         Case{"/a%00b", "/a%00b"}, Case{"/%e2%82%ac", "/%E2%82%AC"},
                                         Case{"/%252e", "/%252e"}));

// The examples of RFC 3986 5.2.4, and those that attackers try.
INSTANTIATE_TEST_SUITE_P(DotSegments, NormalisePath,
                         testing::Values(Case{"/a/b/c/./../../g", "/a/g"}, Case{"/a/.", "/a/"}, Case{"/a/..", "/"},
                                         Case{"/..", "/"}, Case{"/.", "/"}, Case{"/../../a", "/a"},
                                         Case{"/a/b/..", "/a/"}, Case{"/a/b/../", "/a/"}, Case{"/a/%2e%2E/b", "/b"},
                                         Case{"/public/%2e%2e/admin", "/admin"}, Case{"/a/.b/..c/d..", "/a/.b/..c/d.."},
                                         Case{"/a/...", "/a/..."}, Case{"/a//../b", "/a/b"}, Case{"/a//b", "/a//b"},
                                         Case{"/a/..%2fb", "/a/..%2Fb"}));

INSTANTIATE_TEST_SUITE_P(Whole, NormalisePath,
                         testing::Values(Case{"/", "/"}, Case{"", "/"}, Case{"*", "*"},
                                         Case{"/v1/chat/completions", "/v1/chat/completions"}));

TEST(NormalisePathErrors, RefusesMalformedEscapes) {
  std::array<char, 256> space;
  for (const char* path : {"/%", "/%4", "/a%zz", "/%4g", "/a%%41"}) {
    EXPECT_FALSE(normalise_path(path, space).valid) << path;
  }
}

TEST(NormalisePathErrors, RefusesWhatDoesNotFitOnlyIfItMustBeCopied) {
  std::array<char, 4> space;
  EXPECT_FALSE(normalise_path("/a/./b", space).valid);
  EXPECT_TRUE(normalise_path("/much-longer-than-that", space).valid);
}

TEST(NormalisePath, LeavesAnAlreadyNormalPathWhereItIs) {
  std::array<char, 4> space;
  const std::string path = "/v1/chat";
  EXPECT_EQ(normalise_path(path, space).path.data(), path.data());
}

}  // namespace
}  // namespace weir::proxy
