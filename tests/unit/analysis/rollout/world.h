// Confined to one thread. A controller in a world that tests move by hand: its clock, its traffic, its disk.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "analysis/rollout/controller.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/outcome.h"
#include "tests/unit/analysis/rollout/policies.h"

namespace weir::analysis::testing {

// What is appended waits until flush(); a crash forgets what waits, but for who was rolled back. What begin_write() has
// begun can no longer be stopped: it reaches the disk first, and what was discarded of it is undone by what comes next.
class FakeStore final : public StateStore {
 public:
  Ticket append(StateWrite write) override {
    waiting_.push_back({.ticket = ++last_, .write = std::move(write)});
    return last_;
  }
  bool discard(Ticket ticket) override {
    if (lands_first) flush();
    const auto is = [&](const Waiting& waiting) { return waiting.ticket == ticket; };
    if (std::none_of(waiting_.begin(), waiting_.end(), is)) return false;
    for (std::size_t i = 0; i < in_flight_; ++i) {
      waiting_[i].withdrawn = waiting_[i].withdrawn || waiting_[i].ticket == ticket;
    }
    const auto rest = waiting_.begin() + static_cast<std::ptrdiff_t>(in_flight_);
    waiting_.erase(std::remove_if(rest, waiting_.end(), is), waiting_.end());
    return true;
  }
  Ticket durable_through() const override { return waiting_.empty() ? last_ : waiting_.front().ticket - 1; }
  StoreHealth health() const override {
    return {.writable = problem_.empty(), .problem = problem_, .pending = waiting_.size(), .failures = 0};
  }

  void begin_write() { in_flight_ = waiting_.size(); }
  void end_write() { flush(std::exchange(in_flight_, 0)); }
  void flush(std::size_t at_most = 1'000'000) {
    for (; at_most > 0 && !waiting_.empty(); --at_most) {
      take(waiting_.front());
      waiting_.pop_front();
    }
    in_flight_ = std::min(in_flight_, waiting_.size());
  }
  void crash() {
    for (const Waiting& waiting : waiting_) {
      if (waiting.write.closes) closed_.insert(waiting.write.key);
    }
    waiting_.clear();
    in_flight_ = 0;
  }
  void fail_with(std::string problem) { problem_ = std::move(problem); }

  Controller::Past past() const {
    Controller::Past past;
    for (const auto& [key, rollout] : disk_) {
      past.rollouts.push_back(rollout);
      past.rollouts.back().closed = closed_.contains(key);
    }
    for (const std::string& record : records_) past.history.push_back(json::parse(record).value);
    return past;
  }
  // What waits reaches the disk just before a discard() of it.
  bool lands_first = false;

  // Of the newest append.
  Ticket last() const { return last_; }
  // Of what waits: states, without proofs.
  std::size_t waiting() const { return waiting_.size(); }
  const std::vector<std::string>& records() const { return records_; }
  std::optional<RolloutState> state_of(const RolloutKey& key) const {
    const auto at = disk_.find(key);
    return at == disk_.end() ? std::nullopt : read_state(at->second.state);
  }
  // As damage that no hash finds.
  void spoil(const RolloutKey& key) { disk_.at(key).state = "?"; }
  void forget_evidence(const RolloutKey& key) { disk_.at(key).evidence.clear(); }

 private:
  struct Waiting {
    Ticket ticket = 0;
    StateWrite write;
    bool withdrawn = false;
  };

  void take(const Waiting& waiting) {
    const StateWrite& write = waiting.write;
    std::erase(records_, withdrawn_record_);
    withdrawn_record_ = waiting.withdrawn ? write.record : std::string();
    if (write.key.service.empty()) return;
    closed_.erase(write.key);
    disk_[write.key] = {.key = write.key, .state = write.state, .evidence = write.evidence};
    if (!write.record.empty()) records_.push_back(write.record);
  }

