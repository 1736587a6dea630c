#include "analysis/sim/world.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace weir::analysis::sim {
namespace {

constexpr Milliseconds kTickBefore{1'000};
constexpr double kMostLatency_s = 24 * 3600;

// Of a request's latency: an answer begins early, and its parts follow evenly.
double share_of(TimeMetric time) {
  constexpr std::array kShares = {1.0, 0.2, 0.25, 0.01};
  return kShares[static_cast<std::size_t>(time)];
}

std::uint32_t part_us(std::uint64_t latency_us, TimeMetric time) {
  const double us = std::max(1.0, static_cast<double>(latency_us) * share_of(time));
  return static_cast<std::uint32_t>(std::min(us, 4e9));
}

}  // namespace

namespace {

// Guards of what answers are want answers, and so does a budget of what they cost.
WorldSpec with_answers(WorldSpec spec) {
  const std::vector<config::Guard>& guards = spec.policy.analysis.guards;
  const auto wants = [](const config::Guard& guard) {
    return guard.metric > config::GuardMetric::kTimeToHeaders && guard.metric != config::GuardMetric::kTruncated;
  };
  const bool wanted = spec.policy.max_exposure.extra_cost || std::any_of(guards.begin(), guards.end(), wants);
  spec.traffic.quality = spec.traffic.quality || wanted;
  return spec;
}

}  // namespace

World::World(WorldSpec spec)
    : spec_(with_answers(std::move(spec))),
      scorings_(scorings_of(spec_.policy)),
      population_(spec_.traffic, spec_.seed),
      keyed_(!spec_.policy.stickiness.by.empty()),
      plan_(std::make_shared<TrafficPlan>()) {
  controller_ = std::make_unique<Controller>(
      Ports{.clock = clock_, .source = *this, .traffic = *this, .store = *this, .recorder = spec_.recorder},
      Controller::Past{});
  while (now() < Seconds(0)) tick(kTickBefore);
  requests_ = 0;
  edit(spec_.policy);
}

void World::edit(config::Rollout policy) {
  spec_.policy = std::move(policy);
  RolloutPlan plan;
  plan.key = {.service = spec_.service,
              .baseline = spec_.policy.baseline,
              .candidate = spec_.policy.candidate,
              .revision = spec_.policy.revision};
  plan.policy = spec_.policy;
  plan.service = kService;
  plan.baseline = kBaseline;
  std::vector<RolloutPlan> plans;
  plans.push_back(std::move(plan));
  controller_->set_plans(std::move(plans));
}

void World::tick(Milliseconds dt) {
  slot_ += dt / kSlot;
  clock_.advance(dt);
  controller_->tick();
}

std::optional<std::string> World::say(Command::Verb verb, std::uint32_t weight_ppm) {
  // Answered before command() returns, or when the decision is visible: then it was not refused.
  const auto refused = std::make_shared<std::optional<std::string>>();
  controller_->command(spec_.service, {.verb = verb, .weight_ppm = weight_ppm, .actor = "simulation"},
                       [refused](const std::optional<Refusal>& refusal) {
                         if (refusal) *refused = refusal->message;
                       });
  return *refused;
}

void World::collect(Tick& into) {
  into.lose(std::exchange(lost_, 0));
  const std::int64_t first = std::exchange(told_, slot_);
  for (std::int64_t slot = first; slot < slot_ && !later_.empty(); ++slot) {
    fold(later_.front(), into);
    later_.pop_front();
  }
  const double until_s = slot_seconds(slot_);
  while (population_.next_at() < until_s) serve(population_.take(), into);
  fold(now_known_, into);
  now_known_ = {};
  shuffle(unordered_);
  for (const Outcome& outcome : unordered_) into.fold(outcome);
  unordered_.clear();
}

template <class Record>
void World::shuffle(std::vector<Record>& records) {
  if (!shuffled_) return;
  for (std::size_t left = records.size(); left > 1; --left) {
    std::swap(records[left - 1], records[shuffled_->below(static_cast<std::uint32_t>(left))]);
  }
}

// What is thought of an answer counts by the guards of when it is said.
void World::fold(Known& known, Tick& into) {
  for (const Outcome& outcome : known.outcomes) fold(outcome, into);
  shuffle(known.answers);
  for (const weir::Answer& answer : known.answers) into.fold(answer);
  shuffle(known.opinions);
  for (const Opinion& opinion : known.opinions) {
    if (controller_->rollouts().empty()) break;
    for (const config::Scoring& scoring : scorings_) {
      for (const auto& [slot, bad] : rollout().score(scoring.name, scoring.source, said(opinion, scoring))) {
        into.fold(Score{.of = opinion.of, .slot = slot, .value = bad});
      }
    }
  }
}

// A score that is true or false says whether the answer was made up, another one how relevant it is.
double World::said(const Opinion& opinion, const config::Scoring& scoring) {
  if (scoring.binary) return opinion.hallucinated == scoring.lower_is_better ? 1 : 0;
  const double share = scoring.lower_is_better ? 1 - opinion.relevance : opinion.relevance;
  return scoring.from + share * (scoring.to - scoring.from);
}

std::vector<config::Scoring> World::scorings_of(const config::Rollout& policy) {
  std::vector<config::Scoring> scorings;
  for (const config::Guard& guard : policy.analysis.guards) {
    if (guard.metric != config::GuardMetric::kFeedback) continue;
    const auto same = [&](const config::Scoring& known) {
      return known.name == guard.scoring.name && known.source == guard.scoring.source;
    };
    if (std::none_of(scorings.begin(), scorings.end(), same)) scorings.push_back(guard.scoring);
  }
  return scorings;
}

// As the data plane does: by the user's bucket, or without a key by a draw of the request's own.
Outcome World::assigned(const Request& request, const User& user) const {
  const RolloutTraffic& traffic = this->traffic();
  Outcome outcome;
  outcome.service = kService;
  outcome.keyed = keyed_;
  outcome.reason = keyed_ ? AssignmentReason::kHash : AssignmentReason::kUnkeyed;
  outcome.cluster = keyed_ ? user.cluster : static_cast<std::uint8_t>(request.id >> 32);
  outcome.user_hash = keyed_ ? user.hash : static_cast<std::uint32_t>((request.id * 0x9e3779b97f4a7c15) >> 44);
  const auto drawn_ppm = static_cast<std::uint32_t>(((request.id & 0xffffffff) * kMillion) >> 32);
  const bool candidate = (keyed_ ? user.bucket_ppm : drawn_ppm) < traffic.weight_ppm;
  outcome.arm = candidate ? Arm::kCandidate : Arm::kBaseline;
  outcome.version = candidate && spec_.policy.strategy != config::Strategy::kAa ? kCandidate : kBaseline;
  outcome.step = traffic.step;
  outcome.epoch = traffic.epoch;
  outcome.judged = traffic.judged;
  outcome.threshold_version = traffic.threshold_version;
  return outcome;
}

void World::serve(const Request& request, Tick& into) {
  const User& user = population_.user(request.user);
  Outcome outcome = assigned(request, user);
  const bool candidate = outcome.arm == Arm::kCandidate;
  const double at_s = request.at_s - spec_.before.count();
  const bool broken = candidate && at_s >= spec_.regression.after.count();
  const Asked asked{.request = request, .user = user, .climate = population_.climate(request.at_s)};
  const Reply given = answer(asked, spec_.traffic, broken ? &spec_.regression : nullptr);
  ++requests_;
  candidate_requests_ += candidate ? 1 : 0;
  if (given.outcome == OutcomeClass::kHttp5xx) population_.failed(request);
  if (watcher_) watcher_({.at_s = at_s, .request = request, .user = user, .arm = outcome.arm, .answer = given});
  outcome.outcome = given.outcome;
  const double latency_s = std::min(given.latency_s, kMostLatency_s);
  outcome.latency_us = static_cast<std::uint64_t>(latency_s * 1e6);
  outcome.time_to_headers_us = part_us(outcome.latency_us, TimeMetric::kTimeToHeaders);
  tell_slowness(outcome, request.at_s, into);
  const auto slot = static_cast<std::int64_t>((request.at_s + latency_s) / Seconds(kSlot).count());
  hand_over(outcome, slot, into);
  if (spec_.traffic.quality) tell_answer(outcome, given, request.scored, slot);
}

void World::tell_answer(const Outcome& ended, const Reply& reply, bool scored, std::int64_t slot) {
  weir::Answer answer;
  answer.service = ended.service;
  answer.version = ended.version;
  answer.step = ended.step;
  answer.epoch = ended.epoch;
  answer.arm = ended.arm;
  answer.cluster = ended.cluster;
  answer.judged = ended.judged;
  answer.outcome = ended.outcome;
  answer.counted = answer.priced = true;
  answer.duration_us = static_cast<std::uint32_t>(std::min<std::uint64_t>(ended.latency_us, 0xffff'ffff));
  answer.tokens_out = reply.tokens;
  answer.cost_micros = reply.cost_micros;
  answer.finish = FinishReason::kStop;
  answer.time_to_output_us = part_us(ended.latency_us, TimeMetric::kTimeToFirstOutput);
  answer.mean_gap_us = part_us(ended.latency_us, TimeMetric::kChunkGap);
  judge_values(answer, traffic());
  known_at(slot).answers.push_back(answer);
  if (!scored || ended.outcome != OutcomeClass::kOk) return;
  const auto later = static_cast<std::int64_t>(spec_.traffic.scored_after / Seconds(kSlot));
  known_at(slot + later)
      .opinions.push_back({.of = {.service = ended.service,
                                  .version = ended.version,
                                  .step = ended.step,
                                  .epoch = ended.epoch,
                                  .arm = ended.arm,
                                  .cluster = ended.cluster,
                                  .judged = ended.judged},
                           .relevance = reply.relevance,
                           .hallucinated = reply.hallucinated});
}

// Those of slots that have passed are told with the tick.
World::Known& World::known_at(std::int64_t slot) {
  if (slot < told_) return now_known_;
  const auto ahead = static_cast<std::size_t>(slot - told_);
  if (later_.size() <= ahead) later_.resize(ahead + 1);
  return later_[ahead];
}

// What passes a threshold is told when it does, if that is before the slot that it ends in; the rest with its end.
void World::tell_slowness(Outcome& ended, double at_s, Tick& into) {
  if (!ended.judged) return;
  const RolloutTraffic& traffic = this->traffic();
  const auto slot_at = [&](std::uint64_t age_us) {
    return static_cast<std::int64_t>((at_s + static_cast<double>(age_us) * 1e-6) / Seconds(kSlot).count());
  };
  const std::int64_t end = slot_at(ended.latency_us);
  Outcome slow = ended;
  slow.kind = Outcome::Kind::kSlow;
  for (std::size_t k = 0; k < traffic.latency_metrics; ++k) {
    const LatencyThreshold& threshold = traffic.thresholds[k];
    const std::uint64_t limit = ended.arm == Arm::kBaseline ? threshold.baseline_us : threshold.candidate_us;
    const TimeMetric time = traffic.times[k];
    const bool inspected = time == TimeMetric::kTimeToFirstOutput || time == TimeMetric::kChunkGap;
    if (limit == 0 || (inspected && !spec_.traffic.quality)) continue;
    const auto bit = static_cast<std::uint8_t>(1U << k);
    const std::uint64_t time_us = time == TimeMetric::kLatency ? ended.latency_us : part_us(ended.latency_us, time);
    if (time_us <= limit) {
      if (ended.outcome == OutcomeClass::kOk) ended.under = static_cast<std::uint8_t>(ended.under | bit);
    } else if (time != TimeMetric::kChunkGap && slot_at(limit) < end) {
      slow.over = bit;
      hand_over(slow, slot_at(limit), into);
    } else {
      ended.over = static_cast<std::uint8_t>(ended.over | bit);
    }
  }
  if (ended.latency_us <= traffic.overdue_us || slot_at(traffic.overdue_us) >= end) return;
  slow.over = 0;
  slow.overdue_change = 1;
  hand_over(slow, slot_at(traffic.overdue_us), into);
  ended.overdue_change = -1;
}

void World::hand_over(const Outcome& outcome, std::int64_t slot, Tick& into) {
  if (slot < told_) return fold(outcome, into);
  known_at(slot).outcomes.push_back(outcome);
}

void World::fold(const Outcome& outcome, Tick& into) {
  if (shuffled_) {
    unordered_.push_back(outcome);
  } else {
    into.fold(outcome);
  }
}

}  // namespace weir::analysis::sim
