// What is written of a tick, of a rollout and of its plan is what is read back, field by field; and whatever bytes are
// read, the worst that happens is that they are not believed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <tuple>

#include "analysis/records/entry.h"
#include "analysis/records/input_code.h"
#include "analysis/records/state_code.h"
#include "config/guards.h"

namespace weir::analysis {
namespace {

constexpr std::uint64_t kSeed = 20'261'128;

MetricCounts some_counts(std::uint64_t n) {
  MetricCounts counts{};
  for (std::size_t m = 0; m < kOutcomeMetricCount; ++m) counts[m] = {.n = n + m, .x = m};
  return counts;
}

// Every field something that no default is; clusters that add up to the metrics.
void fill(ArmCounts& arm, std::uint64_t seed) {
  arm.requests = 70 + seed;
  arm.met = {.n = 60 + seed, .x = 6};
  arm.kept = {.n = 50 + seed, .x = 5};
  arm.overdue_change = -3 - static_cast<std::int64_t>(seed);
  for (const std::uint8_t cluster : {std::uint8_t{200}, std::uint8_t{3}}) {
    ClusterCounts& counts = arm.clusters.of(cluster);
    counts.requests = 30 + cluster;
    counts.metrics = some_counts(30 + cluster);
    for (std::size_t m = 0; m < kOutcomeMetricCount; ++m) {
      arm.metrics[m].n += counts.metrics[m].n;
      arm.metrics[m].x += counts.metrics[m].x;
    }
  }
  // As most are: nothing bad.
  ClusterCounts& usual = arm.clusters.of(9);
  usual.requests = 2;
  for (std::size_t m = 0; m < kOutcomeMetricCount; ++m) {
    usual.metrics[m].n = 2;
    arm.metrics[m].n += 2;
  }
  HistogramDelta& latency = arm.times[TimeMetric::kLatency];
  latency.add(1023, 2);
  latency.add(0, 1'000'000);
  latency.add(64 + seed);
  arm.times[TimeMetric::kChunkGap].add(90 + seed, 3);
  Answer answer;
  answer.cluster = 77;
  answer.counted = true;
  answer.tokens_out = 300;
  answer.finish = FinishReason::kLength;
  answer.values[1] = 2'500;
  arm.answers.add(answer);
  Attribution of;
  of.cluster = 4;
  arm.answers.add(Score{.of = of, .slot = 5, .value = 9'000});
  arm.answers.values[3] = {0, 12, 0};  // what no worker counts
  arm.users = {{.hash = 0xfffff, .age_ms = 12}, {.hash = 5, .age_ms = 0xffffffff}};
}

FailedRequest a_failure() {
  FailedRequest request;
  request.outcome = OutcomeClass::kTruncated;
  request.over = 5;
  request.answers = 0x102;
  request.scores = 0x81;
  request.set_id("request-1");
  return request;
}

auto tied(const MetricCount& count) {
  const auto& [n, x] = count;
  return std::tie(n, x);
}
template <class Counts>
void expect_same_counts(const Counts& in, const Counts& out) {
  for (std::size_t m = 0; m < in.size(); ++m) EXPECT_EQ(tied(in[m]), tied(out[m])) << m;
}
void expect_same(const HistogramDelta& in, const HistogramDelta& out) {
  EXPECT_EQ(in.total(), out.total());
  EXPECT_THAT(out.touched(), ::testing::UnorderedElementsAreArray(in.touched().begin(), in.touched().end()));
  for (const std::uint16_t bucket : in.touched()) EXPECT_EQ(in.count(bucket), out.count(bucket));
}
void expect_same(const TimeDeltas& in, const TimeDeltas& out) {
  for (int i = 0; i < kTimeMetricCount; ++i) {
    expect_same(in[static_cast<TimeMetric>(i)], out[static_cast<TimeMetric>(i)]);
  }
}
void expect_same_totals(const AmountTotals& in, const AmountTotals& out) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto& [n, sum] = in[i];
    EXPECT_EQ(std::tie(n, sum), std::tie(out[i].n, out[i].sum));
  }
}
void expect_same(const AnswerCounts& in, const AnswerCounts& out) {
  const auto& [metrics, values, totals, clusters] = in;
  expect_same_counts(metrics, out.metrics);
  EXPECT_EQ(values, out.values);
  expect_same_totals(totals, out.totals);
  ASSERT_EQ(clusters.touched().size(), out.clusters.touched().size());
  for (std::size_t i = 0; i < clusters.touched().size(); ++i) {
    const auto& [cluster, of_metrics, of_values] = clusters.touched()[i];
    EXPECT_EQ(cluster, out.clusters.touched()[i].cluster);
    expect_same_counts(of_metrics, out.clusters.touched()[i].metrics);
    EXPECT_EQ(of_values, out.clusters.touched()[i].values);
  }
}
// All but the version's id, which means nothing in another process.
void expect_same(const ArmCounts& in, const ArmCounts& out) {
  const auto& [version, requests, met, kept, overdue_change, metrics, clusters, answers, times, users] = in;
  EXPECT_EQ(std::tie(requests, overdue_change), std::tie(out.requests, out.overdue_change));
  EXPECT_EQ(tied(met), tied(out.met));
  EXPECT_EQ(tied(kept), tied(out.kept));
  expect_same_counts(metrics, out.metrics);
  ASSERT_EQ(clusters.touched().size(), out.clusters.touched().size());
  for (std::size_t i = 0; i < clusters.touched().size(); ++i) {
    const auto& [cluster, of_cluster, counts] = clusters.touched()[i];
    EXPECT_EQ(std::tie(cluster, of_cluster),
              std::tie(out.clusters.touched()[i].cluster, out.clusters.touched()[i].requests));
    expect_same_counts(counts, out.clusters.touched()[i].metrics);
  }
  expect_same(answers, out.answers);
  expect_same(times, out.times);
  ASSERT_EQ(users.size(), out.users.size());
  for (std::size_t i = 0; i < users.size(); ++i) {
    const auto& [hash, age_ms] = users[i];
    EXPECT_EQ(std::tie(hash, age_ms), std::tie(out.users[i].hash, out.users[i].age_ms));
  }
}
// Without the epoch.
void expect_same(const StepCounts& in, const StepCounts& out) {
  const auto& [epoch, step, arms, failed] = in;
  EXPECT_EQ(step, out.step);
  for (std::size_t arm = 0; arm < arms.size(); ++arm) expect_same(arms[arm], out.arms[arm]);
  ASSERT_EQ(failed.size(), out.failed.size());
  for (std::size_t i = 0; i < failed.size(); ++i) {
    EXPECT_EQ(failed[i].outcome, out.failed[i].outcome);
    EXPECT_EQ(failed[i].over, out.failed[i].over);
    EXPECT_EQ(failed[i].answers, out.failed[i].answers);
    EXPECT_EQ(failed[i].scores, out.failed[i].scores);
    EXPECT_EQ(failed[i].id(), out.failed[i].id());
  }
}

struct Whole {
  StepCounts one;
  StepCounts other;
  ArmCounts elsewhere;
  OutsideCounts outside;
  std::array<const StepCounts*, 2> steps{&one, &other};
  std::array<const ArmCounts*, 1> elsewheres{&elsewhere};
  std::vector<Comparison> compared;
  TickInput input;

