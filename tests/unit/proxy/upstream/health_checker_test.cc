// When an endpoint that is asked goes out and comes back. The far ends are plain sockets.
#include "proxy/upstream/health_checker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/proxy/net/shortage.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HealthCheckerTest : public testing::Test {
 protected:
  static config::HealthCheck quick() {
    config::HealthCheck check;
    check.path = "/health?deep=1";
    check.interval = milliseconds(10);
    check.timeout = seconds(5);
    return check;
  }
  HealthTarget target() {
    HealthTarget target;
    target.remote = {"127.0.0.1", origin_.port()};
    target.authority = "origin:80";
    target.check = check_;
    target.state = state_;
    target.group = group_;
    return target;
  }
  void start() { checker_.set_targets({target()}); }
  // The next check's connection.
  void next_check() {
    ASSERT_TRUE(loop_.run_until([&] { return origin_.accept(peer_); }));
  }
  // The next check, answered so, and taken.
  void answer(std::string_view response) {
    next_check();
    ASSERT_TRUE(loop_.run_until([&] { return peer_.received().find("\r\n\r\n") != std::string::npos; }));
    asked_ = peer_.take();
    peer_.send(response);
    ASSERT_TRUE(loop_.run_until([&] { return peer_.ended() || peer_.reset(); }));
    peer_ = Peer();
  }
  void answer(int times, std::string_view response) {
    for (int i = 0; i < times; ++i) answer(response);
  }

  static constexpr std::string_view kWell = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  static constexpr std::string_view kIll = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

  Loop loop_;
  BufferPool buffers_;
  Random random_{1};
  Counters counters_;
  Shortage shortage_{counters_};
  Listening origin_;
  Peer peer_;
  std::string asked_;
  config::HealthCheck check_ = quick();
  std::shared_ptr<EndpointGroup> group_ = std::make_shared<EndpointGroup>();
  std::shared_ptr<EndpointState> state_ = group_->endpoint("http://origin");
  HealthChecker checker_{{loop_.io, loop_.deadlines, buffers_, random_, shortage_}};
};

TEST_F(HealthCheckerTest, AsksForItsPathAndNamesItself) {
  start();
  answer(kWell);
  EXPECT_TRUE(asked_.starts_with("GET /health?deep=1 HTTP/1.1\r\n")) << asked_;
  EXPECT_NE(asked_.find("\r\nhost: origin:80\r\n"), std::string::npos) << asked_;
  EXPECT_NE(asked_.find("\r\nuser-agent: weir-health-check\r\n"), std::string::npos) << asked_;
}

TEST_F(HealthCheckerTest, AsksUnderAnotherHostIfToldTo) {
  check_.host = "models.example";
  start();
  answer(kWell);
  EXPECT_NE(asked_.find("\r\nhost: models.example\r\n"), std::string::npos) << asked_;
}

TEST_F(HealthCheckerTest, ThreeFailuresInARowTakeItOutAndTwoSuccessesBringItBack) {
  start();
  answer(2, kIll);
  answer(kWell);
  answer(2, kIll);
  EXPECT_TRUE(state_->healthy());
  const std::uint64_t before = group_->changes();
  answer(kIll);
  EXPECT_FALSE(state_->healthy());
  EXPECT_NE(group_->changes(), before);
  answer(kWell);
  answer(kIll);
  answer(kWell);
  EXPECT_FALSE(state_->healthy());
  answer(kWell);
  EXPECT_TRUE(state_->healthy());
}

