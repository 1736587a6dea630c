#include "app/feedback/words.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

TEST(FeedbackWords, AReplySaysWhatBecameOfEachScore) {
  Post post;
  post.scores.resize(3);
  post.refused.push_back({.index = 1, .reason = "why"});
  ScoreTally tally;
  tally[ScoreFate::kCounted] = 2;
  tally[ScoreFate::kMixed] = 1;
  EXPECT_EQ(feedback_reply(post, tally),
            R"({"accepted":3,"counted":2,"unjudged":0,"late":0,"undeclared":0,"duplicate":0,"surplus":0,"early":0,)"
            R"("unknown":0,"expired":0,"mixed":1,"rejected":[{"index":1,"reason":"why"}]})");
}

TEST(FeedbackWords, MissingScoresSayHowManyRequestsWereForgotten) {
  const json::Array waits{"hold: 3 s", "scores_missing: of the candidate's answers 5 % are scored"};
  EXPECT_EQ(json::write(waits_with_forgotten(waits, {})), json::write(waits));
  EXPECT_EQ(json::write(waits_with_forgotten(waits, {1, 20})),
            R"(["hold: 3 s","scores_missing: of the candidate's answers 5 % are scored; feedback.memory had no room for )"
            R"(20 unscored requests of the candidate and 1 of the baseline"])");
}

}  // namespace
}  // namespace weir::app
