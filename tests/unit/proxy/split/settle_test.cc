#include "proxy/split/settle.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "proxy/split/created_ids.h"

namespace weir::proxy {
namespace {

constexpr VersionId kV1 = 0;
constexpr VersionId kV2 = 1;
constexpr VersionId kV3 = 2;
constexpr int kSessions = 200;

// Sessions and ids over plans that follow each other, as the tables are handed on.
class Settle : public testing::Test {
 protected:
  Settle() {
    spec_.service = "chat";
    spec_.stickiness.by = {{"x-user-id", ""}};
    spec_.versions = {kV1, kV2, kV3};
    spec_.creators = std::make_shared<PinTable>(1 << 16, std::chrono::hours(1));
    spec_.sessions = std::make_shared<PinTable>(1 << 16, std::chrono::hours(1));
  }

  // The rollout's identity and attempt are one number here.
  void rollout(VersionId baseline, VersionId candidate, std::uint64_t identity) {
    spec_.baseline = baseline;
    spec_.candidate = candidate;
    spec_.identity = identity;
    spec_.salt = "chat/" + std::to_string(candidate) + "/";
    spec_.weights.clear();
    traffic_ = {};
    traffic_.identity = identity;
    traffic_.attempt = identity;
    traffic_.judged = true;
  }

  void weights(std::uint32_t v1_ppm, std::uint32_t v2_ppm) {
    spec_.baseline = spec_.candidate = kNoId;
    spec_.identity = 0;
    spec_.weights = {{kV1, v1_ppm}, {kV2, v2_ppm}};
    traffic_ = {};
    settle(spec_, traffic_);
  }

  void serve(std::uint32_t weight_ppm) {
    ++traffic_.step;
    traffic_.weight_ppm = weight_ppm;
    traffic_.candidate_closed = false;
    settle(spec_, traffic_);
  }

  void roll_back() {
    ++traffic_.step;
    traffic_.weight_ppm = 0;
    traffic_.candidate_closed = true;
    settle(spec_, traffic_);
  }

  void retry(std::uint32_t weight_ppm) {
    ++traffic_.attempt;
    serve(weight_ppm);
  }

  struct Served {
    int there = 0;
    int kept = 0;
  };
  // All sessions ask once: who is served there.
  Served ask(VersionId version) {
    Served served;
    const Split split(spec_);
    for (int i = 0; i < kSessions; ++i) {
      const std::string name = "session-" + std::to_string(i);
      http::FieldList fields;
      fields.add("X-User-Id", name);
      const Assignment result = split.assign({.fields = fields, .now = now_}, traffic_, random_);
      if (result.reason == AssignmentReason::kSession) ++served.kept;
      if (result.version == version) ++served.there;
    }
    return served;
  }

  void make(VersionId version) { spec_.creators->move(created_key("file-1"), {.version = version}, now_); }
  std::optional<VersionId> maker() {
    const std::optional<Pin> made = spec_.creators->find(created_key("file-1"), now_);
    return made ? std::optional(made->version) : std::nullopt;
  }

