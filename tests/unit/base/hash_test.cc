#include "base/hash.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

// Reference values of MurmurHash3_x86_32, known to every implementation.
TEST(Murmur3, GivesTheReferenceValues) {
  EXPECT_EQ(murmur3_32(""), 0u);
  EXPECT_EQ(murmur3_32("", 1), 0x514E28B7u);
  EXPECT_EQ(murmur3_32("test"), 0xba6bd213u);
  EXPECT_EQ(murmur3_32("Hello, world!"), 0xc0363e43u);
  EXPECT_EQ(murmur3_32("The quick brown fox jumps over the lazy dog"), 0x2e4ff723u);
}

TEST(Murmur3, OfTwoPartsIsThatOfTheirConcatenation) {
  const std::string_view whole = "service/candidate/revision-user-4711";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    EXPECT_EQ(murmur3_32(whole.substr(0, cut), whole.substr(cut), 0), murmur3_32(whole)) << cut;
  }
}

TEST(BucketPpm, CoversTheMillionAndNothingElse) {
  EXPECT_EQ(bucket_ppm(0), 0u);
  EXPECT_EQ(bucket_ppm(0xffffffffu), 999'999u);
  EXPECT_EQ(bucket_ppm(0x80000000u), 500'000u);
}

TEST(Xxh3, GivesTheReferenceValueOfTheEmptyString) { EXPECT_EQ(xxh3_64(""), 0x2d06800538d394c2u); }

}  // namespace
}  // namespace weir
