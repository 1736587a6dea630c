// What becomes of a request, in the analyzer's words, and which latency thresholds it has passed.
#include "proxy/exchange/request_context.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/random.h"

namespace weir::proxy {
namespace {

class RequestContextTest : public testing::Test {
 protected:
  RequestContextTest() {
    route_.id = 1;
    service_.id = 2;
    context_.route = &route_;
    context_.service = &service_;
    context_.traffic = &traffic_;
    context_.assignment.version = 3;
    context_.assignment.judged = true;
  }
  // As the exchange leaves it when a head came from the origin.
  void answered(int status) {
    context_.status = status;
    context_.time_to_headers_us = 1;
  }
  void failed(ErrorKind kind, Side side = Side::kUpstream) { context_.error = Error{kind, side, Retry::kNever, "x"}; }
  // As the exchange leaves it when it answers by itself.
  void replied(int status, ErrorKind kind, Side side) {
    context_.status = status;
    failed(kind, side);
  }
  void arm(std::vector<LatencyThreshold> thresholds) {
    traffic_.latency_metrics = static_cast<std::uint8_t>(thresholds.size());
    std::copy(thresholds.begin(), thresholds.end(), traffic_.thresholds.begin());
  }

  Route route_;
  ServiceTopology service_{.id = 0, .name = "chat", .split = Split(SplitSpec()), .versions = {}};
  RolloutTraffic traffic_;
  RequestContext context_;
};

TEST(ClassifyStatus, FollowsTheStatus) {
  for (const int status : {100, 200, 204, 301, 304, 399})
    EXPECT_EQ(classify_status(status, false), OutcomeClass::kOk) << status;
  for (const int status : {400, 404, 422, 499})
    EXPECT_EQ(classify_status(status, false), OutcomeClass::kHttp4xx) << status;
  for (const int status : {500, 502, 503, 504, 599})
    EXPECT_EQ(classify_status(status, false), OutcomeClass::kHttp5xx) << status;
  for (const int status : {429, 529}) EXPECT_EQ(classify_status(status, false), OutcomeClass::kCapacity) << status;
  EXPECT_EQ(classify_status(503, true), OutcomeClass::kCapacity);
  EXPECT_EQ(classify_status(500, true), OutcomeClass::kHttp5xx);
  EXPECT_EQ(classify_status(404, true), OutcomeClass::kHttp4xx);
}

TEST_F(RequestContextTest, NamesEveryFailureOfTheOrigin) {
  const std::vector<std::pair<ErrorKind, OutcomeClass>> cases = {
      {ErrorKind::kConnect, OutcomeClass::kConnect},     {ErrorKind::kUnavailable, OutcomeClass::kConnect},
      {ErrorKind::kTimeout, OutcomeClass::kTimeout},     {ErrorKind::kReset, OutcomeClass::kReset},
      {ErrorKind::kProtocol, OutcomeClass::kReset},      {ErrorKind::kTooLarge, OutcomeClass::kReset},
      {ErrorKind::kTruncated, OutcomeClass::kTruncated}, {ErrorKind::kEof, OutcomeClass::kTruncated},
  };
  for (const auto& [kind, expected] : cases) {
    failed(kind);
    EXPECT_EQ(context_.classify(), expected) << static_cast<int>(kind);
    // The reply that the client got for it is ours, and says nothing about the version.
    replied(502, kind, Side::kUpstream);
    EXPECT_EQ(context_.classify(), expected) << static_cast<int>(kind);
    context_.status = 0;
  }
}

TEST_F(RequestContextTest, NeverBlamesAVersionForItsClient) {
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::kInternal); ++kind) {
    failed(static_cast<ErrorKind>(kind), Side::kDownstream);
    EXPECT_EQ(context_.classify(), OutcomeClass::kClientAbort) << kind;
    replied(400, static_cast<ErrorKind>(kind), Side::kDownstream);
    EXPECT_EQ(context_.classify(), OutcomeClass::kClientAbort) << kind;
    context_.status = 0;
  }
}

TEST_F(RequestContextTest, CountsItsOwnLimitsAsCapacity) {
  replied(503, ErrorKind::kOverflow, Side::kInternal);
  EXPECT_EQ(context_.classify(), OutcomeClass::kCapacity);
}

TEST_F(RequestContextTest, IsNoEvidenceWhenTheWeirCutIt) {
  failed(ErrorKind::kCancelled, Side::kInternal);
  EXPECT_FALSE(context_.ended_outcome(0, 0).judged);
  failed(ErrorKind::kTimeout);
  EXPECT_TRUE(context_.ended_outcome(0, 0).judged);
}

