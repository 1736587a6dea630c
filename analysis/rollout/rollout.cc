#include "analysis/rollout/rollout.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "analysis/rollout/noise.h"
#include "analysis/rollout/record.h"
#include "base/hash.h"

namespace weir::analysis {
namespace {

constexpr Seconds kSavePeriod{10};
constexpr Seconds kSavePeriodNearVerdict{1};
constexpr Seconds kMinute{60};
const double kLogNearVerdict = std::log(10.0);
// Of a budget: what a kill forgets of it can be spent twice.
constexpr double kShareUnsaved = 0.1;
constexpr std::string_view kStateLost = "state_lost";
constexpr std::string_view kOutranked = "a rollback, a pause or a lower weight came before this was written";

// Of the budget that is nearest to its end; 0 where nothing is limited.
double share_spent(const Exposure& exposure, const config::MaxExposure& most) {
  double share = 0;
  for (const Budget& budget : budgets(exposure, most)) share = std::max(share, budget.spent / budget.limit);
  return share;
}

std::int64_t unix_ms(const Clock& clock) {
  return std::chrono::duration_cast<Milliseconds>(clock.wall_now().time_since_epoch()).count();
}

std::uint64_t minutes_in(Seconds elapsed) { return static_cast<std::uint64_t>(elapsed / kMinute); }

// What came under another judge is left out.
std::vector<Comparison> compared_under(const ServiceCounts& counts, Epoch epoch) {
  std::vector<Comparison> out;
  std::copy_if(counts.compared.begin(), counts.compared.end(), std::back_inserter(out),
               [&](const Comparison& comparison) { return comparison.epoch == epoch; });
  return out;
}

std::vector<double> next_weights(const config::Rollout& policy) {
  std::vector<double> weights;
  for (const config::Step& step : policy.steps) {
    weights.push_back(static_cast<double>(weight_after(policy, step.weight_ppm)) / kMillion);
  }
  return weights;
}

}  // namespace

StepContext step_context(const RolloutState& state, StepContext::Seed seed) {
  return {.step = state.step,
          .weight = static_cast<double>(state.served_ppm) / kMillion,
          .next_weight = static_cast<double>(state.next_ppm) / kMillion,
          .at_full = state.weight_ppm == kMillion,
          .seed = seed};
}

JudgeSpec judge_spec(const config::Rollout& policy, const RolloutState& state) {
  const config::Analysis& analysis = policy.analysis;
  return {.guards = analysis.guards,
          .max_false_rollback = analysis.max_false_rollback,
          .max_false_advance = analysis.max_false_advance,
          .steps = static_cast<int>(std::max(1U, state.steps_at_start)),
          .has_keys = !policy.stickiness.by.empty(),
          .next_weights = next_weights(policy)};
}

Rollout::Rollout(RolloutPlan plan, RolloutWorld world, const StoredRollout* stored, bool open)
    : plan_(std::move(plan)), world_(std::move(world)), open_(open) {
  if (stored == nullptr) return;
  const std::optional<RolloutState> state = read_state(stored->state);
  if (!state) {
    lose_state("its saved state cannot be read");
    return;
  }
  state_ = *state;
  minutes_ = minutes_in(state_.elapsed);
  if (stored->closed && state_.phase != Phase::kRolledBack) {
    close_unrecorded();
    return;
  }
  if (state_.over() || state_.step == 0) return;
  wants_edit_ = state_.plan != fingerprint(plan_.policy);  // it may have changed while nobody was there
  if (!plan_.policy.analysis.enabled) {
    epoch_ = world_.next_epoch();
    return;
  }
  judge_ = Judge::restore(spec(), stored->evidence);
  // The evidence is saved as it was before the step that it was saved with: that step is still to begin.
  const StepContext::Seed seed = judge_ ? StepContext::Seed::kStep : StepContext::Seed::kEvidenceLost;
  if (judge_) {
    epoch_ = world_.next_epoch();
  } else {
    make_judge();
  }
  if (judge_->step() != state_.step) judge_->begin_step(step_context(state_, seed));
  verdict_ = judge_->verdict();
}

void Rollout::lose_state(const std::string& why) {
  Decision lost;
  lost.kind = Decision::Kind::kRollback;
  lost.rule = kStateLost;
  lost.after = state_;
  lost.after.step = std::max<StepId>(1, state_.step + 1);
  lost.after.phase = Phase::kRolledBack;
  lost.after.weight_ppm = 0;
  lost.after.served_ppm = 0;
  lost.after.reason = why + "; `weir retry " + plan_.key.service + "` starts the rollout anew";
  propose(std::move(lost), "weir", {});
}

// It was rolled back, and a weight that was decided before that is what the store has: nobody may be served by it.
void Rollout::close_unrecorded() {
  Decision again;
  again.kind = Decision::Kind::kRollback;
  again.rule = "not_recorded";
  again.after = state_;
  ++again.after.step;
  again.after.phase = Phase::kRolledBack;
  again.after.cause = PauseCause::kNone;
  again.after.weight_ppm = 0;
  again.after.served_ppm = 0;
  again.after.stage = 0;
  again.after.reason = "rolled back before the restart, on a disk that did not take the record of it; `weir retry " +
                       plan_.key.service + "` starts the rollout anew";
  propose(std::move(again), "weir", {});
  Pending pending = std::move(*pending_);
  pending_.reset();
  take_effect(std::move(pending));
}

// Requests under way may still speak of another judge's steps.
void Rollout::make_judge() {
  judge_.emplace(spec(), world_.memory());
  epoch_ = world_.next_epoch();
}

void Rollout::tick(const TickFacts& facts, bool open) {
  if (world_.recorder != nullptr) world_.recorder->begin(*this);
  changed_ = changed_ || open != open_;
  open_ = open;
  const bool was_warming = state_.warming();
  if (open) pass_time(state_, facts.dt);
  changed_ = changed_ || state_.warming() != was_warming;
  judge(facts);
  reconsider();
  settle();
  if (!pending_ && wants_edit_) {
    wants_edit_ = false;
    Decision change = analysis::edit(state_, plan_.policy);
    if (change.kind != Decision::Kind::kHold) propose(std::move(change), "file", {});
  }
  if (!pending_ && state_.step == 0) propose(start(state_, plan_.policy), "weir", {});
  Decision decision = decide(state_, verdict_, plan_.policy);
  if (pending_ && outranked_by(decision) && !withdraw(kOutranked)) decision = decide(state_, verdict_, plan_.policy);
  if (decision.kind != Decision::Kind::kHold && !pending_) propose(std::move(decision), "weir", {});
  since_save_ += facts.dt;
  save_if_due();
}

// Without a judge, too, budgets count.
bool Rollout::counts() const { return judge_ || (plan_.policy.max_exposure.limits() && !state_.over()); }

void Rollout::judge(const TickFacts& facts) {
  const bool compares = facts.counts != nullptr && !facts.counts->compared.empty();
  if (!counts() && !compares) return;
  if (judge_) {
    const std::uint64_t minutes = minutes_in(state_.elapsed);
    if (std::exchange(minutes_, minutes) < minutes) judge_->begin_minute();
  }
  std::vector<const StepCounts*> steps;
  std::vector<const ArmCounts*> elsewhere;
  std::vector<Comparison> compared;
  TickInput input{.steps = {}, .elsewhere = {}, .outside = nullptr, .malformed = facts.malformed, .dt = facts.dt};
  if (facts.counts != nullptr) {
    for (const StepCounts* counts : facts.counts->steps) {
      if (counts->epoch == epoch_) steps.push_back(counts);
      for (const ArmCounts& arm : counts->arms) {
        if (counts->epoch != epoch_ && arm.version == plan_.baseline) elsewhere.push_back(&arm);
      }
    }
    input.outside = facts.counts->outside_of(plan_.baseline);
    input.malformed += facts.counts->malformed;
    compared = compared_under(*facts.counts, epoch_);
  }
  input.steps = steps;
  input.elsewhere = elsewhere;
  input.compared = compared;
  if (world_.recorder != nullptr) world_.recorder->judged(*this, input);
  add_counts(state_.exposure, input.steps);
  add_comparisons(state_.shadow, input.compared);
  if (!judge_ || !judge_->tick(input)) return;
  verdict_ = judge_->verdict();
  const std::uint32_t version = judge_->threshold_version();
  changed_ = changed_ || version != threshold_version_;
  threshold_version_ = version;
}

// What was to give the candidate more, and waits for a disk that hangs, is looked at again: the evidence has gone on.
void Rollout::reconsider() {
  if (!pending_ || !pending_->ours || !pending_->climbs) return;
  if (world_.store.durable_through() >= pending_->ticket) return;
  if (decide(state_, verdict_, plan_.policy).kind == pending_->decision.kind) return;
  // It may be on its way to the disk already: what holds instead comes after it.
  if (withdraw("what spoke for it has changed")) append_state();
}

// A decision becomes visible when it is durable, or when it protects users and has waited long enough.
void Rollout::settle() {
  if (!pending_) return;
  const bool durable = world_.store.durable_through() >= pending_->ticket;
  const bool patient = world_.clock.now() - pending_->since < kPatience;
  if (!durable && (!pending_->safe || patient)) return;
  Pending pending = std::move(*pending_);
  pending_.reset();
  take_effect(std::move(pending));
}

std::string Rollout::evidence_after(const Decision& decision) const {
  if (!judge_ || decision.after.over() || decision.new_judge) return {};
  std::string now = judge_->save();
  if (!decision.resumes) return now;
  // Else a restart would pause again, on the evidence that was let go.
  std::optional<Judge> resumed = Judge::restore(spec(), now);
  if (!resumed) return now;
  resumed->resume();
  return resumed->save();
}

void Rollout::propose(Decision decision, std::string_view actor, CommandDone done) {
  const std::int64_t now_ms = unix_ms(world_.clock);
  decision.after.decided_ms = now_ms;
  decision.after.plan = fingerprint(plan_.policy);
  const std::vector<GuardStatus> guards = this->guards();
  const json::Value noise = this->noise();
  say_noise(decision, noise);
  json::Value record = decision_record({.key = plan_.key,
                                        .before = state_,
                                        .decision = decision,
                                        .verdict = verdict_,
                                        .guards = guards,
                                        .budgets = budgets_json(state_.exposure, plan_.policy.max_exposure),
                                        .noise = noise,
                                        .shadow = shadow_json(state_.shadow, plan_.policy),
                                        .actor = actor,
                                        .unix_ms = now_ms});
  const RolloutState& after = decision.after;
  // What was lost is found to be lost again; what was rolled back must not be served again.
  const bool closes = decision.kind == Decision::Kind::kRollback && decision.rule != kStateLost;
  StateWrite write{.key = plan_.key,
                   .state = write_state(after),
                   .evidence = evidence_after(decision),
                   .record = json::write(record),
                   .closes = closes};
  if (world_.recorder != nullptr) {
    world_.recorder->proposed(*this, {.decision = decision, .actor = actor, .record = write.record, .unix_ms = now_ms});
  }
  const bool safe = after.phase == Phase::kRolledBack || after.served_ppm < state_.served_ppm;
  const bool climbs = after.served_ppm > state_.served_ppm;
  const bool by_evidence = decision.kind == Decision::Kind::kAdvance || decision.kind == Decision::Kind::kPromote;
  const bool ours = actor == "weir" && by_evidence;
  const Ticket ticket = world_.store.append(std::move(write));
  pending_ = Pending{.decision = std::move(decision),
                     .ticket = ticket,
                     .since = world_.clock.now(),
                     .record = std::move(record),
                     .done = std::move(done),
                     .safe = safe,
                     .climbs = climbs,
                     .ours = ours};
  changed_ = changed_ || traffic().opening;
}

bool Rollout::outranked_by(const Decision& decision) const {
  if (!pending_) return false;
  if (decision.kind == Decision::Kind::kRollback) return pending_->decision.kind != Decision::Kind::kRollback;
  const bool sets = decision.kind == Decision::Kind::kSetWeight;
  if (pending_->climbs) {
    return decision.kind == Decision::Kind::kPause || (sets && decision.after.served_ppm <= state_.served_ppm);
  }
  return sets && decision.after.served_ppm < state_.served_ppm && !pending_->safe;
}

// Something came before the disk took the last decision: it never happened. False: the disk has just taken it, and so
// it has happened.
bool Rollout::withdraw(std::string_view why) {
  Pending pending = std::move(*pending_);
  pending_.reset();
  if (!world_.store.discard(pending.ticket)) {
    take_effect(std::move(pending));
    return false;
  }
  if (world_.recorder != nullptr) world_.recorder->withdrew(*this);
  if (pending.decision.kind == Decision::Kind::kEdit) wants_edit_ = true;
  if (pending.done) pending.done(Refusal{std::string(why)});
  return true;
}

void Rollout::take_effect(Pending pending) {
  const RolloutState before = std::move(state_);
  state_ = std::move(pending.decision.after);
  if (!pending.decision.new_judge) {
    state_.elapsed = before.elapsed;
    state_.exposure = before.exposure;
    state_.shadow = before.shadow;
  }
  undurable_ = pending.ticket;
  changed_ = true;
  begin_judging(pending.decision);
  if (world_.recorder != nullptr) world_.recorder->took_effect(*this, pending.decision);
  world_.history(std::move(pending.record));
  if (pending.done) pending.done({});
}

void Rollout::begin_judging(const Decision& decision) {
  if (state_.over() || !plan_.policy.analysis.enabled) {
    last_guards_ = guards();
    judge_.reset();
    // What was said of an earlier attempt is not held against one that nobody judges.
    if (!state_.over()) verdict_ = {};
    if (decision.new_judge) epoch_ = world_.next_epoch();
    return;
  }
  StepContext::Seed seed = StepContext::Seed::kStep;
  if (decision.new_judge || !judge_) {
    make_judge();
    seed = decision.new_judge ? StepContext::Seed::kRolloutStart : StepContext::Seed::kEvidenceLost;
    minutes_ = minutes_in(state_.elapsed);
    last_guards_.clear();
  }
  if (decision.resumes) judge_->resume();
  if (judge_->step() != state_.step) judge_->begin_step(step_context(state_, seed));
  verdict_ = judge_->verdict();
  since_save_ = kSavePeriod;
}

void Rollout::command(const Command& command, CommandDone done) {
  settle();
  const bool retries = pending_ && state_.over() && pending_->decision.kind == Decision::Kind::kStart;
  const bool cancels = retries && command.verb == Command::Verb::kAbort;
  if (cancels && withdraw("it was aborted before this was written")) {
    append_state();
    done({});
    return;
  }
  std::variant<Decision, Refusal> answer = obey(state_, command, plan_.policy);
  const Decision* const first = std::get_if<Decision>(&answer);
  if (first != nullptr && pending_) {
    if (!outranked_by(*first)) {
      done(Refusal{"the last decision is not on the disk yet; try again when it is"});
      return;
    }
    if (!withdraw(kOutranked)) answer = obey(state_, command, plan_.policy);
  }
  if (Refusal* refusal = std::get_if<Refusal>(&answer)) {
    done(*refusal);
    return;
  }
  propose(std::move(std::get<Decision>(answer)), command.actor, std::move(done));
}

void Rollout::edit(RolloutPlan plan) {
  settle();
  const bool same = fingerprint(plan.policy) == fingerprint(plan_.policy);
  plan_ = std::move(plan);
  changed_ = true;
  if (!same) {
    take_edit();
  } else if (world_.recorder != nullptr) {
    world_.recorder->edited(*this);
  }
}

void Rollout::take_edit() {
  if (state_.over()) {
    wants_edit_ = pending_.has_value();  // a retry was decided under the old plan
    if (world_.recorder != nullptr) world_.recorder->edited(*this);
    return;
  }
  if (!plan_.policy.analysis.enabled) {
    last_guards_.clear();
    judge_.reset();
    verdict_ = {};
  } else if (judge_) {
    judge_->change_guards(spec());
  } else if (state_.step != 0) {
    make_judge();
    judge_->begin_step(step_context(state_, StepContext::Seed::kEvidenceLost));
  }
  if (world_.recorder != nullptr) world_.recorder->edited(*this);
  constexpr std::string_view kWhy = "the plan was edited before this was written; look at it and say it again";
  if (pending_ && pending_->decision.kind == Decision::Kind::kStart) withdraw(kWhy);
  if (state_.step == 0) return;
  if (pending_ && !pending_->safe) withdraw(kWhy);
  wants_edit_ = pending_.has_value();
  if (wants_edit_) return;
  Decision change = analysis::edit(state_, plan_.policy);
  if (change.kind != Decision::Kind::kHold) propose(std::move(change), "file", {});
}

StoredRollout Rollout::leave() {
  settle();
  if (pending_ && pending_->safe) {
    Pending pending = std::move(*pending_);
    pending_.reset();
    take_effect(std::move(pending));
  }
  if (pending_) withdraw("the rollout was taken out of the plan before this was written");
  // What was being written when it was withdrawn may be on the disk: this comes after it.
  if (state_.step != 0) append_state();
  if (world_.recorder != nullptr) world_.recorder->left(*this);
  return {.key = plan_.key, .state = write_state(state_), .evidence = judge_ ? judge_->save() : std::string()};
}

bool Rollout::scored() const {
  const std::vector<config::Guard>& guards = plan_.policy.analysis.guards;
  return std::any_of(guards.begin(), guards.end(),
                     [](const config::Guard& guard) { return guard.metric == config::GuardMetric::kFeedback; });
}

RolloutTraffic Rollout::traffic() const {
  RolloutTraffic traffic;
  traffic.identity = plan_.identity;
  const RolloutKey& key = plan_.key;
  traffic.attempt = rollout_identity(
      {key.service, key.baseline, key.candidate, key.revision, std::to_string(state_.attempt)});
  traffic.candidate_closed = state_.phase == Phase::kRolledBack;
  traffic.promoted = state_.phase == Phase::kPromoted;
  traffic.opening = pending_ && pending_->climbs && (!open_ || state_.served_ppm == 0);
  if (!open_ || state_.step == 0) return traffic;
  traffic.step = state_.step;
  traffic.epoch = epoch_;
  traffic.weight_ppm = state_.served_ppm;
  if (!state_.over()) traffic.mirror_ppm = step_at(plan_.policy, state_.weight_ppm).mirror_ppm;
  // An edited salt splits anew at once; what it splits counts once its step has begun.
  if (!counts() || state_.salt != plan_.policy.salt) return traffic;
  traffic.judged = true;
  if (!judge_) return traffic;
  traffic.scored = scored();
  const Thresholds thresholds = judge_->thresholds();
  traffic.threshold_version = thresholds.version;
  traffic.overdue_us = thresholds.overdue_us;
  traffic.answer_metrics = thresholds.answer_metrics;
  // Without thresholds no time enters, without scales no amount (STATISTICS.md section 7, item 9). Whoever begins now
  // is not counted later.
  if (state_.warming()) return traffic;
  traffic.latency_metrics = thresholds.metrics;
  traffic.times = thresholds.times;
  traffic.thresholds = thresholds.by_slot;
  traffic.scales = thresholds.scales;
  return traffic;
}

json::Value Rollout::noise() const { return noise_json(plan_.policy, state_, judge_ ? &*judge_ : nullptr); }

std::vector<GuardStatus> Rollout::guards() const { return judge_ ? judge_->guards() : last_guards_; }

void Rollout::save_if_due() {
  const double pausing = verdict_.pause_pool_fired ? 0 : verdict_.log_evidence_pause;
  if (since_save_ < kSavePeriodNearVerdict) return;
  const bool soon = std::max(verdict_.log_evidence_rollback, pausing) > kLogNearVerdict ||
                    std::abs(share_spent(state_.exposure, plan_.policy.max_exposure) - spent_at_save_) >= kShareUnsaved;
  if (!soon && since_save_ < kSavePeriod) return;
  save();
}

void Rollout::save() {
  const bool done = state_.over() && !state_.keeps_baseline;
  if (done || state_.step == 0 || pending_ || !durable()) return;
  since_save_ = Seconds(0);
  append_state();
}

void Rollout::append_state() {
  spent_at_save_ = share_spent(state_.exposure, plan_.policy.max_exposure);
  world_.store.append({.key = plan_.key,
                       .state = write_state(state_),
                       .evidence = judge_ ? judge_->save() : std::string(),
                       .record = std::string()});
}

}  // namespace weir::analysis
