#include "app/feedback/words.h"

#include <utility>

namespace weir::app {

std::string feedback_reply(const Post& post, const ScoreTally& tally) {
  json::Object reply{{"accepted", post.scores.size()}};
  for (std::size_t fate = 0; fate < kScoreFateCount; ++fate) {
    const auto each = static_cast<ScoreFate>(fate);
    reply.set(to_string(each), tally[each]);
  }
  json::Array rejected;
  for (const RefusedScore& refused : post.refused) {
    rejected.push_back(json::Object{{"index", refused.index}, {"reason", refused.reason}});
  }
  reply.set("rejected", std::move(rejected));
  return json::write(std::move(reply));
}

json::Array waits_with_forgotten(const json::Array& waits, const FeedbackDesk::ByArm& forgotten) {
  const auto [baseline, candidate] = forgotten;
  json::Array out;
  for (const json::Value& why : waits) {
    std::string text = why.string();
    if (text.starts_with("scores_missing: ") && baseline + candidate > 0) {
      text += "; feedback.memory had no room for " + std::to_string(candidate) +
              " unscored requests of the candidate and " + std::to_string(baseline) + " of the baseline";
    }
    out.emplace_back(std::move(text));
  }
  return out;
}

}  // namespace weir::app
