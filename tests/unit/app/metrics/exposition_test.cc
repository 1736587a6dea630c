#include "app/metrics/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace weir::app {
namespace {

using testing::HasSubstr;
using testing::Not;

Scrape scrape() {
  Scrape out;
  RequestSeries requests{.service = "chat", .route = "a \"b\"\n", .version = "v1"};
  requests.by_class[0] = 7;
  out.requests.requests.push_back(requests);
  DurationSeries durations{.service = "chat", .version = "v1"};
  durations.buckets[3] = 2;
  durations.buckets.back() = 1;
  durations.sum_us = 2'500'000;
  out.requests.durations.push_back(durations);
  out.phases = {"running", "rolledBack"};
  out.rollouts.push_back({.service = "chat",
                          .phase = "running",
                          .weight = 0.25,
                          .guards = {{.guard = "errorRate", .toward_rollback = -INFINITY, .toward_advance = 0.5}},
                          .split = SplitSample{.baseline = 750, .candidate = 250, .toward_alarm = 0.125},
                          .budgets = {{.budget = "excessFailures", .spent = 0.75}}});
  out.counts[static_cast<std::size_t>(proxy::Count::kConnections)] = 12;
  out.webhooks.push_back(
      {.service = "chat", .webhook = "pager", .delivered = 5, .failed = 1, .dropped = 2, .waiting = 3});
  const std::map<std::string, std::string> listener = {{"listener", "127.0.0.1:443"}};
  out.certificates = {{.owner = listener, .file = "a.pem", .until_s = 1'800'000'000, .holds = true},
                      {.owner = {{"service", "chat"}, {"version", "v1"}}, .file = "b.pem", .until_s = 5},
                      {.owner = listener, .file = "a.ocsp", .ocsp = true, .until_s = 1'700'000'000, .holds = true},
                      {.owner = listener, .file = "b.ocsp", .ocsp = true}};
  out.process = process_sample();
  out.ready = true;
  return out;
}

TEST(Exposition, SaysWhatIsInNoFigure) {
  Scrape lossy;
  lossy.outcomes_dropped = 2;
  lossy.comparisons_dropped = 3;
  const std::string text = render_metrics(lossy);
  EXPECT_THAT(text, HasSubstr("weir_outcomes_dropped_total 2"));
  EXPECT_THAT(text, HasSubstr("weir_shadow_uncounted_total 3"));
}

TEST(Exposition, HasTheFamiliesThatDashboardsUse) {
  const std::string text = render_metrics(scrape());
  EXPECT_THAT(text, HasSubstr(R"(weir_requests_total{service="chat",route="a \"b\"\n",version="v1",class="ok"} 7)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_request_duration_seconds_bucket{service="chat",version="v1",le="0.01"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_request_duration_seconds_bucket{service="chat",version="v1",le="+Inf"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_request_duration_seconds_sum{service="chat",version="v1"} 2.5)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_rollout_weight{service="chat"} 0.25)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_rollout_phase{service="chat",phase="running"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_rollout_phase{service="chat",phase="rolledBack"} 0)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_guard_evidence{service="chat",guard="errorRate",toward="rollback"} 0)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_rollout_budget_spent{service="chat",budget="excessFailures"} 0.75)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_rollout_users{service="chat",arm="candidate"} 250)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_rollout_split_evidence{service="chat"} 0.125)"));
  const std::string deliveries = R"(weir_webhook_deliveries_total{service="chat",webhook="pager",result=)";
  EXPECT_THAT(text, HasSubstr(deliveries + R"("delivered"} 5)"));
  EXPECT_THAT(text, HasSubstr(deliveries + R"("failed"} 1)"));
  EXPECT_THAT(text, HasSubstr(deliveries + R"("dropped"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(weir_webhook_events_waiting{service="chat",webhook="pager"} 3)"));
  EXPECT_THAT(text, HasSubstr("weir_downstream_connections 12"));
  EXPECT_THAT(text, HasSubstr("weir_build_info{"));
}

TEST(Exposition, SaysHowLongCertificatesHold) {
  const std::string text = render_metrics(scrape());
  const std::string listener = R"({listener="127.0.0.1:443",file=)";
  EXPECT_THAT(text, HasSubstr("weir_certificate_expiry_timestamp_seconds" + listener + R"("a.pem"} 1800000000)"));
  EXPECT_THAT(text,
              HasSubstr(R"(weir_certificate_expiry_timestamp_seconds{service="chat",version="v1",file="b.pem"} 5)"));
  EXPECT_THAT(text, HasSubstr("weir_ocsp_response_expiry_timestamp_seconds" + listener + R"("a.ocsp"} 1700000000)"));
  EXPECT_THAT(text, HasSubstr("weir_ocsp_response_stapled" + listener + R"("a.ocsp"} 1)"));
  EXPECT_THAT(text, HasSubstr("weir_ocsp_response_stapled" + listener + R"("b.ocsp"} 0)"));
  EXPECT_THAT(text, Not(HasSubstr(R"(expiry_timestamp_seconds{listener="127.0.0.1:443",file="b.ocsp")")));
}

TEST(Exposition, AnIdleWeirStillHasItsTotals) {
  const std::string text = render_metrics({});
  EXPECT_THAT(text, HasSubstr("weir_requests_refused_total 0"));
  EXPECT_THAT(text, HasSubstr("weir_ready 0"));
}

TEST(Exposition, ProcessFiguresAreReal) {
  const ProcessSample sample = process_sample();
  EXPECT_GT(sample.resident_bytes, 1e5);
  EXPECT_GT(sample.open_fds, 2);
  EXPECT_GT(sample.max_fds, 2);
}

TEST(Exposition, PassesPromtool) {
  ASSERT_EQ(std::system("promtool --version >/dev/null 2>&1"), 0)
      << "promtool is missing: scripts/install-packages test";
  const auto path = std::filesystem::path(testing::TempDir()) / "exposition_test.prom";
  std::ofstream(path) << render_metrics(scrape());
  const std::string command = "promtool check metrics < '" + path.string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
}  // namespace weir::app