TEST_F(HealthCheckerTest, OnlyTheStatusesThatAreExpectedAreWell) {
  check_.fall = check_.rise = 1;
  check_.expect_least = 200;
  check_.expect_most = 299;
  start();
  answer("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(state_->healthy());
  answer("HTTP/1.1 301 Moved Permanently\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(state_->healthy());
}

TEST_F(HealthCheckerTest, WhatIsNoResponseIsIll) {
  check_.fall = 1;
  start();
  answer("nothing of HTTP\r\n\r\n");
  EXPECT_FALSE(state_->healthy());
}

TEST_F(HealthCheckerTest, AnAnswerThatDoesNotComeInTimeIsNone) {
  check_.fall = 1;
  start();
  next_check();
  loop_.advance_clock(check_.timeout - milliseconds(500));
  EXPECT_TRUE(state_->healthy());
  loop_.advance_clock(seconds(1));
  EXPECT_FALSE(state_->healthy());
  EXPECT_TRUE(loop_.run_until([&] { return peer_.ended() || peer_.reset(); }));
}

TEST_F(HealthCheckerTest, WhoCannotBeAskedIsNeitherIllNorWell) {
  check_.fall = 1;
  start();
  const auto left_out = [this](std::int64_t checks) {
    const Lacking descriptors(EMFILE);
    const std::int64_t end = counters_.get(Count::kUpstreamNoResources) + checks;
    ASSERT_TRUE(loop_.run_until([&] { return counters_.get(Count::kUpstreamNoResources) >= end; }));
  };
  left_out(3);
  EXPECT_TRUE(state_->healthy());
  answer(kIll);
  EXPECT_FALSE(state_->healthy());
  answer(kWell);
  left_out(1);
  EXPECT_FALSE(state_->healthy());
  answer(kWell);  // the second in a row of those that were made
  EXPECT_TRUE(state_->healthy());
}

TEST_F(HealthCheckerTest, AConnectionIsEnoughForTcp) {
  check_.type = config::HealthCheck::Type::kTcp;
  check_.rise = 1;
  state_->set_healthy(false, std::chrono::steady_clock::now());
  start();
  next_check();
  EXPECT_TRUE(loop_.run_until([&] { return state_->healthy(); }));
  EXPECT_TRUE(loop_.run_until([&] { return peer_.ended() || peer_.reset(); }));
  EXPECT_EQ(peer_.take(), "");
}

TEST_F(HealthCheckerTest, WhoIsAskedStillGoesOnWithItsCount) {
  start();
  answer(2, kIll);
  checker_.set_targets({target()});
  answer(kIll);
  EXPECT_FALSE(state_->healthy());
}

TEST_F(HealthCheckerTest, WhoIsAskedNoMoreIsHealthy) {
  check_.fall = 1;
  start();
  answer(kIll);
  ASSERT_FALSE(state_->healthy());
  check_.fall = 2;  // other settings are no other endpoint
  checker_.set_targets({target()});
  EXPECT_FALSE(state_->healthy());
  checker_.set_targets({});
  EXPECT_TRUE(state_->healthy());
}

// Of each of 16 endpoints, how long after its first check the second comes, with an interval of an hour.
class HealthCheckTimesTest : public HealthCheckerTest {
 protected:
  static constexpr int kEndpoints = 16;

  std::vector<int> minutes_between(std::uint32_t jitter_ppm) {
    check_.type = config::HealthCheck::Type::kTcp;
    check_.interval = check_.timeout = std::chrono::hours(1);
    check_.jitter_ppm = jitter_ppm;
    std::vector<HealthTarget> targets;
    for (int i = 0; i < kEndpoints; ++i) {
      origins_.push_back(std::make_unique<Listening>());
      targets.push_back(target());
      targets.back().remote.port = origins_.back()->port();
      targets.back().state = group_->endpoint(std::to_string(i));
    }
    checker_.set_targets(targets);
    int minute = 30;  // half of the interval: until then all have had their first
    loop_.advance_clock(std::chrono::minutes(minute));
    std::vector<int> came(kEndpoints, 0);
    for (std::size_t i = 0; i < kEndpoints; ++i) {
      EXPECT_TRUE(loop_.run_until([&] { return origins_[i]->accept(peer_); }));
      loop_.run_until([&] { return peer_.ended() || peer_.reset(); });
    }
    while (++minute <= 90) {
      loop_.advance_clock(std::chrono::minutes(1));
      loop_.settle();
      for (std::size_t i = 0; i < kEndpoints; ++i) {
        if (came[i] == 0 && origins_[i]->accept(peer_)) came[i] = minute;
      }
    }
    return came;
  }

  std::vector<std::unique_ptr<Listening>> origins_;
};

TEST_F(HealthCheckTimesTest, JitterSpreadsThemAroundTheInterval) {
  const std::vector<int> came = minutes_between(500'000);
  EXPECT_GT(*std::min_element(came.begin(), came.end()), 30);
  EXPECT_GE(std::set<int>(came.begin(), came.end()).size(), 8U);
  EXPECT_LT(*std::min_element(came.begin(), came.end()), 50);
  EXPECT_GT(*std::max_element(came.begin(), came.end()), 70);
}

TEST_F(HealthCheckTimesTest, WithoutJitterAllComeAtTheInterval) {
  EXPECT_EQ(minutes_between(0), std::vector<int>(kEndpoints, 60));
}

TEST_F(HealthCheckerTest, StopsInTheMiddleOfACheck) {
  start();
  next_check();
  checker_.stop();
  EXPECT_TRUE(loop_.run_until([&] { return peer_.ended() || peer_.reset(); }));
  EXPECT_TRUE(state_->healthy());
}

}  // namespace
}  // namespace weir::proxy
