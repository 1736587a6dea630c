#include "app/feedback/desk.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "config/guards.h"

namespace weir::app {
namespace {

using analysis::ValueSums;
using std::chrono::hours;
using std::chrono::minutes;
using Kind = ScoreTarget::Kind;

constexpr std::uint64_t kChat = 77;
constexpr std::uint64_t kOver = 78;  // a rollout that judges nothing
constexpr ServiceId kService = 3;
constexpr VersionId kV1 = 4;
constexpr VersionId kV2 = 5;

config::Guard relevance() {
  config::Guard guard;
  guard.metric = config::GuardMetric::kFeedback;
  guard.scoring.name = "relevance";
  config::set_default_margin(guard);
  return guard;
}

Joinable request(const std::string& id, Arm arm, const std::string& session = {}) {
  Joinable out;
  out.of = {.service = kService, .version = kV1, .step = 1, .epoch = 1, .arm = arm, .cluster = 9, .judged = true};
  out.rollout = kChat;
  out.keys = {join_key(JoinKind::kRequest, id), 0, join_key(JoinKind::kTrace, "trace of " + id),
              join_key(JoinKind::kSession, session)};
  return out;
}

PostedScore score(std::vector<ScoreTarget> targets, double value = 1, const std::string& source = {}) {
  PostedScore out;
  out.targets = std::move(targets);
  out.name = "relevance";
  out.value = value;
  out.source = source;
  return out;
}
PostedScore score(const std::string& request_id, double value = 1, const std::string& source = {}) {
  return score({{Kind::kRequest, request_id}}, value, source);
}

class Desk : public ::testing::Test {
 protected:
  Desk() {
    analysis::Judge judge({.guards = {relevance()}, .steps = 2});
    judge.begin_step({.step = 1, .weight = 0.5, .next_weight = 1});
    judge_ = std::make_unique<analysis::Judge>(std::move(judge));
    config_.state.path = "/nowhere/at/all";  // so that it is in memory
    config_.feedback.memory = 1;
    config_.rollouts["chat"].analysis.guards = {relevance()};
    desk_.follow(config_, remember(config_));
  }

  std::optional<ScoredRollout> rollout(std::uint64_t identity) const {
    if (identity != kChat && identity != kOver) return {};
    return ScoredRollout{.judge = identity == kChat ? judge_.get() : nullptr,
                         .epoch = 8,
                         .service = kService,
                         .versions = {kV1, kV2}};
  }
  // What becomes of it alone.
  std::string fate(const PostedScore& posted) {
    const ScoreTally tally = desk_.take({.scores = {posted}, .refused = {}});
    std::string name;
    for (std::size_t i = 0; i < kScoreFateCount; ++i) {
      if (tally[static_cast<ScoreFate>(i)] == 1) name += to_string(static_cast<ScoreFate>(i));
    }
    return name;
  }
  // Values of the guard that come with the next tick.
  ValueSums folded(Arm arm) {
    analysis::Tick tick;
    desk_.fold(tick);
    const analysis::ServiceCounts* const counts = tick.of(kService);
    if (counts == nullptr || counts->steps.size() != 1) return {};
    EXPECT_EQ(counts->steps[0]->epoch, 8U);
    EXPECT_EQ(counts->steps[0]->of(arm).version, arm == Arm::kBaseline ? kV1 : kV2);
    const auto slot = judge_->score("relevance", "", 0).at(0).slot;
    return counts->steps[0]->of(arm).answers.values[slot + analysis::kValueSlots];
  }

