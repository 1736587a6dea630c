// The baseline's own health: STATISTICS.md 4.8, baseline_unhealthy.
#include "analysis/judge/error_window.h"

#include <gtest/gtest.h>

namespace weir::analysis {
namespace {

bool unhealthy_at(ErrorWindow window, std::uint64_t errors_in_1000) {
  window.add({.n = 1'000, .x = errors_in_1000}, Seconds(1));
  return window.unhealthy();
}

TEST(ErrorWindow, FivePercentIsMuchForWhoeverIsUsuallyWell) {
  ErrorWindow window;
  EXPECT_FALSE(unhealthy_at(window, 50));
  EXPECT_TRUE(unhealthy_at(window, 51));
  window.learn({.x = 10, .n = 1'000});
  EXPECT_FALSE(unhealthy_at(window, 50));
  EXPECT_TRUE(unhealthy_at(window, 51));
}

TEST(ErrorWindow, WhoeverUsuallyFailsIsComparedWithThat) {
  ErrorWindow window;
  window.learn({.x = 40, .n = 1'000});
  EXPECT_FALSE(unhealthy_at(window, 120)) << "3 x 4 %";
  EXPECT_TRUE(unhealthy_at(window, 121));
  window.learn({.x = 900, .n = 1'000});
  EXPECT_TRUE(unhealthy_at(window, 121)) << "an outage is not what is usual";
  window.begin_step();
  window.learn({.x = 900, .n = 1'000});
  EXPECT_FALSE(unhealthy_at(window, 121)) << "it is what the next step began with";
}

TEST(ErrorWindow, AThousandObservationsSayWhatIsUsual) {
  ErrorWindow window;
  window.learn({.x = 400, .n = 999});
  EXPECT_TRUE(unhealthy_at(window, 120));
  window.learn({.x = 40, .n = 1'000});
  EXPECT_FALSE(unhealthy_at(window, 120));
}

TEST(ErrorWindow, ForgetsAfterAMinute) {
  ErrorWindow window;
  window.add({.n = 100, .x = 100}, Seconds(1));
  for (int i = 0; i < 59; ++i) window.add({}, Seconds(1));
  EXPECT_TRUE(window.unhealthy());
  window.add({}, Seconds(1));
  EXPECT_FALSE(window.unhealthy());
}

}  // namespace
}  // namespace weir::analysis
