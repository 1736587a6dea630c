// What becomes of the answers: which addresses a name has, and when it is asked for again.
#include "proxy/resolve/name_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = FamilyAnswer::Kind;

FamilyAnswer found(std::vector<std::string> addresses, std::optional<config::Duration> ttl = seconds(60)) {
  FamilyAnswer answer;
  answer.kind = Kind::kAddresses;
  answer.addresses = std::move(addresses);
  answer.ttl = ttl;
  return answer;
}

FamilyAnswer none() {
  FamilyAnswer answer;
  answer.kind = Kind::kNone;
  answer.problem = "none";
  return answer;
}

FamilyAnswer failed() {
  FamilyAnswer answer;
  answer.problem = "failed";
  return answer;
}

class NameTableTest : public testing::Test {
 protected:
  NameTableTest() { EXPECT_FALSE(table_.set({"a"}, rules_, now_)); }

  // All of a round, of the name "a".
  void round(FamilyAnswer v4, FamilyAnswer v6) {
    ask();
    table_.answered("a", AddressFamily::kIpv4, std::move(v4), now_);
    table_.answered("a", AddressFamily::kIpv6, std::move(v6), now_);
  }
  // Its time comes.
  void ask() {
    now_ = std::max(now_, table_.next());
    ASSERT_THAT(table_.due(now_, 10), ElementsAre("a"));
  }
  const Resolution::Name& name() const { return table_.resolution().names.at("a"); }
  const std::vector<std::string>& addresses() const { return table_.resolution().addresses("a"); }
  config::Duration wait() const { return std::chrono::duration_cast<config::Duration>(table_.next() - now_); }

  config::Dns rules_;
  SteadyTime now_{std::chrono::hours(1)};
  NameTable table_{Random(1)};
};

TEST_F(NameTableTest, AsksOnceUntilTheAnswersAreIn) {
  EXPECT_FALSE(table_.resolution().settled({"a"}));
  ask();
  EXPECT_THAT(table_.due(now_ + minutes(9), 10), IsEmpty());
  EXPECT_EQ(table_.next(), SteadyTime::max());
  table_.answered("a", AddressFamily::kIpv6, found({"::1", "::2"}), now_);
  EXPECT_THAT(addresses(), ElementsAre("::1", "::2"));  // at once
  EXPECT_FALSE(table_.resolution().settled({"a"}));
  table_.answered("a", AddressFamily::kIpv4, found({"10.0.0.2", "10.0.0.1", "10.0.0.2"}), now_);
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1", "10.0.0.2", "::1", "::2"));
  EXPECT_TRUE(table_.resolution().settled({"a"}));
  EXPECT_FALSE(table_.resolution().settled({"a", "b"}));
  EXPECT_EQ(table_.resolution().lookups, 1U);
}