  std::deque<Waiting> waiting_;
  std::size_t in_flight_ = 0;
  std::string withdrawn_record_;
  std::set<RolloutKey> closed_;
  Ticket last_ = 0;
  std::string problem_;
  std::map<RolloutKey, StoredRollout> disk_;
  std::vector<std::string> records_;
};

class FakeSource final : public MetricSource {
 public:
  void collect(Tick& into) override {
    for (const Outcome& outcome : std::exchange(outcomes, {})) into.fold(outcome);
    into.lose(std::exchange(lost, 0));
  }
  std::vector<Outcome> outcomes;
  std::uint64_t lost = 0;
};

// Plans of one process; their numbers must rise.
class FakeTraffic final : public TrafficControl {
 public:
  void apply(std::shared_ptr<const TrafficPlan> plan) override {
    EXPECT_GT(plan->number, plans.empty() ? 0 : plans.back()->number);
    plans.push_back(std::move(plan));
  }
  std::vector<std::shared_ptr<const TrafficPlan>> plans;
};

inline constexpr ServiceId kService = 3;
inline constexpr VersionId kBaselineVersion = 7;
inline constexpr VersionId kCandidateVersion = 8;

inline RolloutPlan plan_of(config::Rollout policy, std::string revision = {}) {
  RolloutPlan plan;
  plan.key = {.service = "chat", .baseline = "v1", .candidate = "v2", .revision = std::move(revision)};
  plan.policy = std::move(policy);
  plan.service = kService;
  plan.baseline = kBaselineVersion;
  plan.identity = 42;
  return plan;
}

enum class Mood { kSilent, kHealthy, kFailing };

struct Answer {
  bool given = false;
  std::string refusal;  // empty: done
};

class World {
 public:
  static constexpr Milliseconds kTick{100};

  // A process that begins with what the disk has; what came before it is killed.
  void start(std::vector<RolloutPlan> plans, const std::string& lost = {}) {
    controller.reset();
    store.crash();
    traffic.plans.clear();
    source.outcomes.clear();
    Controller::Past past = store.past();
    if (!lost.empty()) past = {.rollouts = {}, .history = {}, .lost = lost};
    controller = std::make_unique<Controller>(Ports{clock, source, traffic, store, recorder}, std::move(past));
    controller->set_plans(std::move(plans));
  }

  // `works`: all that waits reaches the disk after each tick, so that a decision shows one tick later.
  void tick(int times = 1) {
    for (int i = 0; i < times; ++i) {
      send();
      clock.advance(kTick);
      controller->tick();
      if (works) store.flush();
    }
  }

  // Ticks until it is so; false when it does not become so in the rollout's next two minutes.
  template <class Condition>
  bool tick_until(Condition condition) {
    for (int i = 0; i < 1'200 && !condition(); ++i) tick();
    return condition();
  }
  bool tick_until(Phase phase) {
    return tick_until([&] { return state().phase == phase; });
  }
  bool tick_until_weight(std::uint32_t ppm) {
    return tick_until([&] { return shown().weight_ppm == ppm; });
  }

  std::shared_ptr<Answer> say(Command::Verb verb, std::uint32_t weight_ppm = 0) {
    auto answer = std::make_shared<Answer>();
    controller->command("chat", {.verb = verb, .weight_ppm = weight_ppm, .actor = "ana"},
                        [answer](const std::optional<Refusal>& refusal) {
                          EXPECT_FALSE(answer->given) << "answered twice";
                          answer->given = true;
                          if (refusal) answer->refusal = refusal->message;
                        });
    return answer;
  }

  const Rollout& rollout() const { return controller->rollouts().at("chat"); }
  const RolloutState& state() const { return rollout().state(); }
  // What the data plane was last told.
  const RolloutTraffic& shown() const { return traffic.plans.back()->of(kService); }
  std::vector<std::string> decisions() const {
    std::vector<std::string> words;
    for (const json::Value& record : controller->history()) words.push_back(record["decision"].string());
    return words;
  }

  ManualClock clock;
  FakeStore store;
  FakeSource source;
  FakeTraffic traffic;
  std::unique_ptr<Controller> controller;
  bool works = true;
  Recorder* recorder = nullptr;  // of the next start()
  Mood mood = Mood::kHealthy;

 private:
  // Twenty requests of the baseline and four of the candidate, each under its step, each of another user.
  void send() {
    if (mood == Mood::kSilent) return;
    for (int i = 0; i < 24; ++i) {
      const bool candidate = i >= 20;
      if (candidate && shown().weight_ppm == 0) break;
      Outcome outcome;
      outcome.service = kService;
      outcome.step = shown().step;
      outcome.epoch = shown().epoch;
      outcome.judged = shown().judged;
      outcome.arm = candidate ? Arm::kCandidate : Arm::kBaseline;
      outcome.version = candidate ? kCandidateVersion : kBaselineVersion;
      outcome.cluster = user_++;
      outcome.latency_us = 1'000;
      if (candidate && mood == Mood::kFailing) outcome.outcome = OutcomeClass::kHttp5xx;
      source.outcomes.push_back(outcome);
    }
  }

  std::uint8_t user_ = 0;
};

}  // namespace weir::analysis::testing