  ManualClock clock_;
  std::unique_ptr<analysis::Judge> judge_;
  config::Config config_;
  FeedbackDesk desk_{clock_, [this](std::uint64_t identity) { return rollout(identity); }};
};

TEST_F(Desk, NamesTheCandidatesRequestsThatAreScoredWorst) {
  const auto named = [&] {
    analysis::Tick tick;
    desk_.fold(tick);
    std::vector<std::string> ids;
    for (const FailedRequest& failed : tick.of(kService)->steps.at(0)->failed) {
      EXPECT_EQ(failed.scores, 1U << judge_->score("relevance", "", 0).at(0).slot);
      ids.emplace_back(failed.id());
    }
    return ids;
  };
  desk_.join(request("good", Arm::kCandidate));
  desk_.join(request("bad", Arm::kCandidate, "a session"));
  desk_.join(request("of the baseline", Arm::kBaseline));
  for (const char* id : {"bad", "of the baseline"}) EXPECT_EQ(fate(score(id, 0)), "counted");
  EXPECT_EQ(fate(score("good", 0.5)), "counted");
  EXPECT_EQ(fate(score({{Kind::kSession, "a session"}}, 0, "a judge")), "counted");
  EXPECT_EQ(named(), std::vector<std::string>{"bad"});
  EXPECT_EQ(fate(score({{Kind::kTrace, "trace of good"}}, 0, "a judge")), "counted");
  EXPECT_EQ(named(), std::vector<std::string>{"trace of good"}) << "each is told once";
}

TEST_F(Desk, TheFirstValueOfANameAndASourceCounts) {
  desk_.join(request("r", Arm::kCandidate));
  EXPECT_EQ(fate(score("r", 0.25)), "counted");
  EXPECT_EQ(fate(score("r", 1)), "duplicate");
  EXPECT_EQ(fate(score("r", 0.75, "judge")), "counted");
  const ValueSums sums = folded(Arm::kCandidate);
  EXPECT_EQ(sums.n, 2U);
  EXPECT_EQ(sums.s1, 10'000U);  // of badness, in ten-thousandths: 0.75 and 0.25
  EXPECT_EQ(folded(Arm::kCandidate).n, 0U);
  EXPECT_EQ(json::write(desk_.standing(kChat)["scores"]),
            R"([{"name":"relevance","source":"","arm":"candidate","counted":{"n":1,"mean":0.25,"mean_weight":1},)"
            R"("later":{"n":1,"mean":1,"mean_weight":1}},)"
            R"({"name":"relevance","source":"judge","arm":"candidate","counted":{"n":1,"mean":0.75,"mean_weight":1}}])");
}

TEST_F(Desk, ARequestTellsSixNamesAndSourcesApart) {
  desk_.join(request("r", Arm::kBaseline));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(fate(score("r", 1, std::to_string(i))), "counted");
  EXPECT_EQ(fate(score("r", 1, "one too many")), "surplus");
  EXPECT_EQ(fate(score("r", 1, "5")), "duplicate");
}

TEST_F(Desk, AnEarlyScoreCountsOnceItsRequestIsKnown) {
  EXPECT_EQ(fate(score({{Kind::kRequest, "elsewhere's"}, {Kind::kTrace, "trace of r"}})), "early");
  EXPECT_EQ(fate(score("r", 0)), "early");
  EXPECT_EQ(desk_.waiting(), 2U);
  desk_.join(request("r", Arm::kBaseline));
  EXPECT_EQ(desk_.waiting(), 0U);
  EXPECT_EQ(desk_.total()[ScoreFate::kCounted], 1U);
  EXPECT_EQ(desk_.total()[ScoreFate::kDuplicate], 1U);
  const ValueSums sums = folded(Arm::kBaseline);
  EXPECT_EQ(sums.n, 1U);
  EXPECT_EQ(sums.s1, 0U);
}

TEST_F(Desk, AScoreOfNoRequestIsUnknownAfterTenMinutes) {
  EXPECT_EQ(fate(score("r")), "early");
  clock_.advance(minutes(10));
  folded(Arm::kBaseline);
  EXPECT_EQ(desk_.waiting(), 0U);
  EXPECT_EQ(desk_.total()[ScoreFate::kUnknown], 1U);
}

TEST_F(Desk, SoManyWaitAndNoMore) {
  const std::vector<PostedScore> many(FeedbackDesk::kMostWaiting + 5, score("r"));
  const ScoreTally tally = desk_.take({.scores = many, .refused = {}});
  EXPECT_EQ(tally[ScoreFate::kEarly], FeedbackDesk::kMostWaiting);
  EXPECT_EQ(tally[ScoreFate::kUnknown], 5U);
}

TEST_F(Desk, TellsApartWhatDoesNotCount) {
  desk_.join(request("r", Arm::kBaseline));
  PostedScore other = score("r");
  other.name = "taste";
  EXPECT_EQ(fate(other), "undeclared");
  Joinable pinned = request("pinned", Arm::kBaseline);
  pinned.of.judged = false;
  desk_.join(pinned);
  EXPECT_EQ(fate(score("pinned")), "unjudged");
  Joinable over = request("over", Arm::kBaseline);
  over.rollout = kOver;
  desk_.join(over);
  EXPECT_EQ(fate(score("over")), "late");
  over = request("gone", Arm::kBaseline);
  over.rollout = 79;
  desk_.join(over);
  EXPECT_EQ(fate(score("gone")), "late");
  clock_.advance(hours(24) + minutes(1));
  EXPECT_EQ(fate(score("r")), "expired");
  EXPECT_EQ(folded(Arm::kBaseline).n, 0U);
}

TEST_F(Desk, ASessionCountsIfItMetOneVersion) {
  desk_.join(request("a", Arm::kCandidate, "alice"));
  desk_.join(request("b", Arm::kCandidate, "alice"));
  EXPECT_EQ(fate(score({{Kind::kSession, "alice"}})), "counted");
  desk_.join(request("c", Arm::kBaseline, "alice"));
  EXPECT_EQ(fate(score({{Kind::kSession, "alice"}}, 1, "another")), "mixed");
  EXPECT_EQ(fate(score("c")), "counted");
}

TEST_F(Desk, ATraceThatMetBothVersionsIsNobodys) {
  Joinable one = request("a", Arm::kCandidate);
  Joinable two = request("b", Arm::kBaseline);
  one.keys[2] = two.keys[2] = join_key(JoinKind::kTrace, "t");
  desk_.join(one);
  EXPECT_EQ(fate(score({{Kind::kTrace, "t"}})), "counted");
  desk_.join(two);
  EXPECT_EQ(fate(score({{Kind::kTrace, "t"}}, 1, "another")), "mixed");
}

TEST_F(Desk, CountsByArmTheUnscoredThatMadeRoom) {
  const std::size_t room = JoinStore("", 1).capacity();
  desk_.join(request("scored", Arm::kCandidate));
  EXPECT_EQ(fate(score("scored")), "counted");
  for (std::size_t i = 0; i < 3; ++i) desk_.join(request("c" + std::to_string(i), Arm::kCandidate));
  for (std::size_t i = 0; i < room; ++i) desk_.join(request("b" + std::to_string(i), Arm::kBaseline));
  EXPECT_EQ(desk_.forgotten(), (FeedbackDesk::ByArm{0, 4}));
  EXPECT_EQ(desk_.forgotten_unscored(kChat), (FeedbackDesk::ByArm{0, 3}));
  EXPECT_EQ(fate(score("scored")), "early");
}

TEST_F(Desk, ASampleIsOfWholeSessions) {
  config_.feedback.sample_ppm = 300'000;
  desk_.follow(config_);
  int kept = 0;
  for (int i = 0; i < 1'000; ++i) {
    const std::string name = std::to_string(i);
    desk_.join(request("a" + name, Arm::kBaseline, name));
    desk_.join(request("b" + name, Arm::kBaseline, name));
    const std::string first = fate(score("a" + name));
    EXPECT_EQ(fate(score("b" + name)), first);
    kept += first == "counted" ? 1 : 0;
  }
  EXPECT_GT(kept, 230);
  EXPECT_LT(kept, 370);
}

TEST_F(Desk, WithoutAGuardOfFeedbackNothingIsKept) {
  FeedbackDesk desk(clock_, [this](std::uint64_t identity) { return rollout(identity); });
  desk.follow(config::Config());
  desk.join(request("r", Arm::kBaseline));
  EXPECT_EQ(desk.take({.scores = {score("r")}, .refused = {}})[ScoreFate::kUnknown], 1U);
  EXPECT_EQ(desk.waiting(), 0U);
  EXPECT_EQ(desk.problem(), "");
}

}  // namespace
}  // namespace weir::app
