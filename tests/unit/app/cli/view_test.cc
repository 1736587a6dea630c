#include "app/cli/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli/figures.h"
#include "app/cli/history_view.h"
#include "app/cli/terminal.h"

namespace weir::app {
namespace {

using testing::HasSubstr;
using testing::Not;

json::Value status() {
  return json::
      parse(R"({"version":"0.1.0","ready":true,"time":"2026-11-23T10:15:30.000Z","problems":["the disk takes no writes"],
    "services":[{"name":"chat","versions":[
        {"name":"v1","rate":371.2,"error_percent":0.1,"p50_ms":8.25,"p90_ms":15,"p99_ms":1900},
        {"name":"v2","rate":0}],
      "rollout":{"baseline":"v1","candidate":"v2","phase":"running","step":2,"steps":4,"step_id":7,"weight_percent":25,
        "stage":"hold 0:34 of at least 2:00","durable":true,"waits":["not_armed: 1,200 of 2,000"],
        "guards":[{"name":"errorRate","baseline":{"n":12000,"x":12},"candidate":{"n":4000,"x":120},"toward_rollback":0.75,
                   "toward_advance":0.4,"gate":true,"gate_passed":false,"armed":true},
                  {"name":"latency p99","baseline":{"n":0,"x":0},"candidate":{"n":0,"x":0},"gate":true,"armed":false,
                   "history":1200,"history_needed":2000},
                  {"name":"tokensPerRequest","baseline":{"n":12000,"mean":271.44},"candidate":{"n":0},"gate":true}]}}]})")
          .value;
}

TEST(View, ShowsStepWeightRatesEvidenceAndWhyItWaits) {
  const std::string frame = render_frame(status(), {.colour = false, .where = "http://127.0.0.1:9901"});
  for (const char* part : {"v1 → v2", "running", "step 2 of 4", "25 %", "hold 0:34 of at least 2:00", "371", "8.2 ms",
                           "1.9 s", "3 % of 4,000", "0.10 % of 12,000", "271.4 of 12,000", "75 %",
                           "not armed: 1,200 of 2,000", "waits: not_armed", "! the disk takes no writes"}) {
    EXPECT_THAT(frame, HasSubstr(part));
  }
  EXPECT_THAT(frame, Not(HasSubstr("\x1b")));
}

TEST(View, ColoursOnlyWhenTold) {
  EXPECT_THAT(render_frame(status(), {.colour = true, .where = {}}), HasSubstr("\x1b[31m"));
}

TEST(View, AnEmptyDocumentStillRenders) { EXPECT_THAT(render_frame({}, {}), HasSubstr("not ready")); }

TEST(View, SaysWhetherTheVersionsGetTheirShares) {
  const auto frame = [](bool alarm) {
    const std::string text = std::string(R"({"services":[{"name":"chat","rollout":{"phase":"running","split":)") +
                             R"({"unit":"users","baseline":7500,"candidate":2500,"due_percent":20,"counting":true,)" +
                             "\"alarm\":" + (alarm ? "true" : "false") + "}}}]}";
    return render_frame(json::parse(text).value, {});
  };
  EXPECT_THAT(frame(false), HasSubstr("split: 2,500 of 10,000 users on the candidate, 25 % where 20 % is due\n"));
  EXPECT_THAT(frame(true), HasSubstr("; broken"));
}

TEST(View, SaysWhatIsPromisedOnceEditsHaveRaisedIt) {
  const auto frame = [](const std::string& promised) {
    const std::string text = R"({"services":[{"name":"chat","rollout":{"phase":"running","max_false_rollback":0.01,)"
                             R"("promised_false_rollback":)" +
                             promised + "}}]}";
    return render_frame(json::parse(text).value, {});
  };
  EXPECT_THAT(frame("0.011666666666666667"),
              HasSubstr("maxFalseRollback: 1.17 % is promised, where the plan says 1 %"));
  for (const char* planned : {"0.01", "0.010000000000000002", "0"}) {
    EXPECT_THAT(frame(planned), Not(HasSubstr("promised"))) << planned;
  }
}

TEST(View, SaysWhatIsSpentOfTheBudgets) {
  const auto frame = [](int spent) {
    const std::string text =
        R"({"services":[{"name":"chat","rollout":{"phase":"running","budgets":[{"name":"excessFailures","limit":50,)"
        R"("says":"7.3 of 50 excessFailures","spent":)" +
        std::to_string(spent) +
        R"(},{"name":"failedRequests","limit":500,"says":"9 of 500 failedRequests","spent":9}]}}]})";
    return render_frame(json::parse(text).value, {.colour = true, .where = {}});
  };
  EXPECT_THAT(frame(7), HasSubstr("budget: 7.3 of 50 excessFailures, 9 of 500 failedRequests; counted, not tested: "
                                  "outside maxFalseRollback"));
  EXPECT_THAT(frame(25), HasSubstr("\x1b[33mbudget: "));
  EXPECT_THAT(frame(50), HasSubstr("\x1b[31mbudget: "));
  EXPECT_THAT(render_frame(status(), {}), Not(HasSubstr("budget")));
}

TEST(View, TrafficAloneIsNoChange) {
  const std::string before = change_key(status());
  const auto with = [](std::string from, std::string to) {
    std::string text = json::write(status());
    text.replace(text.find(from), from.size(), to);
    return change_key(json::parse(text).value);
  };
  EXPECT_EQ(with("371.2", "380.5"), before);
  EXPECT_EQ(with("not_armed: 1,200", "not_armed: 1,900"), before);
  EXPECT_NE(with("\"step_id\":7", "\"step_id\":8"), before);
  EXPECT_NE(with("running", "paused"), before);
  EXPECT_NE(with("\"gate_passed\":false", "\"gate_passed\":true"), before);
}

TEST(View, HistoryIsOneLineARecord) {
  const json::Value history = json::parse(R"({"records":[{"time":"t","service":"chat","decision":"rollback",
    "weight_before_percent":25,"weight_after_percent":0,"actor":"weir","reason":"errorRate\u001b[2J"}]})")
                                  .value;
  const std::string text = render_history(history, {});
  EXPECT_THAT(text, HasSubstr("rollback"));
  EXPECT_THAT(text, HasSubstr("25 % → 0 %"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(View, HistoryOfOneServiceIsAStory) {
  const json::Value history = json::parse(R"({"records":[
    {"time":"t2","service":"chat","candidate":"v2","decision":"rollback","rule":"guard","weight_before_percent":25,
     "weight_after_percent":0,"actor":"weir","attempt":2,"elapsed_s":482,"reason":"errorRate: candidate 12 of \u001b[2J",
     "guards":[
      {"name":"capacityRate","action":"rollback","speaks":true,"evidence_rollback":0.2},
      {"name":"errorRate","action":"rollback","speaks":true,"evidence_rollback":1240.4,"evidence_needed":100,
       "candidate_since_start":{"n":400,"x":12},"baseline_since_start":{"n":1200,"x":1},"margin_factor":1.1,
       "margin":0.001,"groups_hit":9,"groups_seen":60,"worst_group":{"group":40,"n":6,"x":4},"design_effect":1.3,
       "difference_percent":{"value":2.9,"low":1.2,"high":4.6},"first_requests":["r-1","r-2"],"alpha_promised":true}]},
    {"time":"t1","service":"chat","candidate":"v2","decision":"advance","rule":"gates","weight_before_percent":5,
     "weight_after_percent":25,"actor":"weir","attempt":2,"elapsed_s":60,"reason":"the step at 5% is over","guards":[
      {"name":"errorRate","gate":true,"gate_passed":true,"candidate":{"n":90,"x":0},"baseline":{"n":1700,"x":2}},
      {"name":"tokensPerRequest","gate":true,"candidate":{"n":1176,"mean":20.57},"baseline":{"n":1234567,"mean":1234.5}}]}]})")
                                  .value;
  const std::string text = render_story(history, {});
  for (const char* fact :
       {"rollback  25 % → 0 % of users on v2  by weir", "because errorRate", "after 8m 2s of attempt 2",
        "3 %, 12 of 400", "0.08 %, 1 of 1,200, over the same seconds", "10 % more than the baseline, and 0.10 % of all",
        "1 : 1,240 of 1 : 100", "at least 9, in so many of 60 groups", "66.7 %, 4 of 6 requests of group 40", "1.3:",
        "2.90 % (1.20 % … 4.60 %)", "r-1, r-2", "advance  5 % → 25 %", "because the step at 5% is over", "passed",
        "20.57 on average of 1,176 baseline ", "on average of 1,234,567 0 % of its evidence"}) {
    EXPECT_THAT(text, HasSubstr(fact));
  }
  EXPECT_THAT(text, Not(HasSubstr("capacityRate")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

// Its arms have one name, and the record of its start has no noise to tell of yet.
TEST(View, HistoryNamesTheArmsOfAVersionAgainstItself) {
  const json::Value history = json::parse(R"({"records":[
    {"time":"t2","service":"chat","baseline":"v1","candidate":"v1","decision":"report","weight_before_percent":50,
     "weight_after_percent":50,"actor":"weir","reason":"1h","aa":{"guards":[{"says":"errorRate: 0.1%"}]}},
    {"time":"t1","service":"chat","baseline":"v1","candidate":"v1","decision":"start","weight_before_percent":0,
     "weight_after_percent":50,"actor":"weir","reason":"the rollout starts"}]})")
                                  .value;
  const std::string text = render_story(history, {});
  EXPECT_THAT(text, HasSubstr("report  50 % → 50 % of users in the second arm  by weir"));
  EXPECT_THAT(text, HasSubstr("start  0 % → 50 % of users in the second arm  by weir"));
  EXPECT_THAT(text, Not(HasSubstr("on v1")));
}

TEST(Figures, ReadAsPeopleWriteThem) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(-1234567), "-1,234,567");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(percent(25), "25 %");
  EXPECT_EQ(percent(0.0001), "0.0001 %");
  EXPECT_EQ(percent(0.1), "0.10 %");
  EXPECT_EQ(milliseconds(8.44), "8.4 ms");
  EXPECT_EQ(milliseconds(3200), "3.2 s");
  EXPECT_EQ(bar(0.5, 4), "██░░");
  EXPECT_EQ(bar(-1, 2), "░░");
}

TEST(Terminal, WidthCountsColumns) {
  EXPECT_EQ(display_width("v1 → v2"), 7U);
  EXPECT_EQ(display_width(tinted("red", Tint::kRed, true)), 3U);
  EXPECT_EQ(padded("→", 3), "→  ");
}

}  // namespace
}  // namespace weir::app
