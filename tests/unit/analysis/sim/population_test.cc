#include "analysis/sim/population.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/sim/answer.h"

namespace weir::analysis::sim {
namespace {

std::vector<Request> requests_of(const Traffic& traffic, double until_s) {
  Population population(traffic, 7);
  std::vector<Request> taken;
  while (population.next_at() < until_s) taken.push_back(population.take());
  return taken;
}

TEST(Population, SendsAsManyRequestsAsItSaysInOrder) {
  Traffic traffic;
  traffic.rps = 50;
  const std::vector<Request> requests = requests_of(traffic, 2'000);
  EXPECT_NEAR(static_cast<double>(requests.size()), 100'000, 1'500);
  EXPECT_TRUE(
      std::is_sorted(requests.begin(), requests.end(), [](const auto& a, const auto& b) { return a.at_s < b.at_s; }));
}

TEST(Population, IsTheSameFromOneSeed) {
  const std::vector<Request> a = requests_of({}, 10), b = requests_of({}, 10);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].fate, b[i].fate);
}

TEST(Population, LetsAFewUsersSendMuch) {
  std::vector<int> of_user(20'000);
  for (const Request& request : requests_of({}, 1'000)) ++of_user[request.user];
  EXPECT_GT(of_user[0], 10 * of_user[19'999]);
}

// 6.0: the mean stays what it is without.
TEST(Population, GivesStickyUsersTheSameErrorsInAll) {
  Traffic traffic;
  traffic.sticky = true;
  Population population(traffic, 7);
  double sum = 0, heavy = 0;
  for (std::uint32_t i = 0; i < traffic.users; ++i) {
    sum += static_cast<double>(population.user(i).error_factor);
    heavy += population.user(i).error_factor > 1 ? 1 : 0;
  }
  EXPECT_NEAR(sum / traffic.users, 1, 0.08);
  EXPECT_NEAR(heavy / traffic.users, 0.03, 0.004);
}

TEST(Population, RetriesSomeFailuresSoonByTheSameUser) {
  Traffic traffic;
  traffic.storm_share = 1;
  traffic.storm_length = 30;
  Population population(traffic, 7);
  const Request first = population.take();
  population.failed(first);
  int again = 0;
  while (population.next_at() < first.at_s + 60) {
    const Request request = population.take();
    if (!request.doomed) continue;
    ++again;
    EXPECT_EQ(request.user, first.user);
    population.failed(request);  // starts no storm of its own
  }
  EXPECT_GE(again, 1);
  EXPECT_LT(again, 400);
}

TEST(Population, DriftsAndHasIncidents) {
  Traffic traffic;
  traffic.drift = true;
  traffic.set_incidents.push_back({.from = Seconds(100), .length = Seconds(50), .factor = 10});
  Population population(traffic, 7);
  EXPECT_NEAR(population.climate(120).error_factor / population.climate(99).error_factor, 10, 0.5);
  double least = 1, most = 1;
  for (double at_s = 200; at_s < 11'000; at_s += 60) {
    least = std::min(least, population.climate(at_s).load);
    most = std::max(most, population.climate(at_s).load);
  }
  EXPECT_NEAR(least, 0.4, 0.02);
  EXPECT_NEAR(most, 1.6, 0.02);
}

TEST(Population, HasQualityOnlyWhenAskedAndTheRestStays) {
  Traffic traffic;
  const std::vector<Request> without = requests_of(traffic, 100);
  traffic.quality = true;
  const std::vector<Request> with = requests_of(traffic, 100);
  ASSERT_EQ(without.size(), with.size());
  double tokens = 0, score = 0;
  for (std::size_t i = 0; i < with.size(); ++i) {
    EXPECT_EQ(without[i].fate, with[i].fate);
    tokens += with[i].tokens;
    score += with[i].score;
  }
  const auto n = static_cast<double>(with.size());
  EXPECT_NEAR(tokens / n, 250 * std::exp(0.32), 15);
  EXPECT_NEAR(score / n, 0.79, 0.01);
}

// The share of answers that a version gives to the same requests.
double share_of(OutcomeClass outcome, const Traffic& traffic, const Regression* wrong) {
  Population population(traffic, 7);
  int seen = 0;
  constexpr int kRequests = 100'000;
  for (int i = 0; i < kRequests; ++i) {
    const Request request = population.take();
    const Asked asked{request, population.user(request.user), population.climate(request.at_s)};
    seen += answer(asked, traffic, wrong).outcome == outcome ? 1 : 0;
  }
  return static_cast<double>(seen) / kRequests;
}

TEST(Answer, FailsAsOftenAsItShould) {
  Traffic traffic;
  traffic.error_rate = 0.02;
  traffic.client_error_rate = 0.05;
  Regression wrong;
  EXPECT_NEAR(share_of(OutcomeClass::kHttp5xx, traffic, nullptr), 0.02, 0.002);
  EXPECT_NEAR(share_of(OutcomeClass::kHttp4xx, traffic, nullptr), 0.05, 0.003);
  wrong.errors.factor = 3;
  EXPECT_NEAR(share_of(OutcomeClass::kHttp5xx, traffic, &wrong), 0.06, 0.003);
  wrong.errors = {.factor = 1, .extra = 0.5};
  EXPECT_NEAR(share_of(OutcomeClass::kHttp5xx, traffic, &wrong), 0.51, 0.005);
}

std::vector<double> latencies(const Regression* wrong) {
  const Traffic traffic;
  Population population(traffic, 7);
  std::vector<double> all;
  for (int i = 0; i < 100'000; ++i) {
    const Request request = population.take();
    const Asked asked{request, population.user(request.user), population.climate(request.at_s)};
    all.push_back(answer(asked, traffic, wrong).latency_s);
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST(Answer, StretchesTheTailAndLeavesTheRest) {
  Regression wrong;
  wrong.tail_factor = 2;
  const std::vector<double> healthy = latencies(nullptr), stretched = latencies(&wrong);
  EXPECT_NEAR(healthy[50'000], 0.2, 0.003);
  EXPECT_EQ(stretched[90'000], healthy[90'000]);
  EXPECT_NEAR(stretched[99'000] / healthy[99'000], 2, 0.02);
}

TEST(Answer, SlowsOneKindOfInput) {
  Regression wrong;
  wrong.slow_share = 0.05;
  const std::vector<double> healthy = latencies(nullptr), slow = latencies(&wrong);
  EXPECT_NEAR(slow[50'000] / healthy[50'000], 1.06, 0.03);
  EXPECT_GT(slow[98'000] / healthy[98'000], 3);
}

}  // namespace
}  // namespace weir::analysis::sim