TEST_F(NameTableTest, AsksAgainByTheShortestTtlWithinTheBounds) {
  round(found({"10.0.0.1"}, seconds(20)), found({"::1"}, seconds(30)));
  EXPECT_EQ(wait(), seconds(20));
  EXPECT_THAT(table_.due(now_ + milliseconds(19'999), 10), IsEmpty());
  round(found({"10.0.0.1"}, seconds(40)), none());
  EXPECT_EQ(wait(), seconds(40));
  round(found({"10.0.0.1"}, milliseconds(10)), none());
  EXPECT_EQ(wait(), seconds(1));
  round(found({"10.0.0.1"}, minutes(600)), none());
  EXPECT_EQ(wait(), minutes(5));
  round(found({"10.0.0.1"}, std::nullopt), none());
  EXPECT_EQ(wait(), seconds(5));
  rules_.min_ttl = seconds(7);
  table_.set({"a"}, rules_, now_);
  round(found({"10.0.0.1"}, std::nullopt), none());
  EXPECT_EQ(wait(), seconds(7));
}

TEST_F(NameTableTest, ForgetsAFamilyOnlyWhenTheOtherOneAnswers) {
  round(found({"10.0.0.1"}), found({"::1"}));
  round(found({"10.0.0.1"}), failed());
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1", "::1"));
  EXPECT_EQ(name().problem, "");
  EXPECT_EQ(wait(), seconds(60));
  round(failed(), none());
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1", "::1"));
  EXPECT_EQ(name().problem, "failed");
  round(found({"10.0.0.1"}), none());
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
  EXPECT_EQ(name().problem, "");
}

TEST_F(NameTableTest, KeepsWhatWasKnownLast) {
  round(found({"10.0.0.1"}), none());
  round(none(), none());
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
  EXPECT_EQ(name().problem, "none");
  round(failed(), failed());
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
  EXPECT_EQ(name().problem, "failed");
  EXPECT_EQ(table_.resolution().failures, 2U);
  round(found({"10.0.0.2"}), none());
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.2"));
  EXPECT_EQ(name().problem, "");
  EXPECT_EQ(table_.resolution().failures, 2U);
  EXPECT_EQ(table_.resolution().lookups, 4U);
}

TEST_F(NameTableTest, AsksLessOftenTheLongerItFails) {
  for (const int most_s : {1, 2, 4, 8, 16, 30, 30, 30}) {
    round(failed(), failed());
    EXPECT_GE(wait(), milliseconds(most_s * 500));
    EXPECT_LE(wait(), seconds(most_s));
  }
  EXPECT_TRUE(name().settled);
  EXPECT_THAT(addresses(), IsEmpty());
  round(found({"10.0.0.1"}), none());
  round(failed(), failed());
  EXPECT_LE(wait(), seconds(1));
}

TEST_F(NameTableTest, DrawsTheTimeOfTheNextTry) {
  std::set<config::Duration> drawn;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    NameTable table{Random(seed)};
    table.set({"a"}, {.family = config::Dns::Family::kIpv4}, now_);
    table.due(now_, 1);
    table.answered("a", AddressFamily::kIpv4, failed(), now_);
    drawn.insert(std::chrono::duration_cast<config::Duration>(table.next() - now_));
  }
  EXPECT_GT(drawn.size(), 10U);
}

TEST_F(NameTableTest, LeavesOutAFamilyThatCannotBeReached) {
  FamilyAnswer far = found({"2001:db8::1"});
  far.reachable = false;
  round(found({"10.0.0.1"}), far);
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
  round(none(), far);  // there is nothing else
  EXPECT_THAT(addresses(), ElementsAre("2001:db8::1"));
}

TEST_F(NameTableTest, AsksForTheFamiliesThatAreWanted) {
  rules_.family = config::Dns::Family::kIpv6;
  EXPECT_TRUE(table_.set({"a"}, rules_, now_));
  EXPECT_FALSE(table_.wants(AddressFamily::kIpv4));
  ask();
  table_.answered("a", AddressFamily::kIpv4, found({"10.0.0.1"}), now_);
  EXPECT_THAT(addresses(), IsEmpty());
  table_.answered("a", AddressFamily::kIpv6, found({"::1"}), now_);
  EXPECT_TRUE(name().settled);
  rules_.family = config::Dns::Family::kBoth;
  EXPECT_TRUE(table_.set({"a"}, rules_, now_));
  EXPECT_THAT(addresses(), ElementsAre("::1"));
  EXPECT_EQ(table_.next(), now_);
  round(found({"10.0.0.1"}), found({"::1"}));
  rules_.family = config::Dns::Family::kIpv4;
  table_.set({"a"}, rules_, now_);
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
}

TEST_F(NameTableTest, AsksOtherServersAtOnce) {
  round(found({"10.0.0.1"}), none());
  EXPECT_FALSE(table_.set({"a"}, rules_, now_));
  EXPECT_EQ(wait(), seconds(60));
  ask();
  rules_.servers = {"10.0.0.9:53"};
  EXPECT_TRUE(table_.set({"a"}, rules_, now_));
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
  table_.answered("a", AddressFamily::kIpv4, found({"10.0.0.2"}), now_);  // of those before
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
  round(found({"10.0.0.3"}), none());
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.3"));
}

TEST_F(NameTableTest, ShortensWhatALongerTtlHadSaid) {
  round(found({"10.0.0.1"}, minutes(4)), none());
  rules_.max_ttl = seconds(10);
  EXPECT_FALSE(table_.set({"a"}, rules_, now_));
  EXPECT_EQ(wait(), seconds(10));
}

TEST_F(NameTableTest, ForgetsNamesThatAreGone) {
  table_.set({"a", "b"}, rules_, now_);
  EXPECT_THAT(table_.due(now_, 1), ElementsAre("a"));
  EXPECT_THAT(table_.due(now_, 10), ElementsAre("b"));
  table_.set({"b"}, rules_, now_);
  table_.answered("a", AddressFamily::kIpv4, found({"10.0.0.1"}), now_);
  EXPECT_THAT(addresses(), IsEmpty());
  EXPECT_FALSE(table_.resolution().names.contains("a"));
  table_.answered("b", AddressFamily::kIpv4, found({"10.0.0.2"}), now_);
  EXPECT_THAT(table_.resolution().addresses("b"), ElementsAre("10.0.0.2"));
}

TEST_F(NameTableTest, TakesSoManyAddressesAndNoMore) {
  std::vector<std::string> many;
  for (int i = 200; i > 0; --i) many.push_back("10.0.0." + std::to_string(i));
  round(found(many), none());
  EXPECT_EQ(addresses().size(), NameTable::kMostAddresses);
  EXPECT_EQ(name().left_out, 200 - NameTable::kMostAddresses);
  const std::vector<std::string> before = addresses();
  std::reverse(many.begin(), many.end());
  round(found(many), none());
  EXPECT_EQ(addresses(), before);
  round(found({"10.0.0.1"}), none());
  EXPECT_EQ(name().left_out, 0U);
}

}  // namespace
}  // namespace weir::proxy
