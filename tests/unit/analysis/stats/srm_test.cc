// Whether the arms get the users that the plan says: the golden values, linear counting, and the test over steps.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "analysis/stats/srm_test.h"
#include "base/random.h"
#include "tests/unit/analysis/stats/golden.h"

namespace weir::analysis {
namespace {

using testing::expect_golden;

TEST(SplitEvidence, IsTheGoldenOne) {
  expect_golden(split_evidence(52, 4948, 0.01), -2.025336209);
  expect_golden(split_evidence(80, 4920, 0.01), 5.287523237);
  expect_golden(split_evidence(2600, 7400, 0.25), 0.293640523);
  EXPECT_NEAR(split_evidence(0, 0, 0.25), 0, 1e-12);
}

constexpr std::uint32_t kSteps = 5;

// So many users, of whom each goes to the candidate with probability `share`.
void send(SrmTest& test, Random& random, int users, double share) {
  for (int i = 0; i < users; ++i) {
    const Arm arm = random.uniform() < share ? Arm::kCandidate : Arm::kBaseline;
    test.add(arm, static_cast<std::uint32_t>(random.next()));
  }
  test.end_tick();
}

TEST(UserBitmap, CountsDistinctUsersWithinAFewPerMille) {
  Random random(1);
  for (const int users : {100, 10'000, 50'000, 1'000'000}) {
    UserBitmap bitmap;
    std::vector<std::uint32_t> hashes(static_cast<std::size_t>(users));
    for (std::uint32_t& hash : hashes) hash = static_cast<std::uint32_t>(random.next());
    for (int visit = 0; visit < 3; ++visit) {
      for (const std::uint32_t hash : hashes) bitmap.add(hash);
    }
    EXPECT_NEAR(bitmap.users(), users, 0.005 * users) << users;
  }
}

TEST(UserBitmap, MergesInAnyOrderToTheSame) {
  Random random(2);
  std::vector<UserBitmap> replicas(5);
  UserBitmap all;
  for (int i = 0; i < 20'000; ++i) {
    const auto hash = static_cast<std::uint32_t>(random.next());
    replicas[random.below(5)].add(hash);
    replicas[random.below(5)].add(hash);
    all.add(hash);
  }
  UserBitmap forwards;
  UserBitmap backwards;
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    forwards.merge(replicas[i]);
    backwards.merge(replicas[replicas.size() - 1 - i]);
  }
  backwards.merge(replicas[2]);
  EXPECT_TRUE(std::equal(all.words().begin(), all.words().end(), forwards.words().begin()));
  EXPECT_TRUE(std::equal(all.words().begin(), all.words().end(), backwards.words().begin()));
  EXPECT_EQ(forwards.population(), all.population());
  EXPECT_EQ(backwards.population(), all.population());
}

// Whether they are a list still or a bitmap already.
TEST(UserSet, MergesAsIfEachUserHadBeenAddedAtOnce) {
  Random random(3);
  for (const std::size_t records : {std::size_t{0}, std::size_t{100}, UserSet::kMostListed - 1, UserSet::kMostListed,
                                    3 * UserSet::kMostListed}) {
    UserSet set;
    set.add(17);
    set.clear();
    UserBitmap at_once;
    UserBitmap merged;
    for (const std::uint32_t known : {5U, 6U}) {
      at_once.add(known);
      merged.add(known);
    }
    for (std::size_t i = 0; i < records; ++i) {
      const std::uint32_t hash = random.below(40'000) * 2'654'435'761U;
      set.add(hash);
      at_once.add(hash);
    }
    EXPECT_EQ(set.bitmap().has_value(), records >= UserSet::kMostListed);
    set.merge_into(merged);
    EXPECT_TRUE(std::equal(at_once.words().begin(), at_once.words().end(), merged.words().begin())) << records;
    EXPECT_EQ(merged.population(), at_once.population()) << records;
  }
}

TEST(UserSet, ListsEachUserOnceInOrder) {
  UserSet set;
  for (const std::uint32_t hash : {9U, 3U, 9U, UserBitmap::kBits + 4, 3U}) set.add(hash);
  EXPECT_EQ(set.bits(), (std::vector<std::uint32_t>{3, 4, 9}));
}

TEST(UserBitmap, SurvivesBeingSaved) {
  UserBitmap bitmap;
  for (const std::uint32_t hash : {0U, 63U, 64U, UserBitmap::kBits - 1, UserBitmap::kBits + 5}) bitmap.add(hash);
  UserBitmap restored;
  restored.add(77);
  restored.set_words(bitmap.words());
  EXPECT_EQ(restored.population(), 5U);
  restored.add(5);
  EXPECT_EQ(restored.population(), 5U) << "the bit that a hash above 2^20 has set";
  restored.clear();
  EXPECT_EQ(restored.population(), 0U);
  EXPECT_EQ(restored.users(), 0);
}

TEST(UserBitmap, FullStillCountsSomething) {
  UserBitmap bitmap;
  for (std::uint32_t i = 0; i < UserBitmap::kBits; ++i) bitmap.add(i);
  EXPECT_TRUE(std::isfinite(bitmap.users()));
}

TEST(SrmTest, SaysNothingOfAHealthySplit) {
  Random random(3);
  SrmTest test(kSteps);
  for (const double weight : {0.01, 0.05, 0.25, 0.95}) {
    test.begin_step(weight);
    for (int tick = 0; tick < 100; ++tick) send(test, random, 1'000, weight);
    EXPECT_FALSE(test.alarm()) << weight;
    EXPECT_LT(test.log_evidence(), 0) << weight;
  }
}

TEST(SrmTest, FindsAWrongShareAndKeepsTheAlarm) {
  Random random(4);
  SrmTest test(kSteps);
  test.begin_step(0.25);
  for (int tick = 0; tick < 40; ++tick) send(test, random, 1'000, 0.29);
  EXPECT_TRUE(test.alarm());
  test.begin_step(0.5);
  send(test, random, 1'000, 0.5);
  EXPECT_TRUE(test.alarm()) << "a step that is well does not mend the one before";
  test.restart();
  EXPECT_FALSE(test.alarm());
  EXPECT_EQ(test.users(Arm::kBaseline).population(), 0U);
  for (int tick = 0; tick < 40; ++tick) send(test, random, 1'000, 0.5);
  EXPECT_FALSE(test.alarm());
}

TEST(SrmTest, IsTheMeanOverTheStepsOfThePlan) {
  SrmTest test(kSteps);
  double sum = 0;
  for (const double weight : {0.1, 0.2, 0.15}) {
    test.begin_step(weight);
    for (std::uint32_t i = 0; i < 40; ++i) test.add(i % 2 == 0 ? Arm::kCandidate : Arm::kBaseline, i);
    test.end_tick();
    const double candidate = test.users(Arm::kCandidate).users();
    sum += std::exp(split_evidence(candidate, test.users(Arm::kBaseline).users(), weight));
    expect_golden(test.log_evidence(), std::log(sum / kSteps));
  }
}

TEST(SrmTest, StepsBeyondThePlansAddNothing) {
  SrmTest test(kSteps);
  for (std::uint32_t step = 0; step < kSteps; ++step) test.begin_step(0.5);
  test.begin_step(0.01);
  for (std::uint32_t i = 0; i < 1'000; ++i) test.add(Arm::kCandidate, i);
  test.end_tick();
  EXPECT_FALSE(test.alarm());
  EXPECT_EQ(test.users(Arm::kCandidate).population(), 0U);
}

TEST(SrmTest, HasNoSplitToTestAtAnEnd) {
  for (const double weight : {0.0, 1.0}) {
    SrmTest test(kSteps);
    test.begin_step(weight);
    for (std::uint32_t i = 0; i < 1'000; ++i) test.add(Arm::kCandidate, i);
    test.end_tick();
    EXPECT_EQ(test.log_evidence(), kLogZero);
  }
}

TEST(SrmTest, UsersOfAStepAreFrozenOnceTheyAreEnough) {
  SrmTest test(kSteps);
  test.begin_step(0.5);
  const auto enough = static_cast<std::uint32_t>(0.05 * UserBitmap::kBits) + 1;
  for (std::uint32_t i = 0; i < enough; ++i) {
    test.add(Arm::kBaseline, i);
    test.add(Arm::kCandidate, i);
  }
  test.add(Arm::kBaseline, enough + 7);  // in the same tick: what comes first must not matter
  test.end_tick();
  EXPECT_EQ(test.users(Arm::kBaseline).population(), enough + 1);
  const double log_evidence = test.log_evidence();
  for (std::uint32_t i = 0; i < 200'000; ++i) test.add(Arm::kCandidate, i);
  UserSet others;
  others.add(1'000'000);
  test.merge(Arm::kBaseline, others);
  test.end_tick();
  EXPECT_EQ(test.log_evidence(), log_evidence);
  EXPECT_EQ(test.users(Arm::kCandidate).population(), enough);
  test.begin_step(0.5);
  test.add(Arm::kCandidate, 1);
  EXPECT_EQ(test.users(Arm::kCandidate).population(), 1U);
}

// A candidate with nearly all the traffic fills its bits long before the baseline's are enough; then its number is
// rough.
TEST(SrmTest, AFullCandidateIsNoMismatch) {
  Random random(5);
  SrmTest test(kSteps);
  test.begin_step(0.999);
  send(test, random, 5'000'000, 0.999);
  for (std::uint32_t i = 0; i < UserBitmap::kBits; ++i) test.add(Arm::kCandidate, i);
  send(test, random, 25'000, 0);
  EXPECT_FALSE(test.alarm());
}

TEST(SrmTest, AnAlarmStaysWhenLaterUsersMakeUpForIt) {
  Random random(6);
  SrmTest test(kSteps);
  test.begin_step(0.5);
  send(test, random, 3'000, 0.75);
  EXPECT_TRUE(test.alarm());
  const double most = test.log_evidence();
  send(test, random, 3'000, 0.25);
  EXPECT_TRUE(test.alarm());
  EXPECT_EQ(test.log_evidence(), most);
}

TEST(SrmTest, GoesOnWhereItWasSaved) {
  Random random(6);
  SrmTest test(kSteps);
  test.begin_step(0.1);
  send(test, random, 2'000, 0.12);
  test.begin_step(0.25);
  send(test, random, 2'000, 0.27);
  SrmTest restored(kSteps);
  restored.restore(test.state());
  for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) restored.bitmap(arm).set_words(test.users(arm).words());
  Random same = random;
  send(test, random, 2'000, 0.3);
  send(restored, same, 2'000, 0.3);
  EXPECT_EQ(restored.log_evidence(), test.log_evidence());
}

}  // namespace
}  // namespace weir::analysis
