#include "app/feedback/desk.h"

#include <algorithm>

#include "base/hash.h"

namespace weir::app {
namespace {

constexpr std::size_t kMostRollouts = 1'000;  // whose forgotten requests are told apart

JoinKind kind_of(ScoreTarget::Kind kind) {
  switch (kind) {
    case ScoreTarget::Kind::kRequest:
      return JoinKind::kRequest;
    case ScoreTarget::Kind::kResponse:
      return JoinKind::kResponse;
    case ScoreTarget::Kind::kTrace:
      return JoinKind::kTrace;
    case ScoreTarget::Kind::kSession:
      break;
  }
  return JoinKind::kSession;
}

std::uint64_t key_of(const ScoreTarget& target) { return join_key(kind_of(target.kind), target.id); }

bool wants_scores(const config::Rollout& rollout) {
  const std::vector<config::Guard>& guards = rollout.analysis.guards;
  return std::any_of(guards.begin(), guards.end(),
                     [](const config::Guard& guard) { return guard.metric == config::GuardMetric::kFeedback; });
}

// By session where there is one: of half a session it could not be said whether it met one version.
std::uint32_t sample_bucket(const Joinable& request) {
  const std::uint64_t session = request.keys[static_cast<std::size_t>(JoinKind::kSession)];
  const std::uint64_t key = session != 0 ? session : request.keys[static_cast<std::size_t>(JoinKind::kRequest)];
  return bucket_ppm(static_cast<std::uint32_t>(key));
}

json::Object by_arm(const FeedbackDesk::ByArm& counts) {
  return {{"baseline", counts[static_cast<std::size_t>(Arm::kBaseline)]},
          {"candidate", counts[static_cast<std::size_t>(Arm::kCandidate)]}};
}

}  // namespace

std::uint32_t FeedbackDesk::second() const {
  const auto since_1970 = clock_.wall_now().time_since_epoch();
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(since_1970).count());
}

std::string memory_file(const config::Config& config) {
  const auto& rollouts = config.rollouts;
  const bool wanted =
      std::any_of(rollouts.begin(), rollouts.end(), [](const auto& rollout) { return wants_scores(rollout.second); });
  return wanted ? config.state.path + ".joins" : std::string();
}

std::unique_ptr<JoinStore> remember(const config::Config& config) {
  const std::string file = memory_file(config);
  return file.empty() ? nullptr : std::make_unique<JoinStore>(file, config.feedback.memory);
}

void FeedbackDesk::follow(const config::Config& config, std::unique_ptr<JoinStore> memory) {
  sample_ppm_ = config.feedback.sample_ppm;
  if (memory) joins_ = std::move(memory);
  book_.keep([this](std::uint64_t rollout) { return find_(rollout).has_value(); });
  std::erase_if(forgotten_unscored_, [this](const auto& entry) { return !find_(entry.first); });
}

void FeedbackDesk::join(const Joinable& request) {
  if (!joins_ || sample_bucket(request) >= sample_ppm_) return;
  if (const std::optional<JoinRecord> forgotten = joins_->add(request, second())) forget(*forgotten);
  if (!waiting_.empty()) settle_waiting(request);
}

void FeedbackDesk::forget(const JoinRecord& record) {
  const auto arm = static_cast<std::size_t>(record.arm());
  ++forgotten_[arm];
  if (!record.judged() || record.scored.front() != 0) return;
  if (forgotten_unscored_.size() < kMostRollouts || forgotten_unscored_.contains(record.rollout)) {
    ++forgotten_unscored_[record.rollout][arm];
  }
}

ScoreTally FeedbackDesk::take(const Post& post) {
  end_patience();
  ScoreTally tally;
  for (const PostedScore& score : post.scores) {
    const std::optional<ScoreFate> settled = settle(score);
    const ScoreFate fate = settled ? *settled : wait_for_request(score);
    ++tally[fate];
    ++total_[fate];
  }
  return tally;
}

std::optional<ScoreFate> FeedbackDesk::settle(const PostedScore& score) {
  if (!joins_) return ScoreFate::kUnknown;
  for (const ScoreTarget& target : score.targets) {
    JoinRecord* const record = joins_->find(kind_of(target.kind), key_of(target));
    if (record == nullptr) continue;
    if (JoinStore::expired(*record, second())) return ScoreFate::kExpired;
    if (record->mixed(kind_of(target.kind))) return ScoreFate::kMixed;
    return count(score, *record);
  }
  return {};
}

