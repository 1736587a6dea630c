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
  const NormalPath result = normalise_path(GetParam().given, {}, space);
  ASSERT_EQ(result.fault, PathFault::kNone);
  EXPECT_EQ(result.path, GetParam().normal);
}

TEST_P(NormalisePath, IsItsOwnNormalForm) {
  std::array<char, 256> space;
  const NormalPath result = normalise_path(GetParam().normal, {}, space);
  ASSERT_EQ(result.fault, PathFault::kNone);
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
    EXPECT_EQ(normalise_path(path, {}, space).fault, PathFault::kMalformed) << path;
  }
}

TEST(NormalisePathErrors, RefusesWhatDoesNotFitOnlyIfItMustBeCopied) {
  std::array<char, 4> space;
  EXPECT_EQ(normalise_path("/a/./b", {}, space).fault, PathFault::kMalformed);
  EXPECT_EQ(normalise_path("/much-longer-than-that", {}, space).fault, PathFault::kNone);
}

TEST(NormalisePath, LeavesAnAlreadyNormalPathWhereItIs) {
  std::array<char, 4> space;
  const std::string path = "/v1/chat";
  EXPECT_EQ(normalise_path(path, {}, space).path.data(), path.data());
}

constexpr config::PathPolicy kMerge{config::SlashPolicy::kMerge, config::SlashPolicy::kMerge};
constexpr config::PathPolicy kReject{config::SlashPolicy::kReject, config::SlashPolicy::kReject};

TEST(NormalisePath, MergesSlashesBeforeItLooksForDots) {
  for (const Case& each : {Case{"//", "/"}, Case{"//a///b//", "/a/b/"}, Case{"/a//../b", "/b"}, Case{"/a/..//b", "/b"},
                           Case{"/a%2fb", "/a/b"}, Case{"/a%5Cb", "/a/b"}, Case{"/a%2F..%2f..%5cadmin", "/admin"},
                           Case{"/a%2f/b", "/a/b"}, Case{"/a%252fb", "/a%252fb"}, Case{"/a\\..\\b", "/b"}}) {
    std::array<char, 256> space;
    const NormalPath result = normalise_path(each.given, kMerge, space);
    ASSERT_EQ(result.fault, PathFault::kNone) << each.given;
    EXPECT_EQ(result.path, each.normal) << each.given;
  }
}

TEST(NormalisePath, RefusesSlashesThatServersReadInTwoWays) {
  std::array<char, 256> space;
  for (const char* path : {"//", "/a//b", "/a/.//b", "/a//"}) {
    EXPECT_EQ(normalise_path(path, kReject, space).fault, PathFault::kDoubleSlash) << path;
    EXPECT_EQ(normalise_path(path, {}, space).fault, PathFault::kNone) << path;
  }
  for (const char* path : {"/a%2Fb", "/a%2fb", "/%5c", "/a//b%2f", "/a\\..\\b"}) {
    EXPECT_EQ(normalise_path(path, kReject, space).fault, PathFault::kEncodedSlash) << path;
  }
  // One that an encoded slash becomes when it is merged is one too.
  const config::PathPolicy both{config::SlashPolicy::kReject, config::SlashPolicy::kMerge};
  EXPECT_EQ(normalise_path("/a%2f/b", both, space).fault, PathFault::kDoubleSlash);
  EXPECT_EQ(normalise_path("/a/b", kReject, space).path, "/a/b");
  EXPECT_EQ(path_refusal(PathFault::kDoubleSlash).code, "double_slash");
  EXPECT_EQ(path_refusal(PathFault::kEncodedSlash).code, "encoded_slash");
  EXPECT_EQ(path_refusal(PathFault::kMalformed).code, "bad_target");
}

}  // namespace
}  // namespace weir::proxy
