// Whether the arms get the users that they should, as the judge sees it: STATISTICS.md 4.9 and 4.8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "analysis/judge/split_watch.h"
#include "base/random.h"
#include "tests/unit/analysis/judge/counts.h"

namespace weir::analysis {
namespace {

using testing::binary_guards;
using ::testing::HasSubstr;
using testing::tick;

JudgeSpec spec_of(bool has_keys = true) {
  return {.guards = binary_guards(),
          .max_false_rollback = 0.01,
          .max_false_advance = 0.05,
          .steps = 4,
          .has_keys = has_keys};
}

StepContext step_of(StepId id, double weight) {
  return {.step = id, .weight = weight, .next_weight = 1, .at_full = false, .seed = StepContext::Seed::kStep};
}

// How requests come: new users of whom `candidate` go there, each known after its arm's delay.
struct Traffic {
  double candidate = 0.25;
  std::uint32_t users_a_tick = 200;
  std::uint32_t baseline_ms = 10;
  std::uint32_t candidate_ms = 10;
  std::uint32_t known_by_ms = 60'000;  // overdue then: told of while it goes on
};

// One second a tick. A user assigned in one is told of so many ticks later.
class Clients {
 public:
  Clients(std::uint64_t seed, StepId step) : random_(seed), step_(step) {}

