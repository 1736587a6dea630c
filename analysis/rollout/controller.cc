#include "analysis/rollout/controller.h"

#include <algorithm>
#include <utility>

namespace weir::analysis {

Controller::Controller(const Ports& ports, Past past)
    : ports_(ports), lost_(std::move(past.lost)), last_tick_(ports.clock.now()) {
  for (StoredRollout& rollout : past.rollouts) {
    RolloutKey key = rollout.key;
    past_.emplace(std::move(key), std::move(rollout));
  }
  for (json::Value& record : past.history) remember(std::move(record));
}

void Controller::remember(json::Value record) {
  history_.push_back(std::move(record));
  if (history_.size() > kHistoryKept) history_.pop_front();
  ++history_version_;
}

// A rollout that leaves the plan may come back with it.
void Controller::keep_past(Rollout& rollout) { past_.insert_or_assign(rollout.plan().key, rollout.leave()); }

void Controller::set_plans(std::vector<RolloutPlan> plans) {
  std::map<std::string, Rollout, std::less<>> next;
  for (RolloutPlan& plan : plans) {
    const std::string name = plan.key.service;
    auto kept = rollouts_.extract(name);
    if (!kept.empty() && kept.mapped().plan().key == plan.key) {
      kept.mapped().edit(std::move(plan));
      next.insert(std::move(kept));
      continue;
    }
    if (!kept.empty()) keep_past(kept.mapped());
    const auto memory = [this, service = plan.service, baseline = plan.baseline] {
      return memories_.of(service, baseline);
    };
    const auto history = [this](json::Value record) { remember(std::move(record)); };
    const auto next_epoch = [this] { return ++last_epoch_; };
    RolloutWorld world{.clock = ports_.clock,
                       .store = ports_.store,
                       .memory = memory,
                       .history = history,
                       .next_epoch = next_epoch,
                       .recorder = ports_.recorder};
    const auto known = past_.find(plan.key);
    const StoredRollout* stored = known == past_.end() ? nullptr : &known->second;
    const auto at = next.try_emplace(name, std::move(plan), std::move(world), stored, open_).first;
    if (stored == nullptr && !lost_.empty()) at->second.lose_state(lost_);
  }
  for (auto& [name, rollout] : rollouts_) keep_past(rollout);
  rollouts_ = std::move(next);
  // What comes later is new, not lost.
  lost_.clear();
  // After what was lost has been said of every rollout: a store that has this has that.
  if (!proof_) proof_ = ports_.store.append({});
  publish();
}

void Controller::tick() {
  const SteadyTime now = ports_.clock.now();
  const std::chrono::nanoseconds dt = now - last_tick_;
  last_tick_ = now;
  tick_.clear();
  ports_.source.collect(tick_);
  memories_.update(tick_, dt);
  open_ = open_ || (proof_ && ports_.store.durable_through() >= *proof_);
  bool changed = false;
  if (ports_.recorder != nullptr) ports_.recorder->begin_tick(dt, open_);
  for (auto& [name, rollout] : rollouts_) {
    const ServiceCounts* const counts = tick_.of(rollout.plan().service);
    rollout.tick({.counts = counts, .malformed = tick_.malformed(), .dt = dt}, open_);
    changed = rollout.take_changed() || changed;
  }
  if (ports_.recorder != nullptr) ports_.recorder->end_tick();
  if (changed) publish();
}

void Controller::publish() {
  auto plan = std::make_shared<TrafficPlan>();
  plan->number = ++plan_number_;
  for (auto& [name, rollout] : rollouts_) {
    const ServiceId id = rollout.plan().service;
    if (plan->rollouts.size() <= id) plan->rollouts.resize(id + 1);
    plan->rollouts[id] = rollout.traffic();
    rollout.take_changed();
  }
  ports_.traffic.apply(std::move(plan));
}

void Controller::command(std::string_view service, const Command& command, CommandDone done) {
  const auto at = rollouts_.find(service);
  if (at == rollouts_.end()) {
    done(Refusal{"there is no rollout of a service \"" + std::string(service) + "\""});
    return;
  }
  at->second.command(command, std::move(done));
}

void Controller::note(json::Value record) {
  ports_.store.append({.key = {}, .state = {}, .evidence = {}, .record = json::write(record)});
  remember(std::move(record));
}

void Controller::save() {
  for (auto& [name, rollout] : rollouts_) rollout.save();
}

bool Controller::durable() const { return ports_.store.health().pending == 0; }

}  // namespace weir::analysis
