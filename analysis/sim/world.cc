#include "analysis/sim/world.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace weir::analysis::sim {
namespace {

constexpr Milliseconds kTickBefore{1'000};
constexpr double kMostLatency_s = 24 * 3600;

}  // namespace

World::World(WorldSpec spec)
    : spec_(std::move(spec)),
      population_(spec_.traffic, spec_.seed),
      keyed_(!spec_.policy.stickiness.by.empty()),
      plan_(std::make_shared<TrafficPlan>()) {
  controller_ = std::make_unique<Controller>(
      Ports{.clock = clock_, .source = *this, .traffic = *this, .store = *this, .recorder = spec_.recorder},
      Controller::Past{});
  while (now() < Seconds(0)) tick(kTickBefore);
  RolloutPlan plan;
  plan.key = {.service = spec_.service,
              .baseline = spec_.policy.baseline,
              .candidate = spec_.policy.candidate,
              .revision = spec_.policy.revision};
  plan.policy = spec_.policy;
  plan.service = kService;
  plan.baseline = kBaseline;
  requests_ = 0;
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
    for (const Outcome& outcome : later_.front()) fold(outcome, into);
    later_.pop_front();
  }
  const double until_s = slot_seconds(slot_);
  while (population_.next_at() < until_s) serve(population_.take(), into);
  if (!shuffled_) return;
  for (std::size_t left = unordered_.size(); left > 0; --left) {
    std::swap(unordered_[left - 1], unordered_[shuffled_->below(static_cast<std::uint32_t>(left))]);
    into.fold(unordered_[left - 1]);
  }
  unordered_.clear();
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
  outcome.version = candidate ? kCandidate : kBaseline;
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
  const Answer given = answer(asked, spec_.traffic, broken ? &spec_.regression : nullptr);
  ++requests_;
  candidate_requests_ += candidate ? 1 : 0;
  if (given.outcome == OutcomeClass::kHttp5xx) population_.failed(request);
  if (watcher_) watcher_({.at_s = at_s, .request = request, .user = user, .arm = outcome.arm, .answer = given});
  outcome.outcome = given.outcome;
  const double latency_s = std::min(given.latency_s, kMostLatency_s);
  outcome.latency_us = static_cast<std::uint64_t>(latency_s * 1e6);
  tell_slowness(outcome, request.at_s, into);
  hand_over(outcome, static_cast<std::int64_t>((request.at_s + latency_s) / Seconds(kSlot).count()), into);
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
    if (limit == 0) continue;
    const auto bit = static_cast<std::uint8_t>(1U << k);
    if (ended.latency_us <= limit) {
      if (ended.outcome == OutcomeClass::kOk) ended.under = static_cast<std::uint8_t>(ended.under | bit);
    } else if (slot_at(limit) < end) {
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
  const auto ahead = static_cast<std::size_t>(slot - told_);
  if (later_.size() <= ahead) later_.resize(ahead + 1);
  later_[ahead].push_back(outcome);
}

void World::fold(const Outcome& outcome, Tick& into) {
  if (shuffled_) {
    unordered_.push_back(outcome);
  } else {
    into.fold(outcome);
  }
}

}  // namespace weir::analysis::sim
