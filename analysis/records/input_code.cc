#include "analysis/records/input_code.h"

#include <algorithm>
#include <array>

namespace weir::analysis {
namespace {

// More than a tick can have: what claims more is damage.
constexpr std::uint64_t kMostSteps = 4'096;
constexpr std::uint64_t kMostUsers = 1U << 22;
constexpr std::uint64_t kMostFailed = 65'536;
constexpr std::uint64_t kMostCompared = 1U << 20;
constexpr std::uint64_t kEveryMetric = (std::uint64_t{1} << kOutcomeMetricCount) - 1;
static_assert(kOutcomeMetricCount < 64);

// Small numbers of either sign become small ones without.
std::uint64_t folded(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unfolded(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

bool same(const MetricCount& one, const MetricCount& other) { return one.n == other.n && one.x == other.x; }

void write(ByteWriter& out, const MetricCount& count) {
  const auto& [n, x] = count;
  out.integer(n);
  out.integer(x);
}
void read(ByteReader& in, MetricCount& count) {
  auto& [n, x] = count;
  n = in.integer();
  x = in.integer();
}

// What a metric's count mostly is: every request that ended entered it, and none was bad; or none enters it at all.
MetricCount usual(std::uint64_t requests, bool entered) { return {.n = entered ? requests : 0, .x = 0}; }

// Of each metric whether anything entered it in this arm.
std::uint64_t entered(const MetricCounts& metrics) {
  std::uint64_t bits = 0;
  for (std::size_t m = 0; m < kOutcomeMetricCount; ++m) bits |= metrics[m].n > 0 ? std::uint64_t{1} << m : 0;
  return bits;
}

void write(ByteWriter& out, const ClusterCounts& counts, std::uint64_t arm_entered) {
  const auto& [cluster, requests, metrics] = counts;
  out.integer(cluster);
  out.integer(requests);
  std::uint64_t unusual = 0;
  for (std::size_t m = 0; m < kOutcomeMetricCount; ++m) {
    if (!same(metrics[m], usual(requests, (arm_entered >> m & 1) != 0))) unusual |= std::uint64_t{1} << m;
  }
  out.integer(unusual);
  for (std::size_t m = 0; m < kOutcomeMetricCount; ++m) {
    if ((unusual >> m & 1) != 0) write(out, metrics[m]);
  }
}
void read(ByteReader& in, ArmCounts& arm, std::uint64_t arm_entered) {
  ClusterCounts& counts = arm.clusters.of(static_cast<std::uint8_t>(in.integer_up_to(kClusterCount - 1)));
  auto& [cluster, requests, metrics] = counts;
  requests = in.integer();
  const std::uint64_t unusual = in.integer_up_to(kEveryMetric);
  for (std::size_t m = 0; m < kOutcomeMetricCount; ++m) {
    metrics[m] = usual(requests, (arm_entered >> m & 1) != 0);
    if ((unusual >> m & 1) != 0) read(in, metrics[m]);
  }
}

void write(ByteWriter& out, const HistogramDelta& delta) {
  std::vector<std::uint16_t> buckets(delta.touched().begin(), delta.touched().end());
  std::sort(buckets.begin(), buckets.end());
  out.integer(buckets.size());
  std::uint64_t next = 0;
  for (const std::uint16_t bucket : buckets) {
    out.integer(bucket - next);
    out.integer(delta.count(bucket));
    next = bucket + 1U;
  }
}
void read(ByteReader& in, HistogramDelta& delta) {
  const std::uint64_t buckets = in.integer_up_to(kHistogramBuckets);
  std::uint64_t bucket = 0;
  for (std::uint64_t i = 0; i < buckets && in.ok(); ++i, ++bucket) {
    bucket += in.integer_up_to(kHistogramBuckets - 1);
    if (bucket >= kHistogramBuckets) in.fail();
    if (const std::uint64_t count = in.integer(); in.ok() && count > 0) delta.add(bucket, count);
  }
}

void write(ByteWriter& out, const std::vector<UserSeen>& users) {
  out.integer(users.size());
  for (const UserSeen& user : users) {
    const auto& [hash, age_ms] = user;
    out.integer(hash);
    out.integer(age_ms);
  }
}
void read(ByteReader& in, std::vector<UserSeen>& users) {
  const std::uint64_t count = in.integer_up_to(kMostUsers);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto hash = static_cast<std::uint32_t>(in.integer());
    users.push_back({.hash = hash, .age_ms = static_cast<std::uint32_t>(in.integer())});
  }
}

void write(ByteWriter& out, const TimeDeltas& times) {
  for (int i = 0; i < kTimeMetricCount; ++i) write(out, times[static_cast<TimeMetric>(i)]);
}
void read(ByteReader& in, TimeDeltas& times) {
  for (int i = 0; i < kTimeMetricCount; ++i) read(in, times[static_cast<TimeMetric>(i)]);
}

void write(ByteWriter& out, const ValueSums& sums) {
  const auto& [n, s1, s2] = sums;
  out.integer(n);
  out.integer(s1);
  out.integer(s2);
}
void read(ByteReader& in, ValueSums& sums) {
  auto& [n, s1, s2] = sums;
  n = in.integer();
  s1 = in.integer();
  s2 = in.integer();
}

void write(ByteWriter& out, const AmountTotals& totals) {
  for (const AmountTotal& total : totals) {
    const auto& [n, sum] = total;
    out.integer(n);
    out.integer(sum);
  }
}
void read(ByteReader& in, AmountTotals& totals) {
  for (AmountTotal& total : totals) {
    auto& [n, sum] = total;
    n = in.integer();
    sum = in.integer();
  }
}

// Of a table that is mostly empty: which of its entries are not, and those.
template <class Table>
void write_sparse(ByteWriter& out, const Table& table) {
  static_assert(std::tuple_size_v<Table> < 64);
  std::uint64_t used = 0;
  for (std::size_t i = 0; i < table.size(); ++i) used |= table[i].n > 0 ? std::uint64_t{1} << i : 0;
  out.integer(used);
  for (std::size_t i = 0; i < table.size(); ++i) {
    if ((used >> i & 1) != 0) write(out, table[i]);
  }
}
template <class Table>
void read_sparse(ByteReader& in, Table& table) {
  const std::uint64_t used = in.integer_up_to((std::uint64_t{1} << table.size()) - 1);
  for (std::size_t i = 0; i < table.size(); ++i) {
    if ((used >> i & 1) != 0) read(in, table[i]);
  }
}

void write(ByteWriter& out, const AnswerCounts& answers) {
  const auto& [metrics, values, totals, clusters] = answers;
  const auto none = [](const auto& table) {
    return std::all_of(table.begin(), table.end(), [](const auto& entry) { return entry.n == 0; });
  };
  const bool impossible = std::any_of(values.begin(), values.end(), [](const ValueSums& sums) { return sums.s1 > 0; });
  const bool empty = clusters.touched().empty() && none(metrics) && none(totals) && !impossible && none(values);
  out.integer(empty ? 0 : 1);
  if (empty) return;
  write_sparse(out, metrics);
  for (const ValueSums& sums : values) write(out, sums);  // one that cannot be may have no n
  write(out, totals);
  out.integer(clusters.touched().size());
  for (const AnswerClusterCounts& counts : clusters.touched()) {
    const auto& [cluster, of_metrics, of_values] = counts;
    out.integer(cluster);
    write_sparse(out, of_metrics);
    write_sparse(out, of_values);
  }
}
void read(ByteReader& in, AnswerCounts& answers) {
  auto& [metrics, values, totals, clusters] = answers;
  if (in.integer_up_to(1) == 0) return;
  read_sparse(in, metrics);
  for (ValueSums& sums : values) read(in, sums);
  read(in, totals);
  const std::uint64_t count = in.integer_up_to(kClusterCount);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    AnswerClusterCounts& counts = clusters.of(static_cast<std::uint8_t>(in.integer_up_to(kClusterCount - 1)));
    auto& [cluster, of_metrics, of_values] = counts;
    read_sparse(in, of_metrics);
    read_sparse(in, of_values);
  }
}

MetricCounts sums(const ArmCounts& arm) {
  MetricCounts all{};
  for (const ClusterCounts& cluster : arm.clusters.touched()) {
    for (std::size_t m = 0; m < kOutcomeMetricCount; ++m) {
      all[m].n += cluster.metrics[m].n;
      all[m].x += cluster.metrics[m].x;
    }
  }
  return all;
}

void write(ByteWriter& out, const ArmCounts& arm, bool with_users) {
  const auto& [version, requests, met, kept, overdue_change, metrics, clusters, answers, times, users] = arm;
  out.integer(requests);
  write(out, met);
  write(out, kept);
  out.integer(folded(overdue_change));
  const std::uint64_t arm_entered = entered(metrics);
  out.integer(arm_entered);
  out.integer(clusters.touched().size());
  for (const ClusterCounts& cluster : clusters.touched()) write(out, cluster, arm_entered);
  // Unless they are what the clusters add up to, as they are when nothing is wrong.
  const MetricCounts added = sums(arm);
  const bool adds_up = std::equal(metrics.begin(), metrics.end(), added.begin(), same);
  out.integer(adds_up ? 1 : 0);
  if (!adds_up) {
    for (const MetricCount& count : metrics) write(out, count);
  }
  write(out, answers);
  write(out, times);
  write(out, with_users ? users : std::vector<UserSeen>());
}
void read(ByteReader& in, ArmCounts& arm) {
  auto& [version, requests, met, kept, overdue_change, metrics, clusters, answers, times, users] = arm;
  requests = in.integer();
  read(in, met);
  read(in, kept);
  overdue_change = unfolded(in.integer());
  const std::uint64_t arm_entered = in.integer_up_to(kEveryMetric);
  const std::uint64_t count = in.integer_up_to(kClusterCount);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) read(in, arm, arm_entered);
  if (in.integer_up_to(1) == 1) {
    metrics = sums(arm);
  } else {
    for (MetricCount& metric : metrics) read(in, metric);
  }
  read(in, answers);
  read(in, times);
  read(in, users);
}

void write(ByteWriter& out, const FailedRequest& request) {
  const auto& [service, step, epoch, outcome, over, answers, scores, id_size, id_space] = request;
  out.integer(static_cast<std::uint64_t>(outcome));
  out.integer(over);
  out.integer(answers);
  out.integer(scores);
  out.text(request.id());
}
void read(ByteReader& in, FailedRequest& request) {
  request.outcome = static_cast<OutcomeClass>(in.integer_up_to(kOutcomeClassCount - 1));
  request.over = static_cast<std::uint8_t>(in.integer_up_to(0xff));
  request.answers = static_cast<std::uint16_t>(in.integer_up_to(0xffff));
  request.scores = static_cast<std::uint8_t>(in.integer_up_to(0xff));
  request.set_id(in.text(kMaxRequestId));
}

void write(ByteWriter& out, const StepCounts& counts, const InputParts& parts) {
  const auto& [epoch, step, arms, failed] = counts;
  out.integer(step);
  for (const ArmCounts& arm : arms) write(out, arm, parts.users);
  out.integer(parts.failed ? failed.size() : 0);
  if (!parts.failed) return;
  for (const FailedRequest& request : failed) write(out, request);
}
void read(ByteReader& in, StepCounts& counts) {
  auto& [epoch, step, arms, failed] = counts;
  step = static_cast<StepId>(in.integer());
  for (ArmCounts& arm : arms) read(in, arm);
  const std::uint64_t count = in.integer_up_to(kMostFailed);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    failed.emplace_back();
    failed.back().step = step;
    read(in, failed.back());
  }
}