  Whole() {
    one.step = 7;
    fill(one.arms[0], 1);
    fill(one.arms[1], 2);
    one.failed.push_back(a_failure());
    other.step = 6;
    // What no worker counts: more than its clusters add up to.
    other.arms[0].metrics = some_counts(4);
    fill(elsewhere, 3);
    outside.requests = 5;
    for (std::size_t m = 0; m < outside.metrics.size(); ++m) outside.metrics[m] = {.n = 9 + m, .x = 8};
    outside.times[TimeMetric::kLatency].add(77);
    outside.answers[kEmptyOutputMetric] = {.n = 5, .x = 2};
    outside.totals[1] = {.n = 3, .sum = 900};
    compared.resize(2);
    compared[0].opinion = Opinion::kCandidateBetter;
    compared[1].likeness = Likeness::kEqual;
    compared[1].sides = {{{.outcome = OutcomeClass::kTimeout, .json = JsonForm::kValid, .duration_us = 7, .bytes = 1U << 20},
                          {.outcome = OutcomeClass::kOk, .json = JsonForm::kInvalid, .duration_us = UINT32_MAX, .bytes = 9}}};
    input = {.steps = steps,
             .elsewhere = elsewheres,
             .outside = &outside,
             .malformed = 11,
             .dt = Seconds(0.1),
             .compared = compared};
  }
};

// But for whose they are, which is the reader's to know.
void expect_same(const Comparison& one, const Comparison& other) {
  EXPECT_EQ(one.likeness, other.likeness);
  EXPECT_EQ(one.opinion, other.opinion);
  for (std::size_t arm = 0; arm < kArmCount; ++arm) {
    const auto& [version, outcome, json, duration_us, bytes] = one.sides[arm];
    const Comparison::Side& side = other.sides[arm];
    EXPECT_EQ(std::tuple(outcome, json, duration_us, bytes),
              std::tuple(side.outcome, side.json, side.duration_us, side.bytes));
  }
}

std::string written(const TickInput& input, const InputParts& parts = {}) {
  ByteWriter out;
  write_input(out, input, parts);
  return out.take();
}

TEST(InputCode, ReadsWhatIsWritten) {
  const Whole whole;
  RecordedInput read;
  // Twice: what is used again has forgotten what it had.
  for (int i = 0; i < 2; ++i) {
    const std::string bytes = written(whole.input);
    ByteReader in(bytes);
    read.read(in);
    ASSERT_TRUE(in.ok() && in.at_end());
    const auto& [steps, elsewhere, outside, malformed, dt, compared] = read.input(Seconds(0.1));
    ASSERT_EQ(steps.size(), 2U);
    expect_same(whole.one, *steps[0]);
    expect_same(whole.other, *steps[1]);
    ASSERT_EQ(elsewhere.size(), 1U);
    ASSERT_NE(outside, nullptr);
    EXPECT_EQ(outside->requests, 5U);
    expect_same_counts(whole.outside.metrics, outside->metrics);
    expect_same(whole.outside.times, outside->times);
    expect_same_counts(whole.outside.answers, outside->answers);
    expect_same_totals(whole.outside.totals, outside->totals);
    EXPECT_EQ(malformed, 11U);
    EXPECT_EQ(dt, Seconds(0.1));
    ASSERT_EQ(compared.size(), whole.compared.size());
    for (std::size_t n = 0; n < compared.size(); ++n) expect_same(whole.compared[n], compared[n]);
  }
}

TEST(InputCode, LeavesOutWhatNobodyLooksAt) {
  const Whole whole;
  const std::string bytes = written(whole.input, {.users = false, .failed = false});
  RecordedInput read;
  ByteReader in(bytes);
  read.read(in);
  ASSERT_TRUE(in.ok() && in.at_end());
  EXPECT_TRUE(read.input({}).steps[0]->failed.empty());
  EXPECT_TRUE(read.input({}).steps[0]->arms[1].users.empty());
  EXPECT_EQ(read.input({}).steps[0]->arms[1].requests, 72U);
}

TEST(InputCode, OfAHealthyTickTakesThreeBytesACluster) {
  StepCounts counts;
  counts.step = 3;
  for (ArmCounts& arm : counts.arms) {
    for (int cluster = 0; cluster < 50; ++cluster) {
      ClusterCounts& of = arm.clusters.of(static_cast<std::uint8_t>(cluster));
      of.requests = 1;
      for (std::size_t m = 0; m < kOutcomeMetricCount; ++m) {
        of.metrics[m].n = 1;
        ++arm.metrics[m].n;
      }
      ++arm.requests;
      arm.times[TimeMetric::kLatency].add(300 + static_cast<std::size_t>(cluster) % 30);
    }
  }
  const std::array<const StepCounts*, 1> steps{&counts};
  const std::string bytes = written({.steps = steps, .outside = nullptr, .dt = {}});
  EXPECT_LE(bytes.size(), 2 * (50 * 3 + 30 * 2 + 24));
}

TEST(InputCode, BelievesNoDamage) {
  std::minstd_rand random(kSeed);
  const Whole whole;
  const std::string bytes = written(whole.input);
  RecordedInput read;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader in(std::string_view(bytes).substr(0, size));
    read.read(in);
    EXPECT_FALSE(in.ok() && in.at_end()) << size;
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    ByteReader in(damaged);
    read.read(in);  // must end, within the memory there is
  }
}

config::Rollout a_policy() {
  config::Rollout policy;
  policy.baseline = "v1";
  policy.candidate = "v2";
  policy.revision = "r3";
  policy.salt = "salt";
  policy.strategy = config::Strategy::kBlueGreen;
  policy.scale_down_delay = std::chrono::seconds(8);
  policy.max_exposure = {.excess_failures = 50, .extra_cost = 2.5, .failed_requests = 500};
  policy.stickiness.by = {{.header = "x-user", .cookie = "c", .query = "q", .api_key = true, .client_address = true},
                          {.header = {}, .cookie = {}, .body = config::BodyText::kMetadataUserId}};
  policy.stickiness.scope = config::Scope::kSession;
  config::Hold hold{.at_least = std::chrono::seconds(3),
                    .min_requests = 4,
                    .at_most = std::chrono::seconds(5),
                    .on_inconclusive = config::OnInconclusive::kRollback};
  policy.steps = {{.weight_ppm = 7, .stages = {hold, config::Pause{}, config::Pause{std::chrono::seconds(9)}}},
                  {.weight_ppm = kMillion, .stages = {hold}}};
  policy.analysis = {.enabled = false,
                     .max_false_rollback = 0.02,
                     .max_false_advance = 0.03,
                     .holdback_ppm = 4,
                     .warmup = std::chrono::seconds(6),
                     .on_guard_fail = config::GuardAction::kWarn,
                     .rescue = {},
                     .guards = config::default_guards()};
  config::Guard& guard = policy.analysis.guards.back();
  guard.relative = 0.1;
  guard.absolute = 0.2;
  guard.absolute_duration = std::chrono::milliseconds(7);
  guard.max_share = 0.3;
  guard.max_duration = std::chrono::milliseconds(8);
  guard.action = config::GuardAction::kPause;
  guard.gate = false;
  guard.finish = FinishReason::kLength;
  guard.cap = 0.9;
  guard.scoring = {.name = "stars", .source = "judge", .binary = true, .lower_is_better = true, .from = -1, .to = 5};
  return policy;
}

void expect_same(const config::Guard& one, const config::Guard& other) {
  const auto tied = [](const config::Guard& guard) {
    const auto& [metric, quantile, relative, absolute, absolute_duration, max_share, max_duration, action, gate, finish,
                 cap, scoring] = guard;
    return std::tuple(metric, quantile, relative, absolute, absolute_duration, max_share, max_duration, action, gate,
                      finish, cap, scoring);
  };
  EXPECT_EQ(tied(one), tied(other));
}

TEST(StateCode, ReadsThePlanThatIsWritten) {
  const config::Rollout in = a_policy();
  ByteWriter out;
  write(out, in);
  const std::string bytes = out.take();
  ByteReader reader(bytes);
  config::Rollout read;
  analysis::read(reader, read);
  ASSERT_TRUE(reader.ok() && reader.at_end());
  EXPECT_EQ(
      std::tie(read.baseline, read.candidate, read.revision, read.salt, read.stickiness.by, read.stickiness.scope,
               read.strategy,
               read.scale_down_delay),
      std::tie(in.baseline, in.candidate, in.revision, in.salt, in.stickiness.by, in.stickiness.scope,
               in.strategy, in.scale_down_delay));
  EXPECT_EQ(fingerprint(read), fingerprint(in));
  const auto& [excess_failures, extra_cost, failed_requests] = in.max_exposure;
  EXPECT_EQ(
      std::tie(excess_failures, extra_cost, failed_requests),
      std::tie(read.max_exposure.excess_failures, read.max_exposure.extra_cost, read.max_exposure.failed_requests));
  const auto& [enabled, alpha, beta, holdback, warmup, on_fail, rescue, guards] = in.analysis;
  const config::Analysis& analysis = read.analysis;
  EXPECT_EQ(std::tie(enabled, alpha, beta, holdback, warmup, on_fail),
            std::tie(analysis.enabled, analysis.max_false_rollback, analysis.max_false_advance, analysis.holdback_ppm,
                     analysis.warmup, analysis.on_guard_fail));
  ASSERT_EQ(guards.size(), analysis.guards.size());
  for (std::size_t i = 0; i < guards.size(); ++i) expect_same(guards[i], analysis.guards[i]);
}

ShadowTally a_tally() {
  ShadowTally tally;
  tally.add(Comparison());
  tally.add_at(ShadowTally::kSize - 1, 5);
  return tally;
}

TEST(StateCode, ReadsTheStateThatIsWritten) {
  const std::array<Exposure::OfArm, kArmCount> arms{Exposure::OfArm{.met = {10, 1}, .cost = {2, 3}},
                                                    Exposure::OfArm{.met = {4, 5}, .cost = {6, 7}}};
  const RolloutState in{.phase = Phase::kPaused,
                        .cause = PauseCause::kSplit,
                        .reason = "why",
                        .weight_ppm = 1,
                        .stage = 2,
                        .step = 3,
                        .attempt = 4,
                        .steps_at_start = 5,
                        .decided_ms = 6,
                        .served_ppm = 7,
                        .next_ppm = 8,
                        .salt = "salt",
                        .plan = "plan",
                        .alarms = 9,
                        .keeps_baseline = true,
                        .exposure = {.steps = {{.step = 2, .arms = {}}, {.step = 3, .arms = arms, .kept = {8, 9}}}},
                        .shadow = a_tally(),
                        .elapsed = Seconds(0.1),
                        .in_step = Seconds(0.2),
                        .in_stage = Seconds(0.3),
                        .warmup_left = Seconds(0.4)};
  ByteWriter out;
  write(out, in);
  const std::string bytes = out.take();
  ByteReader reader(bytes);
  RolloutState read;
  analysis::read(reader, read);
  ASSERT_TRUE(reader.ok() && reader.at_end());
  const auto tied = [](const RolloutState& state) {
    const auto& [phase, cause, reason, weight_ppm, stage, step, attempt, steps_at_start, decided_ms, served_ppm,
                 next_ppm, salt, plan, alarms, keeps_baseline, exposure, shadow, elapsed, in_step, in_stage, warmup_left] =
        state;
    return std::tuple(phase, cause, reason, weight_ppm, stage, step, attempt, steps_at_start, decided_ms, served_ppm,
                      next_ppm, salt, plan, alarms, keeps_baseline, json::write(write_exposure(exposure)),
                      json::write(write_shadow(shadow)), elapsed.count(), in_step.count(), in_stage.count(),
                      warmup_left.count());
  };
  EXPECT_EQ(tied(in), tied(read));
}

TEST(Entry, ABlockHasWhatWasWrittenIntoIt) {
  const Effect effect{
      .moment = Moment::kBetweenTicks, .kind = Decision::Kind::kPause, .new_judge = true, .resumes = true, .after = {}};
  const Proposed proposed{
      .moment = Moment::kWithinTick, .kind = Decision::Kind::kRollback, .ours = true, .unix_ms = 5, .record = "{}"};
  Frame frame{.moment = Moment::kBeforeTick,
              .follows = true,
              .pending = true,
              .minutes = 3,
              .key = {.service = "a", .baseline = "b", .candidate = "c", .revision = "d"},
              .state = {},
              .judge = "bytes",
              .policy = a_policy()};
  ByteWriter out;
  write_tick(out, std::chrono::milliseconds(100), true);
  write_entry(out, EntryKind::kEffect, 4, body_of(effect));
  write_entry(out, EntryKind::kProposed, 4, body_of(proposed));
  write_entry(out, EntryKind::kFrame, 4, body_of(frame));
  const std::string block = block_of({.number = 9, .unix_ms = 8, .ticks = 1}, out.take());
  BlockReader reader(block);
  EXPECT_EQ(reader.head().number, 9U);
  EXPECT_EQ(reader.head().unix_ms, 8);
  EXPECT_EQ(reader.head().ticks, 1U);
  std::optional<Entry> entry = reader.next();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->kind, EntryKind::kTick);
  EXPECT_EQ(entry->dt, std::chrono::milliseconds(100));
  EXPECT_TRUE(entry->open);
  entry = reader.next();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->rollout, 4U);
  const std::optional<Effect> effect_read = read_effect(entry->body);
  ASSERT_TRUE(effect_read);
  EXPECT_EQ(body_of(*effect_read), body_of(effect));
  entry = reader.next();
  ASSERT_TRUE(entry);
  const std::optional<Proposed> proposed_read = read_proposed(entry->body);
  ASSERT_TRUE(proposed_read);
  EXPECT_EQ(body_of(*proposed_read), body_of(proposed));
  entry = reader.next();
  ASSERT_TRUE(entry);
  const std::optional<Frame> frame_read = read_frame(entry->body);
  ASSERT_TRUE(frame_read);
  EXPECT_EQ(body_of(*frame_read), body_of(frame));
  EXPECT_EQ(frame_read->key, frame.key);
  EXPECT_EQ(frame_read->judge, frame.judge);
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.ok());
}

}  // namespace
}  // namespace weir::analysis