TEST_F(RequestContextTest, IsNoEvidenceWhenTheWeirLackedSomething) {
  replied(503, ErrorKind::kNoResources, Side::kInternal);
  EXPECT_EQ(context_.classify(), OutcomeClass::kCapacity);
  EXPECT_FALSE(context_.ended_outcome(0, 0).judged);
  context_.first_failure = OutcomeClass::kReset;  // of an attempt before
  EXPECT_TRUE(context_.ended_outcome(0, 0).judged);
}

TEST_F(RequestContextTest, IsNoEvidenceWhenRescuedFromAWantOfTheWeirs) {
  const SteadyTime now = std::chrono::steady_clock::now();
  context_.clock.start(now);
  FailedAttempt lacking{.error = {ErrorKind::kNoResources, Side::kInternal, Retry::kIfUnsent, "x"}, .unsent = true};
  context_.begin_rescue(lacking, now);
  answered(200);
  EXPECT_FALSE(context_.ended_outcome(0, 0).judged);
  lacking.error.kind = ErrorKind::kConnect;
  context_.first_failure.reset();
  context_.begin_rescue(lacking, now);
  EXPECT_TRUE(context_.ended_outcome(0, 0).judged);
}

TEST_F(RequestContextTest, TakesTheFirstFailure) {
  answered(500);
  failed(ErrorKind::kTruncated);
  EXPECT_EQ(context_.classify(), OutcomeClass::kHttp5xx);
  failed(ErrorKind::kReset, Side::kDownstream);
  EXPECT_EQ(context_.classify(), OutcomeClass::kHttp5xx);
  answered(429);
  EXPECT_EQ(context_.classify(), OutcomeClass::kCapacity);
  answered(200);
  EXPECT_EQ(context_.classify(), OutcomeClass::kClientAbort);
  failed(ErrorKind::kTruncated);
  EXPECT_EQ(context_.classify(), OutcomeClass::kTruncated);
  context_.error.reset();
  EXPECT_EQ(context_.classify(), OutcomeClass::kOk);
}

TEST_F(RequestContextTest, RemembersTheFailureOfAnAttempt) {
  FailedAttempt refused;
  refused.error = {ErrorKind::kConnect, Side::kUpstream, Retry::kIfUnsent, "x"};
  refused.unsent = true;
  context_.note_failure(refused);
  answered(200);
  EXPECT_EQ(context_.classify(), OutcomeClass::kOk);  // another endpoint was reached
  FailedAttempt busy;
  busy.error = {ErrorKind::kStatus, Side::kUpstream, Retry::kNever, "x"};
  busy.status = 503;
  context_.note_failure(busy);
  EXPECT_EQ(context_.classify(), OutcomeClass::kHttp5xx);
  FailedAttempt late;
  late.error = {ErrorKind::kTimeout, Side::kUpstream, Retry::kNever, "x"};
  context_.note_failure(late);
  failed(ErrorKind::kReset, Side::kDownstream);
  EXPECT_EQ(context_.classify(), OutcomeClass::kHttp5xx);  // the first
}