  void send(Judge& judge, const Traffic& traffic, int ticks) {
    for (int t = 0; t < ticks; ++t, ++now_) {
      for (std::uint32_t i = 0; i < traffic.users_a_tick; ++i) {
        const bool candidate = random_.uniform() < traffic.candidate;
        const std::uint32_t all_ms = candidate ? traffic.candidate_ms : traffic.baseline_ms;
        const std::uint32_t age_ms = std::min(all_ms, traffic.known_by_ms);
        under_way_.push_back({.due = now_ + static_cast<int>(age_ms / 1'000),
                              .arm = candidate ? Arm::kCandidate : Arm::kBaseline,
                              .user = {.hash = static_cast<std::uint32_t>(random_.next()), .age_ms = age_ms}});
      }
      StepCounts counts;
      counts.step = step_;
      std::erase_if(under_way_, [&](const UnderWay& request) {
        if (request.due > now_) return false;
        counts.of(request.arm).users.push_back(request.user);
        return true;
      });
      tick(judge, counts);
    }
  }

 private:
  struct UnderWay {
    int due = 0;
    Arm arm = Arm::kBaseline;
    UserSeen user;
  };

  Random random_;
  StepId step_;
  int now_ = 0;
  std::vector<UnderWay> under_way_;
};

constexpr int kUntilKnown = 130;  // twice the sixty seconds after which a request is overdue

bool holds_back(const Verdict& verdict) {
  return std::any_of(verdict.lacks.begin(), verdict.lacks.end(),
                     [](const std::string& lack) { return lack.starts_with("split: "); });
}

TEST(Split, AHealthyOneRaisesNoAlarm) {
  std::uint64_t seed = 1;
  for (const double weight : {0.01, 0.25, 0.5, 0.95}) {
    Judge judge(spec_of());
    judge.begin_step(step_of(1, weight));
    Clients clients(seed++, 1);
    clients.send(judge, {.candidate = weight}, 3 * kUntilKnown);
    const SplitStatus split = judge.verdict().split;
    EXPECT_FALSE(split.alarm) << weight;
    EXPECT_LT(split.log_evidence, std::log(10.0)) << weight;
    EXPECT_GT(split.users[0] + split.users[1], 40'000) << weight;
    EXPECT_FALSE(holds_back(judge.verdict()));
  }
}

TEST(Split, ABrokenOneHoldsTheAdvanceWithItsNumbers) {
  Judge judge(spec_of());
  judge.begin_step(step_of(1, 0.25));
  Clients clients(2, 1);
  clients.send(judge, {.candidate = 0.3}, kUntilKnown);
  const Verdict verdict = judge.verdict();
  ASSERT_TRUE(verdict.split.alarm);
  EXPECT_TRUE(holds_back(verdict));
  EXPECT_THAT(verdict.split.because, HasSubstr("where 25 % are due"));
  EXPECT_THAT(verdict.split.because, HasSubstr(" users of "));
  EXPECT_NE(verdict.kind, Verdict::Kind::kError);
}

// One arm's records counted twice, as by a merge that goes wrong: the same users again are no more users, other ones
// are.
TEST(Split, CountsUsersAndNotHowOftenTheyAreToldOf) {
  for (const bool anew : {false, true}) {
    Judge judge(spec_of());
    judge.begin_step(step_of(1, 0.5));
    Random random(3);
    for (int t = 0; t < kUntilKnown; ++t) {
      StepCounts counts;
      counts.step = 1;
      for (int i = 0; i < 200; ++i) {
        std::vector<UserSeen>& users = counts.of(i % 2 == 0 ? Arm::kCandidate : Arm::kBaseline).users;
        users.push_back({.hash = static_cast<std::uint32_t>(random.next()), .age_ms = 0});
        if (i % 4 != 0) continue;
        const auto other = static_cast<std::uint32_t>(random.next());
        users.push_back({.hash = anew ? other : users.back().hash, .age_ms = 0});
      }
      tick(judge, counts);
    }
    EXPECT_EQ(judge.verdict().split.alarm, anew);
  }
}

// Streams of the candidate take three times as long. Counted as they end, hundreds of its users would be missing.
TEST(Split, ASlowCandidateIsNoBrokenSplit) {
  Judge judge(spec_of());
  judge.begin_step(step_of(1, 0.5));
  Clients clients(4, 1);
  clients.send(judge, {.candidate = 0.5, .baseline_ms = 10'000, .candidate_ms = 30'000}, 2 * kUntilKnown);
  EXPECT_FALSE(judge.verdict().split.alarm);
  EXPECT_GT(judge.verdict().split.users[1], 5'000);
}

// Neither is one that hangs for good: its requests are told of once they are overdue.
TEST(Split, AHangingCandidateIsNoBrokenSplit) {
  Judge judge(spec_of());
  judge.begin_step(step_of(1, 0.5));
  Clients clients(5, 1);
  clients.send(judge, {.candidate = 0.5, .candidate_ms = 3'600'000}, 3 * kUntilKnown);
  EXPECT_FALSE(judge.verdict().split.alarm);
  EXPECT_GT(judge.verdict().split.users[1], 5'000);
}

TEST(Split, NobodyCountsWithoutOne) {
  for (const double weight : {0.0, 1.0}) {
    Judge judge(spec_of());
    judge.begin_step(step_of(1, weight));
    Clients clients(6, 1);
    clients.send(judge, {.candidate = 0.5}, kUntilKnown);
    EXPECT_FALSE(judge.verdict().split.alarm);
    EXPECT_FALSE(judge.verdict().split.counting);
  }
}

TEST(Split, OtherStepsUsersDoNotCount) {
  Judge judge(spec_of());
  judge.begin_step(step_of(1, 0.01));
  judge.begin_step(step_of(2, 0.5));
  Clients late(7, 1);
  late.send(judge, {.candidate = 0.01}, kUntilKnown);
  EXPECT_EQ(judge.verdict().split.users[0], 0);
  EXPECT_FALSE(judge.verdict().split.alarm);
}

TEST(Split, AnAlarmStaysUntilSomebodyResumesAndThenCountsAnew) {
  Judge judge(spec_of(false));
  judge.begin_step(step_of(1, 0.25));
  Clients broken(8, 1);
  broken.send(judge, {.candidate = 0.35}, kUntilKnown);
  ASSERT_TRUE(judge.verdict().split.alarm);
  EXPECT_THAT(judge.verdict().split.because, HasSubstr(" requests of "));
  judge.begin_step(step_of(2, 0.5));
  EXPECT_TRUE(judge.verdict().split.alarm) << "another step does not mend it";
  judge.resume();
  EXPECT_FALSE(judge.verdict().split.alarm);
  EXPECT_EQ(judge.verdict().split.users[1], 0);
  Clients healthy(9, 2);
  healthy.send(judge, {.candidate = 0.5}, kUntilKnown);
  EXPECT_FALSE(judge.verdict().split.alarm);
  EXPECT_GT(judge.verdict().split.users[1], 1'000);
  Clients again(10, 2);
  again.send(judge, {.candidate = 0.6}, 2 * kUntilKnown);
  EXPECT_TRUE(judge.verdict().split.alarm);
}

// The same judge, but for the users of the last seconds, who are those of both arms.
TEST(Split, GoesOnAfterARestart) {
  Judge judge(spec_of());
  judge.begin_step(step_of(1, 0.25));
  Clients clients(11, 1);
  clients.send(judge, {.candidate = 0.255}, kUntilKnown);
  const SplitStatus before = judge.verdict().split;
  ASSERT_FALSE(before.alarm);
  const std::string bytes = judge.save();
  EXPECT_LT(bytes.size(), 40'000U);
  std::optional<Judge> restored = Judge::restore(spec_of(), bytes);
  ASSERT_TRUE(restored);
  const SplitStatus after = restored->verdict().split;
  EXPECT_EQ(after.users, before.users);
  EXPECT_EQ(after.log_evidence, before.log_evidence);
  clients.send(*restored, {.candidate = 0.3}, 2 * kUntilKnown);
  EXPECT_TRUE(restored->verdict().split.alarm);
  const std::optional<Judge> alarmed = Judge::restore(spec_of(), restored->save());
  ASSERT_TRUE(alarmed);
  EXPECT_TRUE(alarmed->verdict().split.alarm);
  EXPECT_EQ(alarmed->verdict().split.because, restored->verdict().split.because);
}

// Once a step has enough users, their bits are no longer kept.
TEST(Split, EnoughUsersAreSavedAsWhatTheySaid) {
  Judge judge(spec_of());
  judge.begin_step(step_of(1, 0.5));
  Clients clients(12, 1);
  clients.send(judge, {.candidate = 0.5, .users_a_tick = 400}, kUntilKnown);
  const std::size_t counting = judge.save().size();
  clients.send(judge, {.candidate = 0.5, .users_a_tick = 2'000}, 2 * kUntilKnown);
  EXPECT_FALSE(judge.verdict().split.counting);
  EXPECT_LT(judge.save().size(), counting);
  const std::optional<Judge> restored = Judge::restore(spec_of(), judge.save());
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->verdict().split.users, judge.verdict().split.users);
  EXPECT_FALSE(restored->verdict().split.counting);
}

// A candidate with nearly all users fills its bits, which then take as much as the map itself.
TEST(Split, AFullBitmapIsSavedWhole) {
  Judge judge(spec_of());
  judge.begin_step(step_of(1, 0.95));
  Clients clients(13, 1);
  clients.send(judge, {.candidate = 0.95, .users_a_tick = 4'000}, 2 * kUntilKnown);
  ASSERT_GT(judge.verdict().split.users[1], 200'000);
  ASSERT_TRUE(judge.verdict().split.counting);
  const std::string bytes = judge.save();
  EXPECT_LT(bytes.size(), 200'000U);
  const std::optional<Judge> restored = Judge::restore(spec_of(), bytes);
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->verdict().split.users, judge.verdict().split.users);
  EXPECT_EQ(restored->save().size(), bytes.size());
  for (std::size_t cut = 1; cut < bytes.size(); cut += 9'999) {
    EXPECT_FALSE(Judge::restore(spec_of(), std::string_view(bytes).substr(0, cut))) << cut;
  }
}

}  // namespace
}  // namespace weir::analysis