ScoreFate FeedbackDesk::count(const PostedScore& score, JoinRecord& record) {
  const std::optional<ScoredRollout> rollout = find_(record.rollout);
  if (!rollout || rollout->judge == nullptr) return ScoreFate::kLate;
  if (!record.judged()) return ScoreFate::kUnjudged;
  const std::vector<analysis::Judge::ScoreSlot> slots = rollout->judge->score(score.name, score.source, score.value);
  if (slots.empty()) {
    book_.enter(record.rollout, record.arm(), score, ScoreBook::Entry::kUndeclared);
    return ScoreFate::kUndeclared;
  }
  switch (record.take_turn(score.name, score.source)) {
    case JoinRecord::Turn::kFirst:
      break;
    case JoinRecord::Turn::kLater:
      book_.enter(record.rollout, record.arm(), score, ScoreBook::Entry::kLater);
      return ScoreFate::kDuplicate;
    case JoinRecord::Turn::kNoRoom:
      return ScoreFate::kSurplus;
  }
  book_.enter(record.rollout, record.arm(), score, ScoreBook::Entry::kCounted);
  for (const analysis::Judge::ScoreSlot& slot : slots) {
    ready_.push_back({.of = {.service = rollout->service,
                             .version = rollout->versions[static_cast<std::size_t>(record.arm())],
                             .step = record.step,
                             .epoch = rollout->epoch,
                             .arm = record.arm(),
                             .cluster = record.cluster,
                             .judged = true},
                      .slot = slot.slot,
                      .value = slot.value});
    name(score, ready_.back());
  }
  return ScoreFate::kCounted;
}

void FeedbackDesk::name(const PostedScore& score, const Score& counted) {
  const bool bad = counted.of.arm == Arm::kCandidate && counted.value == kWholeValue;
  if (!bad || named_.size() >= kMostNamed) return;
  // A session is not one request.
  const auto target = std::find_if(score.targets.begin(), score.targets.end(),
                                   [](const ScoreTarget& of) { return of.kind != ScoreTarget::Kind::kSession; });
  if (target == score.targets.end()) return;
  FailedRequest& named = named_.emplace_back();
  named.service = counted.of.service;
  named.step = counted.of.step;
  named.epoch = counted.of.epoch;
  named.scores = static_cast<std::uint8_t>(1U << counted.slot);
  named.set_id(target->id);
}

void FeedbackDesk::fold(analysis::Tick& into) {
  end_patience();
  for (const Score& score : std::exchange(ready_, {})) into.fold(score);
  for (const FailedRequest& named : std::exchange(named_, {})) into.fold(named);
}

ScoreFate FeedbackDesk::wait_for_request(const PostedScore& score) {
  if (waiting_.size() >= kMostWaiting) return ScoreFate::kUnknown;
  const std::uint64_t number = next_waiting_++;
  for (const ScoreTarget& target : score.targets) waiting_for_.emplace(key_of(target), number);
  waiting_.emplace(number, Waiting{score, clock_.now() + kWaits});
  return ScoreFate::kEarly;
}

// In the order they came, whichever id they have of it: the first value counts.
void FeedbackDesk::settle_waiting(const Joinable& request) {
  std::set<std::uint64_t> numbers;
  for (const std::uint64_t key : request.keys) {
    if (key == 0) continue;
    for (auto at = waiting_for_.lower_bound({key, 0}); at != waiting_for_.end() && at->first == key; ++at) {
      numbers.insert(at->second);
    }
  }
  for (const std::uint64_t number : numbers) {
    ++total_[settle(waiting_.at(number).score).value_or(ScoreFate::kUnknown)];
    end_waiting(number);
  }
}

void FeedbackDesk::end_waiting(std::uint64_t number) {
  const auto at = waiting_.find(number);
  for (const ScoreTarget& target : at->second.score.targets) waiting_for_.erase({key_of(target), number});
  waiting_.erase(at);
}

// What has waited in vain is about a request that nobody has seen.
void FeedbackDesk::end_patience() {
  const SteadyTime now = clock_.now();
  while (!waiting_.empty() && waiting_.begin()->second.until <= now) {
    ++total_[ScoreFate::kUnknown];
    end_waiting(waiting_.begin()->first);
  }
}

FeedbackDesk::ByArm FeedbackDesk::forgotten_unscored(std::uint64_t rollout) const {
  const auto at = forgotten_unscored_.find(rollout);
  return at == forgotten_unscored_.end() ? ByArm{} : at->second;
}

json::Value FeedbackDesk::standing(std::uint64_t rollout) const {
  return json::Object{{"scores", book_.lines(rollout)},
                      {"left_out", book_.left_out()},
                      {"forgotten_unscored", by_arm(forgotten_unscored(rollout))}};
}

}  // namespace weir::app
