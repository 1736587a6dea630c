#include "proxy/net/validity.h"

#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

using File = config::TlsFault::File;

constexpr std::int64_t kNow = 1'700'000'000;  // 2023-11-14T22:13:20Z
constexpr std::int64_t kDay = 24 * 3600;

FileValidity of(std::int64_t from_s, std::int64_t until_s, File file = File::kCertificate) {
  return {.file = file, .certificate = 1, .path = "a.pem", .validity = {.from_s = from_s, .until_s = until_s}};
}

std::string told(const FileValidity& validity) {
  const std::optional<config::TlsFault> fault = doubt(validity, kNow);
  if (!fault) return {};
  EXPECT_EQ(fault->path, "a.pem");
  EXPECT_EQ(fault->certificate, 1U);
  EXPECT_EQ(fault->file, validity.file);
  return fault->what;
}

TEST(Standing, ChangesWithTheTime) {
  EXPECT_EQ(standing(of(kNow + 1, Validity::kEver), kNow), Standing::kNotYet);
  EXPECT_EQ(standing(of(kNow, Validity::kEver), kNow), Standing::kGood);
  EXPECT_EQ(standing(of(0, kNow + kSoon_s), kNow), Standing::kGood);
  EXPECT_EQ(standing(of(0, kNow + kSoon_s - 1), kNow), Standing::kEndsSoon);
  EXPECT_EQ(standing(of(0, kNow), kNow), Standing::kEndsSoon);
  EXPECT_EQ(standing(of(0, kNow - 1), kNow), Standing::kEnded);
  EXPECT_EQ(standing(of(0, kNow + 1, File::kOcsp), kNow), Standing::kGood);
  EXPECT_EQ(standing(of(0, kNow - 1, File::kOcsp), kNow), Standing::kEnded);
}

TEST(Doubt, SaysHowManyDaysThereAre) {
  EXPECT_EQ(told(of(0, kNow + kSoon_s)), "");
  EXPECT_EQ(told(of(0, kNow + 2 * kDay + 5)), "it expires in 2 days, at 2023-11-16T22:13:25.000Z");
  EXPECT_EQ(told(of(0, kNow + 5)), "it expires in less than a day, at 2023-11-14T22:13:25.000Z");
  EXPECT_EQ(told(of(0, kNow - kDay)), "it expired 1 day ago, at 2023-11-13T22:13:20.000Z");
  EXPECT_EQ(told(of(kNow + 1, Validity::kEver)), "it is not valid before 2023-11-14T22:13:21.000Z");
}

TEST(Doubt, SaysThatAResponseIsNotStapled) {
  EXPECT_EQ(told(of(0, kNow + 5, File::kOcsp)), "");
  EXPECT_EQ(told(of(0, kNow - kDay, File::kOcsp)),
            "the response expired 1 day ago, at 2023-11-13T22:13:20.000Z, and is not stapled");
  EXPECT_EQ(told(of(kNow + 1, Validity::kEver, File::kOcsp)),
            "the response is not valid before 2023-11-14T22:13:21.000Z, and not stapled");
  FileValidity revoked = of(0, Validity::kEver, File::kOcsp);
  revoked.remark = "it is revoked";
  EXPECT_EQ(told(revoked), "it is revoked");
}

}  // namespace
}  // namespace weir::proxy