void write(ByteWriter& out, const OutsideCounts& outside) {
  const auto& [version, requests, metrics, answers, totals, times] = outside;
  out.integer(requests);
  for (const MetricCount& count : metrics) write(out, count);
  write_sparse(out, answers);
  write(out, totals);
  write(out, times);
}
void read(ByteReader& in, OutsideCounts& outside) {
  auto& [version, requests, metrics, answers, totals, times] = outside;
  requests = in.integer();
  for (MetricCount& count : metrics) read(in, count);
  read_sparse(in, answers);
  read(in, totals);
  read(in, times);
}

// The versions are the rollout's, and the epoch is this process's.
void write(ByteWriter& out, const Comparison& comparison) {
  const auto& [service, epoch, likeness, opinion, sides] = comparison;
  out.integer(static_cast<std::uint64_t>(likeness));
  out.integer(static_cast<std::uint64_t>(opinion));
  for (const Comparison::Side& side : sides) {
    const auto& [version, outcome, json, duration_us, bytes] = side;
    out.integer(static_cast<std::uint64_t>(outcome));
    out.integer(static_cast<std::uint64_t>(json));
    out.integer(duration_us);
    out.integer(bytes);
  }
}
void read(ByteReader& in, Comparison& comparison) {
  comparison.likeness = static_cast<Likeness>(in.integer_up_to(kLikenessCount - 1));
  comparison.opinion = static_cast<Opinion>(in.integer_up_to(kOpinionCount - 1));
  for (Comparison::Side& side : comparison.sides) {
    side.outcome = static_cast<OutcomeClass>(in.integer_up_to(kOutcomeClassCount - 1));
    side.json = static_cast<JsonForm>(in.integer_up_to(static_cast<std::uint64_t>(JsonForm::kInvalid)));
    side.duration_us = static_cast<std::uint32_t>(in.integer_up_to(0xffff'ffff));
    side.bytes = in.integer();
  }
}

}  // namespace

void write_input(ByteWriter& out, const TickInput& input, const InputParts& parts) {
  const auto& [steps, elsewhere, outside, malformed, dt, compared] = input;
  out.integer(steps.size());
  for (const StepCounts* step : steps) write(out, *step, parts);
  out.integer(elsewhere.size());
  for (const ArmCounts* arm : elsewhere) write(out, *arm, false);
  out.integer(outside != nullptr ? 1 : 0);
  if (outside != nullptr) write(out, *outside);
  out.integer(malformed);
  out.integer(compared.size());
  for (const Comparison& comparison : compared) write(out, comparison);
}

void RecordedInput::clear() {
  for (std::size_t i = 0; i < steps_used_; ++i) steps_[i]->clear();
  for (std::size_t i = 0; i < elsewhere_used_; ++i) elsewhere_[i]->clear();
  outside_.clear();
  step_list_.clear();
  elsewhere_list_.clear();
  compared_.clear();
  steps_used_ = elsewhere_used_ = 0;
  has_outside_ = false;
  malformed_ = 0;
}

void RecordedInput::read(ByteReader& in) {
  clear();
  const std::uint64_t steps = in.integer_up_to(kMostSteps);
  for (; steps_used_ < steps && in.ok(); ++steps_used_) {
    if (steps_used_ == steps_.size()) steps_.push_back(std::make_unique<StepCounts>());
    analysis::read(in, *steps_[steps_used_]);
    step_list_.push_back(steps_[steps_used_].get());
  }
  const std::uint64_t elsewhere = in.integer_up_to(kMostSteps);
  for (; elsewhere_used_ < elsewhere && in.ok(); ++elsewhere_used_) {
    if (elsewhere_used_ == elsewhere_.size()) elsewhere_.push_back(std::make_unique<ArmCounts>());
    analysis::read(in, *elsewhere_[elsewhere_used_]);
    elsewhere_list_.push_back(elsewhere_[elsewhere_used_].get());
  }
  has_outside_ = in.integer_up_to(1) == 1;
  if (has_outside_) analysis::read(in, outside_);
  malformed_ = in.integer();
  const std::uint64_t compared = in.integer_up_to(kMostCompared);
  for (std::uint64_t i = 0; i < compared && in.ok(); ++i) analysis::read(in, compared_.emplace_back());
}

TickInput RecordedInput::input(Seconds dt) const {
  return {.steps = step_list_,
          .elsewhere = elsewhere_list_,
          .outside = has_outside_ ? &outside_ : nullptr,
          .malformed = malformed_,
          .dt = dt,
          .compared = compared_};
}

}  // namespace weir::analysis
