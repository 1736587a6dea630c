#include "analysis/window/tick.h"

#include <algorithm>
#include <limits>

namespace weir::analysis {
namespace {

constexpr BinaryMetric kBinaryMetrics[] = {BinaryMetric::kErrorRate, BinaryMetric::kCapacityRate,
                                           BinaryMetric::kClientErrorRate, BinaryMetric::kClientAbortRate,
                                           BinaryMetric::kTruncated};

void count(MetricCount& metric, bool bad) {
  ++metric.n;
  metric.x += bad ? 1 : 0;
}

// The judged latency leaves out what the version is not to blame for, so that this is a little later than it was.
UserSeen user_of(const Outcome& outcome) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return {.hash = outcome.user_hash, .age_ms = static_cast<std::uint32_t>(std::min(outcome.latency_us / 1'000, kMost))};
}

// `late`: a record that has passed a threshold counts, however it ended.
void add_times(TimeDeltas& times, const Outcome& outcome, bool late) {
  if (outcome.outcome != OutcomeClass::kOk && !late) return;
  times[TimeMetric::kLatency].add(histogram_index(outcome.latency_us));
  if (outcome.time_to_headers_us == 0) return;
  times[TimeMetric::kTimeToHeaders].add(histogram_index(outcome.time_to_headers_us));
}

void add_times(TimeDeltas& times, const Answer& answer) {
  if (answer.outcome != OutcomeClass::kOk) return;
  const auto add = [&](TimeMetric time, std::uint32_t us) {
    if (us != 0) times[time].add(histogram_index(us));
  };
  add(TimeMetric::kTimeToFirstOutput, answer.time_to_output_us);
  add(TimeMetric::kChunkGap, answer.mean_gap_us);
}

// What a rescue has answered cost its user nothing.
void add_met(MetricCount& met, const Outcome& outcome) {
  if (outcome.rescued || !counts_in(BinaryMetric::kCapacityRate, outcome.outcome)) return;
  count(met, is_failure(BinaryMetric::kErrorRate, outcome.outcome) ||
                 is_failure(BinaryMetric::kCapacityRate, outcome.outcome));
}

// A judged record into its arm: what ended counts for the binary metrics, and every record for the latency slots that
// it names (STATISTICS.md 4.1).
void add_judged(ArmCounts& arm, const Outcome& outcome) {
  ClusterCounts& cluster = arm.clusters.of(outcome.cluster);
  arm.overdue_change += outcome.overdue_change;
  arm.users.push_back(user_of(outcome));
  for (std::size_t slot = 0; slot < kMaxLatencyMetrics; ++slot) {
    const auto bit = static_cast<std::uint8_t>(1U << slot);
    if (((outcome.over | outcome.under) & bit) == 0) continue;
    const bool over = (outcome.over & bit) != 0;
    count(arm.metrics[latency_metric_index(slot)], over);
    count(cluster.metrics[latency_metric_index(slot)], over);
  }
  if (outcome.kind != Outcome::Kind::kEnded) return;
  ++arm.requests;
  ++cluster.requests;
  add_met(arm.met, outcome);
  for (const BinaryMetric metric : kBinaryMetrics) {
    if (!counts_in(metric, outcome.outcome)) continue;
    const bool failed = is_failure(metric, outcome.outcome);
    count(arm.metrics[metric_index(metric)], failed);
    count(cluster.metrics[metric_index(metric)], failed);
  }
  add_times(arm.times, outcome, outcome.over != 0);
}

void add_outside(OutsideCounts& counts, const Outcome& outcome) {
  if (outcome.kind != Outcome::Kind::kEnded) return;
  ++counts.requests;
  for (const BinaryMetric metric : kBinaryMetrics) {
    if (counts_in(metric, outcome.outcome))
      count(counts.metrics[metric_index(metric)], is_failure(metric, outcome.outcome));
  }
  add_times(counts.times, outcome, false);
}

// A record that no worker can have written: a metric entered twice over, an arm that does not exist.
bool impossible(const Outcome& outcome) {
  return (outcome.over & outcome.under) != 0 || static_cast<int>(outcome.arm) >= kArmCount ||
         static_cast<int>(outcome.outcome) >= kOutcomeClassCount;
}

bool impossible(const Answer& answer) {
  const auto fits = [](std::uint16_t value) { return value <= kWholeValue || value == kNoValue; };
  return static_cast<int>(answer.arm) >= kArmCount || static_cast<int>(answer.outcome) >= kOutcomeClassCount ||
         static_cast<int>(answer.finish) >= kFinishReasonCount ||
         !std::all_of(answer.values.begin(), answer.values.end(), fits);
}

}  // namespace

void Tick::fold(const Outcome& outcome) {
  if (outcome.service == kNoId || outcome.version == kNoId) {
    ++malformed_;
    return;
  }
  if (!chosen_by_split(outcome.reason)) {
    fold_kept(outcome);
    return;
  }
  ServiceCounts& counts = service(outcome.service);
  if (impossible(outcome)) {
    ++counts.malformed;
    return;
  }
  if (!outcome.judged || outcome.step == 0) {
    add_outside(outside(counts, outcome.version), outcome);
    return;
  }
  ArmCounts* const counted = arm({.service = outcome.service,
                                  .version = outcome.version,
                                  .step = outcome.step,
                                  .epoch = outcome.epoch,
                                  .arm = outcome.arm});
  if (counted != nullptr) add_judged(*counted, outcome);
}

// A budget counts what happened to users, whoever assigned them; who has asked for the version himself wants to see it.
void Tick::fold_kept(const Outcome& outcome) {
  const bool kept = outcome.reason == AssignmentReason::kSession || outcome.reason == AssignmentReason::kCreator;
  const bool ended = outcome.kind == Outcome::Kind::kEnded && outcome.step != 0;
  if (!kept || !ended || outcome.arm != Arm::kCandidate || impossible(outcome)) return;
  ArmCounts* const counted = arm({.service = outcome.service,
                                  .version = outcome.version,
                                  .step = outcome.step,
                                  .epoch = outcome.epoch,
                                  .arm = outcome.arm});
  if (counted != nullptr) add_met(counted->kept, outcome);
}

void Tick::fold(const Answer& answer) {
  if (answer.service == kNoId || answer.version == kNoId) {
    ++malformed_;
    return;
  }
  if (answer.chosen || !answer.known) return;
  ServiceCounts& counts = service(answer.service);
  if (impossible(answer)) {
    ++counts.malformed;
    return;
  }
  if (!answer.judged || answer.step == 0) {
    OutsideCounts& other = outside(counts, answer.version);
    count_answer(answer, other.answers);
    count_amounts(answer, other.totals);
    add_times(other.times, answer);
    return;
  }
  ArmCounts* const counted = arm({.service = answer.service,
                                  .version = answer.version,
                                  .step = answer.step,
                                  .epoch = answer.epoch,
                                  .arm = answer.arm});
  if (counted == nullptr) return;
  counted->answers.add(answer);
  add_times(counted->times, answer);
}

void Tick::fold(const Score& score) {
  if (!score.of.judged || score.of.step == 0) return;
  if (score.of.service == kNoId || score.of.version == kNoId) {
    ++malformed_;
    return;
  }
  const bool possible =
      static_cast<int>(score.of.arm) < kArmCount && score.slot < kScoreSlots && score.value <= kWholeValue;
  if (!possible) {
    ++service(score.of.service).malformed;
    return;
  }
  if (ArmCounts* const counted = arm(score.of)) counted->answers.add(score);
}

void Tick::fold(const FailedRequest& failed) {
  if (failed.service == kNoId || failed.step == 0) return;
  step(service(failed.service), failed.epoch, failed.step).failed.push_back(failed);
}

// What cannot be is left out: nothing is judged by it.
void Tick::fold(const Comparison& comparison) {
  const auto impossible = [](const Comparison::Side& side) {
    return static_cast<int>(side.outcome) >= kOutcomeClassCount || side.json > JsonForm::kInvalid;
  };
  const auto& sides = comparison.sides;
  if (comparison.service == kNoId || static_cast<int>(comparison.likeness) >= kLikenessCount) return;
  if (static_cast<int>(comparison.opinion) >= kOpinionCount) return;
  if (std::any_of(sides.begin(), sides.end(), impossible)) return;
  service(comparison.service).compared.push_back(comparison);
}

const ServiceCounts* Tick::of(ServiceId id) const {
  return id < place_.size() && place_[id] != 0 ? &services_[place_[id] - 1] : nullptr;
}

void Tick::clear() {
  for (std::size_t i = 0; i < used_; ++i) {
    place_[services_[i].service] = 0;
    services_[i].service = kNoId;
    services_[i].steps.clear();
    services_[i].outside.clear();
    services_[i].malformed = 0;
    services_[i].compared.clear();
  }
  for (std::size_t i = 0; i < steps_used_; ++i) steps_[i]->clear();
  for (std::size_t i = 0; i < outside_used_; ++i) outside_[i]->clear();
  used_ = steps_used_ = outside_used_ = 0;
  malformed_ = 0;
}

ServiceCounts& Tick::service(ServiceId id) {
  if (id >= place_.size()) place_.resize(id + 1, 0);
  if (place_[id] == 0) {
    if (used_ == services_.size()) services_.emplace_back();
    services_[used_].service = id;
    place_[id] = static_cast<std::uint32_t>(++used_);
  }
  return services_[place_[id] - 1];
}

ArmCounts* Tick::arm(const Attribution& of) {
  ServiceCounts& counts = service(of.service);
  ArmCounts& arm = step(counts, of.epoch, of.step).of(of.arm);
  if (arm.version == kNoId) arm.version = of.version;
  if (arm.version == of.version) return &arm;
  ++counts.malformed;
  return nullptr;
}

StepCounts& Tick::step(ServiceCounts& of, Epoch epoch, StepId id) {
  for (StepCounts* counts : of.steps) {
    if (counts->step == id && counts->epoch == epoch) return *counts;
  }
  if (steps_used_ == steps_.size()) steps_.push_back(std::make_unique<StepCounts>());
  StepCounts& counts = *steps_[steps_used_++];
  counts.epoch = epoch;
  counts.step = id;
  of.steps.push_back(&counts);
  return counts;
}

OutsideCounts& Tick::outside(ServiceCounts& of, VersionId id) {
  for (OutsideCounts* counts : of.outside) {
    if (counts->version == id) return *counts;
  }
  if (outside_used_ == outside_.size()) outside_.push_back(std::make_unique<OutsideCounts>());
  OutsideCounts& counts = *outside_[outside_used_++];
  counts.version = id;
  of.outside.push_back(&counts);
  return counts;
}

}  // namespace weir::analysis
