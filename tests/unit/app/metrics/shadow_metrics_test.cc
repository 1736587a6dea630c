#include "app/metrics/shadow_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/metrics/exposition.h"

namespace weir::app {
namespace {

using testing::HasSubstr;
using testing::Not;

class ShadowMetricsTest : public testing::Test {
 protected:
  Comparison comparison(OutcomeClass candidate) const {
    Comparison out;
    out.service = service_;
    out.sides[0] = {.version = baseline_, .json = JsonForm::kValid, .duration_us = 1'000, .bytes = 200};
    out.sides[1] = {.version = candidate_,
                    .outcome = candidate,
                    .json = JsonForm::kInvalid,
                    .duration_us = 3'000,
                    .bytes = 100};
    out.likeness = candidate == OutcomeClass::kOk ? Likeness::kEqual : Likeness::kUnknown;
    return out;
  }
  std::string text() const {
    Scrape scrape;
    scrape.shadow = metrics_.totals();
    return render_metrics(scrape);
  }

  Names names_;
  ServiceId service_ = names_.services.intern("chat");
  VersionId baseline_ = names_.version("chat", "v1");
  VersionId candidate_ = names_.version("chat", "v2");
  ShadowMetrics metrics_{names_};
};

TEST_F(ShadowMetricsTest, SayNothingWithoutCopies) { EXPECT_THAT(text(), Not(HasSubstr("weir_shadow_comparisons"))); }

TEST_F(ShadowMetricsTest, SayWhatPairsWereUnderTheirNames) {
  metrics_.record(comparison(OutcomeClass::kOk));
  metrics_.record(comparison(OutcomeClass::kOk));
  metrics_.record(comparison(OutcomeClass::kTimeout));
  const std::string all = text();
  const std::string labels = R"(service="chat",baseline="v1",candidate="v2")";
  EXPECT_THAT(all, HasSubstr("weir_shadow_comparisons_total{" + labels + R"(,baseline_class="ok",candidate_class="ok"} 2)"));
  EXPECT_THAT(all,
              HasSubstr("weir_shadow_comparisons_total{" + labels + R"(,baseline_class="ok",candidate_class="timeout"} 1)"));
  EXPECT_THAT(all, HasSubstr("weir_shadow_answers_total{" + labels + R"(,likeness="equal"} 2)"));
  EXPECT_THAT(all, HasSubstr("weir_shadow_answers_total{" + labels + R"(,likeness="identical"} 0)"));
  EXPECT_THAT(all, HasSubstr("weir_shadow_json_invalid_total{" + labels + "} 2"));
  EXPECT_THAT(all, HasSubstr("weir_shadow_duration_ratio_sum{" + labels + "} 6"));
  EXPECT_THAT(all, HasSubstr("weir_shadow_duration_ratio_bucket{" + labels + R"(,le="2"} 0)"));
  EXPECT_THAT(all, HasSubstr("weir_shadow_duration_ratio_bucket{" + labels + R"(,le="4"} 2)"));
  EXPECT_THAT(all, HasSubstr("weir_shadow_length_ratio_bucket{" + labels + R"(,le="0.5"} 2)"));
}

}  // namespace
}  // namespace weir::app