  SteadyTime now_{std::chrono::hours(50)};
  Random random_{5};
  RolloutTraffic traffic_;
  SplitSpec spec_;
};

TEST_F(Settle, WhoWasIdleDuringARollbackIsNotReturnedByTheNextPlan) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  ASSERT_GT(ask(kV2).there, 80);
  roll_back();
  rollout(kV1, kV3, 12);
  serve(10'000);
  EXPECT_EQ(ask(kV2).there, 0);
  const Served baseline = ask(kV1);
  EXPECT_GT(baseline.there, 180);
  EXPECT_GT(baseline.kept, 80) << "the baseline's own go on, and are no evidence of this rollout";
}

TEST_F(Settle, NorByWeightsNorLaterWeights) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  const int before = ask(kV2).there;
  roll_back();
  weights(1'000'000, 0);
  weights(990'000, 10'000);
  EXPECT_LT(ask(kV2).there, before / 4);
}

TEST_F(Settle, ARetryBeginsWithTheStepsWeight) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  ask(kV2);
  roll_back();
  retry(10'000);
  const Served again = ask(kV2);
  EXPECT_LT(again.there, 10);
  EXPECT_EQ(again.kept, 0) << "all are assigned by this step, in both arms";
}

TEST_F(Settle, ARetryGetsThoseWhoAskedMeanwhile) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  const int before = ask(kV2).there;
  roll_back();
  EXPECT_EQ(ask(kV2).there, 0);
  retry(500'000);
  EXPECT_EQ(ask(kV2).there, before);
}

TEST_F(Settle, ANewRevisionBeginsAnewToo) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  ask(kV2);
  rollout(kV1, kV2, 12);
  serve(10'000);
  EXPECT_LT(ask(kV2).there, 10);
}

TEST_F(Settle, ACandidateThatIsLeftForAnotherKeepsNobody) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  ask(kV2);
  rollout(kV1, kV3, 12);
  serve(10'000);
  EXPECT_EQ(ask(kV2).there, 0);
}

TEST_F(Settle, APromotedOneKeepsItsOwn) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  const int on_v1 = ask(kV1).there;
  traffic_.promoted = true;
  serve(1'000'000);
  rollout(kV2, kV3, 12);
  serve(500'000);
  EXPECT_EQ(ask(kV2).there, kSessions - on_v1);
  EXPECT_EQ(ask(kV1).there, on_v1) << "they end where they are";
}

TEST_F(Settle, WeightsAndStepsMoveNobody) {
  weights(500'000, 500'000);
  const int before = ask(kV2).there;
  weights(1'000'000, 0);
  EXPECT_EQ(ask(kV2).there, before);
  rollout(kV1, kV3, 11);
  serve(500'000);
  const int on_v3 = ask(kV3).there;
  serve(0);
  EXPECT_EQ(ask(kV3).there, on_v3);
  spec_.identity = traffic_.identity + 1;  // of a plan that is not there yet
  settle(spec_, traffic_);
  ask(kV3);
  spec_.identity = traffic_.identity;
  settle(spec_, traffic_);
  EXPECT_EQ(ask(kV3).there, on_v3);
}

TEST_F(Settle, WhatWasMadeBeforeARollbackIsLost) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  make(kV2);
  EXPECT_EQ(maker(), kV2);
  roll_back();
  EXPECT_FALSE(maker());
  make(kV2);  // by an answer that was under way
  weights(1'000'000, 0);
  EXPECT_FALSE(maker());
  rollout(kV1, kV2, 11);
  retry(500'000);
  EXPECT_FALSE(maker());
  make(kV2);
  EXPECT_EQ(maker(), kV2);
}

TEST_F(Settle, WhatTheBaselineMadeOutlivesAnyAttempt) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  make(kV1);
  roll_back();
  retry(500'000);
  EXPECT_EQ(maker(), kV1);
}

TEST_F(Settle, BothArmsOfOneVersionAreNeverSentAway) {
  rollout(kV1, kV1, 11);
  spec_.sessions = nullptr;
  make(kV1);
  roll_back();
  EXPECT_EQ(maker(), kV1);
}

// More often than there are numbers for stays.
TEST_F(Settle, ManyAttemptsAreEachTheirOwn) {
  rollout(kV1, kV2, 11);
  serve(500'000);
  const int there = ask(kV2).there;
  for (int i = 0; i < 3'000; ++i) {
    roll_back();
    retry(10'000);
  }
  EXPECT_LT(ask(kV2).there, 10);
  EXPECT_EQ(ask(kV1).kept, 0);
  retry(500'000);
  EXPECT_EQ(ask(kV2).there, there);
  serve(0);
  EXPECT_EQ(ask(kV2).kept, kSessions);
}

}  // namespace
}  // namespace weir::proxy
