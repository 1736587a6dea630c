// Confined to the control thread. Takes scores in, finds whose they are, and hands those that count to the analyzer with
// the next tick.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "analysis/judge/judge.h"
#include "analysis/window/tick.h"
#include "app/feedback/fate.h"
#include "app/feedback/join_store.h"
#include "app/feedback/posted.h"
#include "app/feedback/score_book.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/score.h"
#include "config/config.h"

namespace weir::app {

// A rollout, as far as scores are about it.
struct ScoredRollout {
  const analysis::Judge* judge = nullptr;  // null: nothing is judged, or not any more
  Epoch epoch = 0;                         // whose step ids the judge knows
  ServiceId service = kNoId;
  std::array<VersionId, kArmCount> versions{kNoId, kNoId};
};

// The file of what is kept of requests, beside the state file. Empty: no rollout of the plan has a guard of feedback.
std::string memory_file(const config::Config& config);
// Any thread: waits for the file's disk. Null where there is none.
std::unique_ptr<JoinStore> remember(const config::Config& config);

class FeedbackDesk {
 public:
  // A score may come before its request ends: so many wait, and so long.
  static constexpr std::size_t kMostWaiting = 10'000;
  static constexpr std::chrono::minutes kWaits{10};
  // Of the candidate's worst scored requests so many are named in a tick.
  static constexpr std::size_t kMostNamed = 64;

  // Finds the rollout of an identity; nothing: it is not in the plan.
  using FindRollout = std::function<std::optional<ScoredRollout>(std::uint64_t identity)>;
  using ByArm = std::array<std::uint64_t, kArmCount>;

  FeedbackDesk(const Clock& clock, FindRollout find) : clock_(clock), find_(std::move(find)) {}

  // Once its rollouts are there. `memory`: remember(), of the first plan that wants one; null: what there is stays.
  void follow(const config::Config& config, std::unique_ptr<JoinStore> memory = nullptr);
  bool remembers() const { return joins_ != nullptr; }
  void join(const Joinable& request);
  // Of each score what became of it, or will have to.
  ScoreTally take(const Post& post);
  // The scores that count, into the tick under way.
  void fold(analysis::Tick& into);

  // Ever. One that came early is counted so, and once more when it is known what becomes of it.
  const ScoreTally& total() const { return total_; }
  std::size_t waiting() const { return waiting_.size(); }
  // Requests that made room for others before their day was over.
  const ByArm& forgotten() const { return forgotten_; }
  // Of those, the ones that were evidence in this rollout and that nobody had scored: what may be missing.
  ByArm forgotten_unscored(std::uint64_t rollout) const;
  // What status shows of a rollout's scores.
  json::Value standing(std::uint64_t rollout) const;
  // Why a restart will forget all requests; empty: it will not.
  std::string problem() const { return joins_ ? joins_->problem() : std::string(); }

 private:
  struct Waiting {
    PostedScore score;
    SteadyTime until;
  };

  // Nothing: no request of any of its targets is known.
  std::optional<ScoreFate> settle(const PostedScore& score);
  ScoreFate count(const PostedScore& score, JoinRecord& record);
  // For people to look up, by the id that the poster knows it by.
  void name(const PostedScore& score, const Score& counted);
  void forget(const JoinRecord& record);
  ScoreFate wait_for_request(const PostedScore& score);
  void settle_waiting(const Joinable& request);
  void end_waiting(std::uint64_t number);
  void end_patience();
  std::uint32_t second() const;

  const Clock& clock_;
  FindRollout find_;
  std::unique_ptr<JoinStore> joins_;  // none: no plan has had a guard of feedback
  std::uint32_t sample_ppm_ = kMillion;
  std::vector<Score> ready_;
  std::vector<FailedRequest> named_;
  ScoreBook book_;
  std::map<std::uint64_t, Waiting> waiting_;                       // in the order they came
  std::set<std::pair<std::uint64_t, std::uint64_t>> waiting_for_;  // (a target's key, number of who waits)
  std::uint64_t next_waiting_ = 0;
  ScoreTally total_;
  ByArm forgotten_{};
  std::map<std::uint64_t, ByArm> forgotten_unscored_;  // by rollout
};

}  // namespace weir::app