TEST_F(RequestContextTest, RecordsWhatIsKnown) {
  answered(404);
  context_.assignment.arm = Arm::kCandidate;
  context_.assignment.reason = AssignmentReason::kHash;
  context_.assignment.keyed = true;
  context_.assignment.cluster = 7;
  context_.assignment.user_hash = 8;
  context_.assignment.step = 9;
  context_.attempts = 2;
  context_.time_to_headers_us = 5'000'000'000;
  context_.latency_us = 6'000'000'000;
  traffic_.threshold_version = 10;
  const Outcome outcome = context_.ended_outcome(1'025, 77);
  EXPECT_EQ(outcome.kind, Outcome::Kind::kEnded);
  EXPECT_EQ(outcome.outcome, OutcomeClass::kHttp4xx);
  EXPECT_EQ(outcome.arm, Arm::kCandidate);
  EXPECT_EQ(outcome.reason, AssignmentReason::kHash);
  EXPECT_TRUE(outcome.judged);
  EXPECT_TRUE(outcome.keyed);
  EXPECT_EQ(outcome.cluster, 7);
  EXPECT_EQ(outcome.user_hash, 8U);
  EXPECT_EQ(outcome.step, 9U);
  EXPECT_EQ(outcome.attempts, 2);
  EXPECT_EQ(outcome.status_hundreds, 4);
  EXPECT_EQ(outcome.route, 1U);
  EXPECT_EQ(outcome.service, 2U);
  EXPECT_EQ(outcome.version, 3U);
  EXPECT_EQ(outcome.threshold_version, 10U);
  EXPECT_EQ(outcome.latency_us, 6'000'000'000U);
  EXPECT_EQ(outcome.time_to_headers_us, 4'294'967'295U);  // saturates
  EXPECT_EQ(outcome.bytes_in_kib, 2U);                    // rounded up
  EXPECT_EQ(outcome.bytes_out, 77U);
}

TEST_F(RequestContextTest, PassesAThresholdOfItsOwnArmByMoreThanTheThreshold) {
  arm({{1'000, 2'000}, {0, 0}, {5'000, 5'000}});
  EXPECT_EQ(context_.newly_over(1'000), 0b000);
  EXPECT_EQ(context_.newly_over(1'001), 0b001);
  EXPECT_EQ(context_.newly_over(9'000), 0b101);  // one that is not armed is never passed
  context_.assignment.arm = Arm::kCandidate;
  EXPECT_EQ(context_.newly_over(2'000), 0b000);
  EXPECT_EQ(context_.newly_over(2'001), 0b001);
  context_.over = 0b001;
  EXPECT_EQ(context_.newly_over(9'000), 0b100);
}

// One slot for each of these times, all with a threshold of 1,000 us.
TEST_F(RequestContextTest, CountsEachTimeOnceAsSoonAsItIsTooLong) {
  arm({{1'000, 1'000}, {1'000, 1'000}, {1'000, 1'000}, {1'000, 1'000}});
  traffic_.times = {TimeMetric::kLatency, TimeMetric::kTimeToHeaders, TimeMetric::kTimeToFirstOutput,
                    TimeMetric::kChunkGap};
  traffic_.overdue_us = 9'000;
  EXPECT_EQ(context_.newly_over(1'001), 0b0011);  // nobody looks into the answer
  route_.inspect = config::Inspect::kOpenAi;
  EXPECT_EQ(context_.newly_over(1'001), 0b0111);
  EXPECT_EQ(context_.newly_over(1'000), 0b0000);
  EXPECT_EQ(context_.next_threshold_us(0), 1'000U);

  // The head has come in time, and the first output; the answer goes on.
  context_.time_to_headers_us = 400;
  AnswerFacts facts;
  facts.known = true;
  facts.outputs = 2;
  facts.first_output_us = 700;
  facts.last_output_us = 700 + 1'001;
  facts.tokens_out = 12;
  context_.answer = &facts;
  EXPECT_EQ(context_.newly_over(1'001), 0b0001);
  context_.over = 0b0001;
  EXPECT_EQ(context_.next_threshold_us(1'001), 9'000U);
  context_.status = 200;
  context_.latency_us = 5'000;
  context_.response_ended = true;
  const Outcome outcome = context_.ended_outcome(0, 0);
  EXPECT_EQ(outcome.over, 0b1000);
  EXPECT_EQ(outcome.under, 0b0110);
  traffic_.scales[2] = {ValueMetric::kTokens, 48};
  const std::optional<Answer> answer = context_.ended_answer(outcome);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->time_to_output_us, 700U);
  EXPECT_EQ(answer->mean_gap_us, 1'001U);
  EXPECT_EQ(answer->tokens_out, 12U);
  EXPECT_EQ(answer->values[2], 2'500);
  EXPECT_EQ(answer->duration_us, 5'000U);
  EXPECT_TRUE(answer->known && !answer->priced);
  context_.rescued = true;  // what came then was the baseline's
  EXPECT_FALSE(context_.ended_answer(outcome));
}

TEST_F(RequestContextTest, TellsOfAnAnswerThatNeverCame) {
  Outcome outcome;
  outcome.outcome = OutcomeClass::kTimeout;
  outcome.latency_us = 7'000;
  EXPECT_FALSE(context_.ended_answer(outcome)) << "nobody looks into the answers";
  route_.inspect = config::Inspect::kAuto;
  const std::optional<Answer> answer = context_.ended_answer(outcome);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->known);
  EXPECT_EQ(answer->outcome, OutcomeClass::kTimeout);
  EXPECT_EQ(answer->duration_us, 7'000U);
  outcome.outcome = OutcomeClass::kOk;  // a page, a picture
  EXPECT_FALSE(context_.ended_answer(outcome));
}

TEST_F(RequestContextTest, ReckonsWhatAnAnswerCosts) {
  route_.inspect = config::Inspect::kOpenAi;
  VersionTopology version;
  AnswerFacts facts;
  facts.known = true;
  facts.tokens_in = 1'000;
  facts.tokens_out = 100;
  facts.tokens_cached = 400;
  context_.answer = &facts;
  context_.answering = &version;
  EXPECT_FALSE(context_.cost_micros());
  version.prices = config::Prices{.input = 0.5, .output = 2, .cached = 0.25};
  EXPECT_EQ(context_.cost_micros(), 300U + 100U + 200U);
  const std::optional<Answer> answer = context_.ended_answer({});
  EXPECT_TRUE(answer && answer->priced);
  EXPECT_EQ(answer->cost_micros, 600U);
  facts.tokens_cached = 2'000;  // more than there were: at most all of them
  EXPECT_EQ(context_.cost_micros(), 250U + 200U);
  facts.tokens_out.reset();
  EXPECT_FALSE(context_.cost_micros());
}

TEST_F(RequestContextTest, HasNoTimeForWhatNeverCame) {
  arm({{1'000, 1'000}, {1'000, 1'000}, {1'000, 1'000}});
  traffic_.times = {TimeMetric::kTimeToHeaders, TimeMetric::kTimeToFirstOutput, TimeMetric::kChunkGap};
  route_.inspect = config::Inspect::kOpenAi;
  const AnswerFacts nothing;
  context_.answer = &nothing;
  answered(200);
  context_.latency_us = 500;
  context_.response_ended = true;
  Outcome outcome = context_.ended_outcome(0, 0);
  EXPECT_EQ(outcome.under, 0b001) << "an answer without output has no time to the first";
  EXPECT_EQ(outcome.over, 0);
  // Below its threshold a failure enters nothing; what had been too late stays so.
  failed(ErrorKind::kReset);
  EXPECT_EQ(context_.ended_outcome(0, 0).under, 0);
  context_.time_to_headers_us = 0;
  context_.latency_us = 1'500;
  context_.status = 0;
  outcome = context_.ended_outcome(0, 0);
  EXPECT_EQ(outcome.over, 0b011);
  EXPECT_EQ(outcome.under, 0);
}

TEST_F(RequestContextTest, KnowsTheNextThreshold) {
  traffic_.overdue_us = 60'000;
  EXPECT_EQ(context_.next_threshold_us(0), 60'000U);
  arm({{5'000, 9'000}, {1'000, 2'000}, {0, 0}, {100'000, 100'000}});
  EXPECT_EQ(context_.next_threshold_us(0), 1'000U);
  EXPECT_EQ(context_.next_threshold_us(1'000), 1'000U);  // passed by more than it only
  EXPECT_EQ(context_.next_threshold_us(1'001), 5'000U);
  context_.over = 0b001;
  EXPECT_EQ(context_.next_threshold_us(1'001), 60'000U);
  context_.overdue = true;
  EXPECT_EQ(context_.next_threshold_us(1'001), 100'000U);
  context_.over = 0b1011;
  EXPECT_EQ(context_.next_threshold_us(1'001), 0U);
  context_.over = 0;
  context_.overdue = false;
  context_.assignment.arm = Arm::kCandidate;
  EXPECT_EQ(context_.next_threshold_us(0), 2'000U);
}

TEST_F(RequestContextTest, EntersBelowAThresholdOnlyWhatEndedWell) {
  arm({{1'000, 1'000}, {0, 0}, {5'000, 5'000}});
  context_.latency_us = 500;
  answered(200);
  EXPECT_EQ(context_.ended_outcome(0, 0).under, 0b101);
  answered(500);
  EXPECT_EQ(context_.ended_outcome(0, 0).under, 0);
  EXPECT_EQ(context_.ended_outcome(0, 0).over, 0);
  context_.latency_us = 2'000;
  EXPECT_EQ(context_.ended_outcome(0, 0).over, 0b001);
  answered(200);
  EXPECT_EQ(context_.ended_outcome(0, 0).over, 0b001);
  EXPECT_EQ(context_.ended_outcome(0, 0).under, 0b100);
}

TEST_F(RequestContextTest, TakesBackWhatItReportedAsOverdue) {
  EXPECT_EQ(context_.ended_outcome(0, 0).overdue_change, 0);
  context_.overdue = true;
  EXPECT_EQ(context_.ended_outcome(0, 0).overdue_change, -1);
}

// However late a request is looked at while it runs, and however it ends.
TEST_F(RequestContextTest, EntersEachLatencyMetricOnceAtMost) {
  Random random(20'260'102);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<LatencyThreshold> thresholds(1 + random.below(kMaxLatencyMetrics));
    std::uint8_t armed = 0;
    for (std::size_t k = 0; k < thresholds.size(); ++k) {
      thresholds[k] = {random.below(3) == 0 ? 0 : 1 + random.below(1'000), 1 + random.below(1'000)};
      if (thresholds[k].baseline_us != 0) armed = static_cast<std::uint8_t>(armed | (1U << k));
    }
    arm(thresholds);
    context_.over = 0;
    context_.error.reset();
    answered(random.below(2) == 0 ? 200 : 500);
    std::array<int, kMaxLatencyMetrics> entered{};
    const auto enter = [&](std::uint8_t bits) {
      for (std::size_t k = 0; k < entered.size(); ++k) entered[k] += (bits >> k) & 1;
    };
    std::uint64_t elapsed_us = 0;
    for (std::uint32_t reports = random.below(4); reports > 0; --reports) {
      elapsed_us += random.below(500);
      const std::uint8_t over = context_.newly_over(elapsed_us);
      context_.over = static_cast<std::uint8_t>(context_.over | over);
      enter(over);
    }
    context_.latency_us = elapsed_us + random.below(500);
    const Outcome outcome = context_.ended_outcome(0, 0);
    enter(outcome.over);
    enter(outcome.under);
    for (std::size_t k = 0; k < entered.size(); ++k) {
      const bool is_armed = ((armed >> k) & 1) != 0;
      ASSERT_LE(entered[k], is_armed ? 1 : 0) << "round " << round;
      if (outcome.outcome == OutcomeClass::kOk) {
        ASSERT_EQ(entered[k], is_armed ? 1 : 0) << "round " << round;
      }
    }
  }
}

TEST_F(RequestContextTest, NamesACandidatesAnswersThatAGuardIsAbout) {
  answered(200);
  context_.request_id = "r";
  context_.assignment.arm = Arm::kCandidate;
  AnswerFacts facts;
  facts.known = true;
  facts.empty = true;
  facts.finish = FinishReason::kLength;
  context_.answer = &facts;
  const auto named = [&] {
    const Outcome outcome = context_.ended_outcome(0, 0);
    const std::optional<Answer> answer = context_.ended_answer(outcome);
    return context_.failed_request(outcome, answer ? &*answer : nullptr);
  };
  route_.inspect = config::Inspect::kAuto;
  EXPECT_FALSE(named()) << "no guard is about answers";
  traffic_.answer_metrics = 1U << kInvalidOutputMetric;
  EXPECT_FALSE(named());
  traffic_.answer_metrics = 1U << kEmptyOutputMetric | 1U << kInvalidOutputMetric;
  ASSERT_TRUE(named());
  EXPECT_EQ(named()->id(), "r");
  EXPECT_EQ(named()->answers, 1U << kEmptyOutputMetric);
  context_.assignment.arm = Arm::kBaseline;
  EXPECT_FALSE(named());
}

TEST_F(RequestContextTest, LeavesWhatJoinsAScoreToIt) {
  answered(200);
  context_.request_id = "r";
  context_.assignment.session = 9;
  context_.assignment.arm = Arm::kCandidate;
  context_.assignment.step = 4;
  AnswerFacts facts;
  facts.id = 8;
  context_.answer = &facts;
  traffic_.identity = 77;
  const auto joinable = [&] { return context_.joinable(context_.ended_outcome(0, 0)); };
  EXPECT_FALSE(joinable());  // nobody scores
  traffic_.scored = true;
  const std::optional<Joinable> found = joinable();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rollout, 77U);
  EXPECT_EQ(found->of.step, 4U);
  EXPECT_EQ(found->of.arm, Arm::kCandidate);
  EXPECT_TRUE(found->of.judged);
  EXPECT_EQ(found->keys[0], join_key(JoinKind::kRequest, "r"));
  EXPECT_EQ(found->keys[1], 8U);
  EXPECT_EQ(found->keys[2], 0U);  // it belongs to no trace
  EXPECT_EQ(found->keys[3], 9U);
  context_.assignment.reason = AssignmentReason::kOverride;
  EXPECT_FALSE(joinable());
}

// The baseline's answer says nothing of either version's own users, but its session has met the baseline.
TEST_F(RequestContextTest, ARescueIsTheBaselinesAndNoEvidence) {
  VersionTopology baseline;
  baseline.id = 5;
  answered(200);
  context_.assignment.arm = Arm::kCandidate;
  context_.answering = &baseline;
  context_.rescued = true;
  traffic_.scored = true;
  const std::optional<Joinable> found = context_.joinable(context_.ended_outcome(0, 0));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->of.arm, Arm::kBaseline);
  EXPECT_EQ(found->of.version, 5U);
  EXPECT_FALSE(found->of.judged);
}

}  // namespace
}  // namespace weir::proxy
