#include "app/cli/explain_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli/figures.h"
#include "app/cli/terminal.h"

namespace weir::app {
namespace {

using testing::HasSubstr;
using testing::Not;

json::Value step(double weight) {
  json::Value out = json::parse(R"({"candidate_requests_per_second":0.5,"compared":true,
      "lasts_s":{"median":405,"p95":742},"waits_for":"latency p99","waits_for_person":true,"at_most_s":21600,
      "in_time":{"median":true,"p95":false},
      "guards":[{"name":"errorRate","measure":"percent","on_fail":"pause","gate":true,"accepted":0.21,
                 "passes_s":{"median":372,"p95":600},"smallest_found":{"while_it_stays":4.88,"before_at_most":0.51}},
                {"name":"latency p99","measure":"slowdown_percent","on_fail":"rollback","gate":false,"accepted":20,
                 "passes_s":null,"smallest_found":{"while_it_stays":null,"before_at_most":34}}],
      "regressions":[{"name":"errors x2: 0.20 %","found_s":{"median":null,"p95":null},"never_because":"of the margin"},
                     {"name":"p99 x2","found_s":{"median":1440,"p95":3300},"never_because":null}]})")
                        .value;
  json::Object with = out.object();
  return with.set("weight_percent", weight);
}

json::Value rollout(int steps) {
  json::Array list;
  for (int i = 0; i < steps; ++i) list.push_back(step(i + 1));
  const json::Value traffic = json::parse(R"({"requests_per_second":50,"requests_per_second_from":"--rps",
      "error_percent":0.1,"error_percent_from":"assumed","p50_ms":100,"p99_ms":404,"latency_from":"assumed",
      "latencies_known":1200,"design_effect":1})")
                                  .value;
  return json::Object{{"service", "chat"},        {"baseline", "v1"},
                      {"candidate", "v2"},        {"judged", true},
                      {"traffic", traffic},       {"total_s", json::Object{{"median", 1840}, {"p95", nullptr}}},
                      {"steps", std::move(list)}, {"warnings", json::Array{"the step is \x1b[2J too slow"}}};
}

TEST(ExplainView, ShowsWhatTheDocumentSays) {
  const std::string text = render_explanation(rollout(2), {});
  for (const char* part :
       {"chat: v1 → v2", "50 requests/s (--rps)", "lognormal with sigma 0.6", "6m 45s / 12m 22s", "+ a person",
        "6.2m / 10m", "4.88% / 0.51%", "none / +34%", "errorRate 0.21%, latency p99 +20%", "24m / 55m",
        "errors x2: 0.20 % is never found: of the margin.", "errorRate does not roll back", "30m 40s / never",
        "1,200 latencies known"}) {
    EXPECT_THAT(text, HasSubstr(part)) << text;
  }
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(ExplainView, HasNoTableOfGuardsWhereThereAreNone) {
  json::Object without = step(1).object();
  without.set("guards", json::Array{});
  json::Object document = rollout(1).object();
  document.set("steps", json::Array{without});
  const std::string text = render_explanation(document, {});
  EXPECT_THAT(text, Not(HasSubstr("When each gate"))) << text;
  EXPECT_THAT(text, Not(HasSubstr("The smallest regression"))) << text;
  EXPECT_THAT(text, HasSubstr("When a regression that is there")) << text;
}

TEST(ExplainView, TellsOfBudgetsJudgedOrNot) {
  json::Object document = rollout(1).object();
  json::Object only = step(1).object();
  only.set("budgets_spent_s", json::parse("[100, null]").value);
  document.set("steps", json::Array{only});
  document.set("budgets", json::parse(R"([{"name":"excessFailures","limit":50,"by_chance":6.2},
                                         {"name":"extraCost","limit":2.5,"by_chance":null}])")
                              .value);
  const std::string text = render_explanation(document, {});
  for (const char* part : {"has spent its maxExposure", "excessFailures 50", "1.7m", "extraCost 2.5",
                           "7 of excessFailures", "outside maxFalseRollback"}) {
    EXPECT_THAT(text, HasSubstr(part)) << text;
  }
  document.set("judged", false);
  EXPECT_THAT(render_explanation(document, {}), HasSubstr("taken back by maxExposure alone"));
  EXPECT_THAT(render_explanation(rollout(1), {}), Not(HasSubstr("maxExposure")));
}

TEST(ExplainView, TellsAPreviewFromABake) {
  json::Object preview = step(1).object();
  json::Object bake = step(100).object();
  bake.set("served_percent", 95);
  json::Object document = rollout(2).object();
  document.set("strategy", "blueGreen").set("steps", json::Array{preview, bake});
  EXPECT_THAT(render_explanation(document, {.columns = 200}),
              HasSubstr("step 1 is the preview, on 1 % of the users; step 2 is the bake, after the switch of 95 %"));
  preview.set("compared", false);
  document.set("steps", json::Array{preview, bake});
  EXPECT_THAT(render_explanation(document, {.columns = 200}), HasSubstr("in step 1 only overrides show the candidate"));
}

TEST(ExplainView, IsNoWiderThanTheTerminal) {
  for (const int columns : {0, 60, 100, 140}) {
    const std::string text = render_explanation(rollout(9), {.colour = true, .columns = columns});
    const auto most = static_cast<std::size_t>(std::max(100, columns));
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      EXPECT_LE(display_width(text.substr(at, end - at)), most) << text.substr(at, end - at);
      at = end + 1;
    }
    EXPECT_THAT(text, HasSubstr("9 %"));
  }
}

TEST(ExplainView, AnEmptyDocumentStillRenders) {
  EXPECT_THAT(render_explanation({}, {}), HasSubstr("Nothing is judged"));
}

TEST(Figures, TimesReadAsPeopleSayThem) {
  EXPECT_EQ(time_words(0.6), "0.6 s");
  EXPECT_EQ(time_words(45), "45 s");
  EXPECT_EQ(time_words(59.9), "1m");
  EXPECT_EQ(time_words(250), "4m 10s");
  EXPECT_EQ(time_words(3599.9), "1h");
  EXPECT_EQ(time_words(5040), "1h 24m");
  EXPECT_EQ(time_words(2 * 86400 + 3 * 3600), "2d 3h");
  EXPECT_EQ(time_words(200 * 86400.0), "200d");
  EXPECT_EQ(time_words(3 * 366 * 86400.0), "3 years");
  EXPECT_EQ(time_words(std::numeric_limits<double>::infinity()), "never");
  EXPECT_EQ(rate_words(0.5), "0.5");
  EXPECT_EQ(rate_words(1200), "1,200");
  EXPECT_EQ(mean_words(0.81234), "0.8123");
  EXPECT_EQ(mean_words(12345.6), "12,346");
}

}  // namespace
}  // namespace weir::app
