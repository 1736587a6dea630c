#include "app/regressions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::app {
namespace {

using analysis::sim::Regression;
using testing::HasSubstr;

Regression read(std::string_view text) {
  analysis::sim::Traffic traffic;
  traffic.error_rate = traffic.client_error_rate = traffic.client_abort_rate = 0.01;
  Regression into;
  EXPECT_EQ(add_regression(text, traffic, into), "");
  return into;
}

std::string wrong(std::string_view text) {
  Regression into;
  return add_regression(text, {}, into);
}

TEST(Regressions, AreSharesOfAllRequestsOrTimesTheBaselines) {
  EXPECT_NEAR(read("errors=5%").errors.extra * 0.99 + 0.01, 0.05, 1e-12);
  EXPECT_NEAR(read("errors=0.5%").errors.factor, 0.5, 1e-12);
  EXPECT_EQ(read("errors=100%").errors.extra, 1);
  EXPECT_EQ(read("errors=x4").errors.factor, 4);
  EXPECT_EQ(read("capacity=2%").capacity.extra, 0.02);
  EXPECT_EQ(read("clientErrors=x2").client_errors.factor, 2);
  EXPECT_EQ(read("clientAborts=x2").client_aborts.factor, 2);
}

TEST(Regressions, AreStretchesOfLatency) {
  EXPECT_NEAR(read("latency=+10%").latency_factor, 1.1, 1e-12);
  EXPECT_EQ(read("latency=x1.5").latency_factor, 1.5);
  EXPECT_EQ(read("p99=x2").tail_factor, 2);
  EXPECT_EQ(read("slowInputs=5%").slow_share, 0.05);
  EXPECT_DOUBLE_EQ(read("tokens=+15%").tokens_factor, 1.15);
  EXPECT_DOUBLE_EQ(read("cost=+20%").cost_factor, 1.2);
  EXPECT_EQ(read("relevance=5%").relevance_less, 0.05);
  EXPECT_EQ(read("hallucinations=x2").hallucinations.factor, 2);
}

TEST(Regressions, SayWhatWasExpected) {
  EXPECT_THAT(wrong("eror=1%"), HasSubstr("did you mean `errors`?"));
  EXPECT_THAT(wrong("p95=x2"), HasSubstr("expected one of errors, capacity"));
  EXPECT_THAT(wrong("errors"), HasSubstr("expected errors=1%"));
  for (const std::string_view text :
       {"errors=1", "errors=101%", "errors=x0", "errors=x-1", "errors=x1e9", "errors=xnan", "errors=x2 ", "latency=10%",
        "latency=+", "p99=2", "slowInputs=x2", "tokens=2", "cost=20%", "relevance=x2", "hallucinations=+2"}) {
    EXPECT_THAT(wrong(text), HasSubstr("expected")) << text;
  }
}

TEST(Regressions, AreNothingThatNoCandidateCanDo) {
  analysis::sim::Traffic traffic;
  traffic.error_rate = 0;
  traffic.capacity_rate = 0.3;
  Regression into;
  EXPECT_THAT(add_regression("errors=x4", traffic, into), HasSubstr("there is no multiple; expected a share"));
  EXPECT_THAT(add_regression("capacity=x4", traffic, into), HasSubstr("times the baseline's 30 % is more than all"));
  Regression sum;
  for (const char* text : {"errors=60%", "capacity=40%"}) EXPECT_EQ(add_regression(text, traffic, sum), "");
  EXPECT_EQ(impossible_sum(traffic, sum), "") << "all of its requests";
  EXPECT_THAT(add_regression("errors=1%", traffic, sum), HasSubstr("errors was given before"));
  EXPECT_EQ(add_regression("clientErrors=20%", traffic, sum), "");
  EXPECT_EQ(impossible_sum(traffic, sum),
            "errors and capacity and clientErrors come to 120 % of the candidate's requests; expected 100 % at most");
}

}  // namespace
}  // namespace weir::app
