#include "analysis/records/relatch.h"

#include <algorithm>

#include "analysis/judge/guard_rule.h"
#include "base/histogram.h"
#include "config/guards.h"

namespace weir::analysis {
namespace {

std::uint64_t of(const LatencyThreshold& threshold, Arm arm) {
  return arm == Arm::kBaseline ? threshold.baseline_us : threshold.candidate_us;
}

bool is_value(const GuardStatus& guard) { return guard.metric >= kRateMetricCount; }

// What a metric was in one cluster, and how many of its requests ended.
struct Share {
  std::uint8_t cluster = 0;
  std::uint64_t ended = 0;
  MetricCount count;
};

struct Round {
  std::vector<Share>& shares;
  std::size_t& turn;
};

// Hands out one after the other to clusters for which `takes` is true, round and round; to anyone where it never is.
template <class Takes, class Give>
void deal(const Round& round, std::uint64_t count, const Takes& takes, const Give& give) {
  const std::size_t all = round.shares.size();
  if (all == 0) return;
  std::size_t refused = 0;
  while (count > 0) {
    Share& share = round.shares[round.turn++ % all];
    if (refused < all && !takes(share)) {
      ++refused;
      continue;
    }
    if (refused < all) refused = 0;
    give(share);
    --count;
  }
}

}  // namespace

std::uint64_t above(const HistogramDelta& times, std::uint64_t threshold_us) {
  std::uint64_t sum = 0;
  for (const std::uint16_t bucket : times.touched()) {
    if (histogram_bucket(bucket).low_us >= threshold_us) sum += times.count(bucket);
  }
  return sum;
}

struct Relatch::Was {
  MetricCounts metrics;
  std::vector<ClusterCounts> clusters;
};

bool Relatch::TimeSlot::exact() const {
  return counted && had.baseline_us == wanted.baseline_us && had.candidate_us == wanted.candidate_us;
}

void Relatch::prepare(const Judge& ran, const Judge& other) {
  const Thresholds had = ran.thresholds();
  const Thresholds wanted = other.thresholds();
  if (prepared_ && had.version == ran_version_ && wanted.version == other_version_) return;
  prepared_ = true;
  ran_version_ = had.version;
  other_version_ = wanted.version;
  times_.clear();
  values_.clear();
  const std::vector<GuardStatus> known = ran.guards();
  for (const GuardStatus& guard : other.guards()) {
    // A ceiling of scores is about the same ones as their comparison; one of times has a threshold of its own.
    const auto from = std::find_if(known.begin(), known.end(), [&](const GuardStatus& was) {
      return config::same_guard(was.guard, guard.guard) && (is_value(guard) || was.is_limit == guard.is_limit);
    });
    if (is_time(guard.guard)) {
      TimeSlot slot{.to = guard.metric, .time = time_of(guard.guard), .wanted = guard.threshold};
      if (from != known.end()) {
        slot.from = from->metric;
        slot.counted = true;
        slot.had = from->threshold;
      }
      times_.push_back(slot);
    } else if (is_value(guard) && from != known.end() && from->scale.cap == guard.scale.cap) {
      values_.push_back({.to = guard.metric - kRateMetricCount, .from = from->metric - kRateMetricCount});
    }
  }
}

bool Relatch::approximate() const {
  return std::any_of(times_.begin(), times_.end(), [](const TimeSlot& slot) { return !slot.exact(); });
}

bool Relatch::changes_nothing() const {
  const auto stays = [](const auto& slot) { return slot.to == slot.from; };
  return !approximate() && std::all_of(times_.begin(), times_.end(), stays) &&
         std::all_of(values_.begin(), values_.end(), stays);
}

void Relatch::apply(StepCounts& counts) {
  if (changes_nothing()) return;
  for (const Arm which : {Arm::kBaseline, Arm::kCandidate}) {
    ArmCounts& arm = counts.of(which);
    const auto touched = arm.clusters.touched();
    const Was was{arm.metrics, {touched.begin(), touched.end()}};
    for (std::size_t m = kBinaryMetricCount; m < kOutcomeMetricCount; ++m) {
      arm.metrics[m] = {};
      for (const ClusterCounts& at : was.clusters) arm.clusters.of(at.cluster).metrics[m] = {};
    }
    for (const TimeSlot& slot : times_) fill_times(arm, was, slot, which);
    move_values(arm);
  }
  for (FailedRequest& request : counts.failed) rename(request);
}

// A request's bits stand for slots, too.
void Relatch::rename(FailedRequest& request) const {
  unsigned over = 0;
  for (const TimeSlot& slot : times_) {
    const bool slow = slot.counted && ((request.over >> (slot.from - kBinaryMetricCount)) & 1U) != 0;
    if (slow) over |= 1U << (slot.to - kBinaryMetricCount);
  }
  unsigned scores = 0;
  for (const ValueSlot& slot : values_) {
    const bool bad = slot.from >= kValueSlots && ((request.scores >> (slot.from - kValueSlots)) & 1U) != 0;
    if (bad) scores |= 1U << (slot.to - kValueSlots);
  }
  request.over = static_cast<std::uint8_t>(over);
  request.scores = static_cast<std::uint8_t>(scores);
}

void Relatch::fill_times(ArmCounts& arm, const Was& was, const TimeSlot& slot, Arm which) {
  const std::uint64_t wanted = of(slot.wanted, which);
  const std::uint64_t had = of(slot.had, which);
  if (wanted == 0 || (slot.counted && had == 0)) return;  // not armed: nothing is counted
  const HistogramDelta& ended = arm.times[slot.time];
  std::vector<Share> shares;
  for (const ClusterCounts& at : was.clusters) {
    shares.push_back({.cluster = at.cluster,
                      .ended = at.requests,
                      .count = slot.counted ? at.metrics[slot.from] : MetricCount{}});
  }
  const std::uint64_t beyond = above(ended, wanted);
  if (slot.counted && wanted <= had) {
    // All that was slow is, and some that was not.
    const MetricCount& all = was.metrics[slot.from];
    const std::uint64_t slow = above(ended, had);
    const std::uint64_t more = std::min(all.n - std::min(all.n, all.x), beyond - std::min(beyond, slow));
    const auto is_good = [](const Share& share) { return share.count.x < share.count.n; };
    deal({shares, turn_}, more, is_good, [&](Share& share) { share.count.x += is_good(share) ? 1 : 0; });
  } else {
    // How slow one was that was counted at the lower threshold is known only once it has ended.
    const std::uint64_t late = slot.counted ? above(ended, had) : ended.total();
    for (Share& share : shares) share.count = {.n = share.count.n - std::min(share.count.n, share.count.x), .x = 0};
    std::uint64_t slow = std::min(beyond, late);
    const auto ended_unseen = [](const Share& share) { return share.ended > share.count.n; };
    deal({shares, turn_}, late, ended_unseen, [&](Share& share) {
      ++share.count.n;
      if (slow == 0) return;
      ++share.count.x;
      --slow;
    });
  }
  for (const Share& share : shares) {
    arm.clusters.of(share.cluster).metrics[slot.to] = share.count;
    arm.metrics[slot.to].n += share.count.n;
    arm.metrics[slot.to].x += share.count.x;
  }
}

void Relatch::move_values(ArmCounts& arm) const {
  const auto moved = [this](const ValueTable& was) {
    ValueTable now{};
    for (const ValueSlot& slot : values_) now[slot.to] = was[slot.from];
    return now;
  };
  arm.answers.values = moved(arm.answers.values);
  for (const AnswerClusterCounts& at : arm.answers.clusters.touched()) {
    arm.answers.clusters.of(at.cluster).values = moved(at.values);
  }
}

}  // namespace weir::analysis
