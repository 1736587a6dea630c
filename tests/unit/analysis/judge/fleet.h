// Confined to one thread. Requests, answers and scores of two versions, through the tick that the judge is fed from:
// for tests that are about every family of guards.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "analysis/judge/judge.h"
#include "analysis/window/tick.h"
#include "base/random.h"

namespace weir::analysis::testing {

// How one request went, before thresholds and caps make counts of it.
struct Went {
  OutcomeClass outcome = OutcomeClass::kOk;
  std::uint64_t latency_us = 100'000;
  std::uint32_t headers_us = 20'000;
  std::uint32_t output_us = 30'000;
  std::uint32_t gap_us = 10'000;
  std::uint32_t tokens_in = 100;
  std::uint32_t tokens = 200;
  std::uint64_t cost_micros = 1'000;
  FinishReason finish = FinishReason::kStop;
  bool empty = false;
  bool invalid = false;
  double relevance = 0.8;
  bool hallucinated = false;
};

// What a worker leaves of a request.
struct Records {
  Outcome outcome;
  Answer answer;
  std::vector<Score> scores;
};

// What a judge is to be told by: the plan that it has published.
struct Published {
  explicit Published(const Judge& of) : judge(of), thresholds(of.thresholds()) { traffic.scales = thresholds.scales; }

  const Judge& judge;
  Thresholds thresholds;
  RolloutTraffic traffic;
};

inline Records records_of(const Went& went, const Attribution& of, const Published& published) {
  const Thresholds& thresholds = published.thresholds;
  Records records;
  Outcome& outcome = records.outcome;
  outcome.service = of.service;
  outcome.version = of.version;
  outcome.step = of.step;
  outcome.arm = of.arm;
  outcome.cluster = of.cluster;
  outcome.judged = of.judged;
  outcome.user_hash = of.cluster;
  outcome.outcome = went.outcome;
  outcome.latency_us = went.latency_us;
  outcome.time_to_headers_us = went.headers_us;
  for (std::size_t k = 0; k < thresholds.metrics; ++k) {
    const std::uint64_t times[] = {went.latency_us, went.headers_us, went.output_us, went.gap_us};
    const std::uint64_t time_us = times[static_cast<std::size_t>(thresholds.times[k])];
    const LatencyThreshold& threshold = thresholds.by_slot[k];
    const std::uint64_t limit = of.arm == Arm::kBaseline ? threshold.baseline_us : threshold.candidate_us;
    const auto bit = static_cast<std::uint8_t>(1U << k);
    if (limit == 0) continue;
    std::uint8_t& into = time_us > limit ? outcome.over : outcome.under;
    into = static_cast<std::uint8_t>(into | bit);
  }
  Answer& answer = records.answer;
  answer.service = of.service;
  answer.version = of.version;
  answer.step = of.step;
  answer.arm = of.arm;
  answer.cluster = of.cluster;
  answer.judged = of.judged;
  answer.outcome = went.outcome;
  answer.time_to_output_us = went.output_us;
  answer.mean_gap_us = went.gap_us;
  answer.duration_us = static_cast<std::uint32_t>(went.latency_us);
  answer.tokens_in = went.tokens_in;
  answer.tokens_out = went.tokens;
  answer.cost_micros = went.cost_micros;
  answer.counted = answer.priced = true;
  answer.finish = went.finish;
  answer.empty = went.empty;
  answer.invalid = went.invalid;
  judge_values(answer, published.traffic);
  const auto say = [&](const char* name, double value) {
    for (const auto& [slot, bad] : published.judge.score(name, "judge", value))
      records.scores.push_back({of, slot, bad});
  };
  say("relevance", went.relevance);
  say("hallucination", went.hallucinated ? 1 : 0);
  return records;
}

inline void fold(const Records& records, Tick& into) {
  into.fold(records.outcome);
  into.fold(records.answer);
  for (const Score& score : records.scores) into.fold(score);
}

// The counts of service 0 in one tick, as the controller hands them on.
inline void judge_tick(Judge& judge, const Tick& tick, double dt_s = 1) {
  const ServiceCounts* const counts = tick.of(0);
  std::vector<const StepCounts*> steps;
  TickInput input{.steps = {}, .elsewhere = {}, .outside = nullptr, .malformed = 0, .dt = Seconds(dt_s)};
  if (counts != nullptr) {
    steps.assign(counts->steps.begin(), counts->steps.end());
    input.outside = counts->outside_of(0);
    input.malformed = counts->malformed;
  }
  input.steps = steps;
  judge.tick(input);
}

inline Attribution request_of(Arm arm, std::uint8_t cluster, StepId step = 1) {
  return {.service = 0,
          .version = static_cast<VersionId>(arm),
          .step = step,
          .epoch = 0,
          .arm = arm,
          .cluster = cluster,
          .judged = true};
}

}  // namespace weir::analysis::testing
