#include "proxy/http/date.h"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

TEST(DateText, IsTheFixedFormOfTheStandard) {
  DateText date;
  EXPECT_EQ(date.view(), "");
  date.update(std::chrono::system_clock::from_time_t(784'111'777));
  EXPECT_EQ(date.view(), "Sun, 06 Nov 1994 08:49:37 GMT");
  date.update(std::chrono::system_clock::from_time_t(784'111'778));
  EXPECT_EQ(date.view(), "Sun, 06 Nov 1994 08:49:38 GMT");
}

}  // namespace
}  // namespace weir::http
