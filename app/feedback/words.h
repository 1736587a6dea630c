// Pure functions. What is told of scores: to who posts them, and to who wonders why a rollout waits.
#pragma once

#include <string>

#include "app/feedback/desk.h"
#include "app/feedback/fate.h"
#include "app/feedback/posted.h"
#include "base/json.h"

namespace weir::app {

// What a post is answered with. Accepted is what was understood: that nobody knows a score's request is no mistake of who
// posted it.
std::string feedback_reply(const Post& post, const ScoreTally& tally);

// What a rollout waits for, and where scores are missing of how many requests they could not be joined to any more.
json::Array waits_with_forgotten(const json::Array& waits, const FeedbackDesk::ByArm& forgotten);

}  // namespace weir::app
