// Who takes the next request, by each policy, with time moved by hand.
#include "proxy/upstream/rotation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/hash.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

using std::chrono::seconds;
using Policy = config::LoadBalancing::Policy;
using Names = std::vector<std::string>;

constexpr SteadyTime kNow{std::chrono::hours(1)};
constexpr std::uint64_t kKeys = 4'000;
constexpr std::uint32_t kConnections = 1'000;  // to one endpoint

Names numbered(int count) {
  Names names;
  for (int i = 0; i < count; ++i) names.push_back("http://10.0.0." + std::to_string(i) + ":80");
  return names;
}

class Endpoints {
 public:
  Endpoints(const Names& names, Policy policy) {
    balancing_.policy = policy;
    for (const std::string& name : names) {
      const auto state = group_.endpoint(name);
      all_.push_back(std::make_unique<Endpoint>(Endpoint::Address{Remote{"10.0.0.1", 80}, state}, loop_.deadlines,
                                                counters_, state->counters(0)));
    }
    rotation_.emplace(Rotation::Context{group_, random_}, Rotation::Rules{balancing_, kConnections}, all_);
  }

  Endpoint& pick(SteadyTime now = kNow) {
    EndpointChoice choice;
    return rotation_->pick(choice, now);
  }
  std::string by_key(std::uint64_t key, std::uint64_t avoid = 0) {
    EndpointChoice choice{.key = key, .avoid = avoid};
    return rotation_->pick(choice, kNow).state().name();
  }
  // Who takes each of kKeys keys, with nothing under way.
  Names owners() {
    Names owners;
    for (std::uint64_t key = 0; key < kKeys; ++key) owners.push_back(by_key(key * 0x9e37'79b9'7f4a'7c15));
    return owners;
  }
  Endpoint& at(std::size_t index) { return *all_[index]; }
  void eject(std::size_t index, SteadyTime now = kNow) { at(index).state().eject(now, config::Outlier()); }
  std::set<std::string> seen(SteadyTime now = kNow) {
    std::set<std::string> names;
    for (int i = 0; i < 200; ++i) names.insert(pick(now).state().name());
    return names;
  }
  config::LoadBalancing balancing_;
  std::optional<Rotation> rotation_;

 private:
  Loop loop_;
  Counters counters_;
  Random random_{1};
  EndpointGroup group_;
  std::vector<std::unique_ptr<Endpoint>> all_;
};

// Asked once for an idle connection and once to open one, the second answer is the first: or who never has an idle one
// would get half as much as others.
TEST(Rotation, WhoWasChosenIsChosenAgainToOpenAConnection) {
  for (const Policy policy : {Policy::kLeastRequest, Policy::kRoundRobin}) {
    Endpoints endpoints(numbered(5), policy);
    for (int i = 0; i < 100; ++i) {
      EndpointChoice choice;
      const Endpoint& first = endpoints.rotation_->pick(choice, kNow);
      EXPECT_EQ(&endpoints.rotation_->pick(choice, kNow), &first);
      choice.avoid = choice.used;  // it has failed
      EXPECT_NE(&endpoints.rotation_->pick(choice, kNow), &first);
    }
  }
}

TEST(Rotation, LeastRequestTakesTheLessLoadedOfTwo) {
  Endpoints endpoints(numbered(2), Policy::kLeastRequest);
  endpoints.at(0).add_active(1);
  EXPECT_EQ(endpoints.seen(), std::set<std::string>{endpoints.at(1).state().name()});
}

TEST(Rotation, RoundRobinTakesOneAfterTheOther) {
  Endpoints endpoints(numbered(3), Policy::kRoundRobin);
  for (int i = 0; i < 100; ++i) endpoints.at(0).add_active(1);  // it does not look at loads
  Names taken;
  for (int i = 0; i < 9; ++i) taken.push_back(endpoints.pick().state().name());
  EXPECT_EQ(std::set<std::string>(taken.begin(), taken.begin() + 3).size(), 3U);
  for (std::size_t i = 3; i < taken.size(); ++i) EXPECT_EQ(taken[i], taken[i - 3]);
}

TEST(Rotation, ARequestHasOneTurn) {
  Endpoints endpoints(numbered(3), Policy::kRoundRobin);
  EndpointChoice choice;
  Endpoint* const first = &endpoints.rotation_->pick(choice, kNow);
  EXPECT_EQ(&endpoints.rotation_->pick(choice, kNow), first);  // first for an idle connection, then to open one
  EXPECT_EQ(endpoints.seen().size(), 3U);
  endpoints.eject(0);
  endpoints.eject(1);
  EXPECT_EQ(&endpoints.rotation_->pick(choice, kNow), &endpoints.at(2));
}

TEST(Rotation, WhoStandsBehindOneThatFailsKeepsItsTurn) {
  Endpoints endpoints(numbered(3), Policy::kRoundRobin);
  std::map<std::string, int> taken;
  for (int i = 0; i < 30; ++i) {
    Endpoint& first = endpoints.pick();
    if (&first != &endpoints.at(2)) {
      ++taken[first.state().name()];
      continue;
    }
    endpoints.rotation_->avoid(first, kNow + seconds(1));  // none was: the same request again
    EndpointChoice again;
    again.avoid = again.used = first.state().hash();
    ++taken[endpoints.rotation_->pick(again, kNow).state().name()];
    endpoints.rotation_->connected(first);
  }
  EXPECT_EQ(taken,
            (std::map<std::string, int>{{endpoints.at(0).state().name(), 15}, {endpoints.at(1).state().name(), 15}}));
}

TEST(Rotation, WhoIsAvoidedStaysSoWhoeverElseIsConnectedTo) {
  Endpoints endpoints(numbered(3), Policy::kLeastRequest);
  for (const std::size_t i : {1U, 2U}) endpoints.rotation_->avoid(endpoints.at(i), kNow + seconds(1));
  endpoints.rotation_->connected(endpoints.at(0));
  EXPECT_EQ(endpoints.seen(), (std::set<std::string>{endpoints.at(0).state().name()}));
  endpoints.rotation_->connected(endpoints.at(2));
  EXPECT_EQ(endpoints.seen().size(), 2U);
  EXPECT_EQ(endpoints.seen(kNow + seconds(1)).size(), 3U);
}

TEST(Rotation, WhoIsOutTakesNothingUntilItsTimeIsOver) {
  for (const Policy policy : {Policy::kLeastRequest, Policy::kRoundRobin}) {
    Endpoints endpoints(numbered(3), policy);
    EXPECT_EQ(endpoints.seen().size(), 3U);
    endpoints.eject(1);
    EXPECT_EQ(endpoints.seen().size(), 2U);
    EXPECT_FALSE(endpoints.seen(kNow + seconds(29)).contains(endpoints.at(1).state().name()));
    EXPECT_EQ(endpoints.seen(kNow + seconds(30)).size(), 3U);
  }
}

TEST(Rotation, AllTakeRequestsWhenAllAreOut) {
  Endpoints endpoints(numbered(3), Policy::kLeastRequest);
  for (std::size_t i = 0; i < 3; ++i) endpoints.eject(i);
  EXPECT_EQ(endpoints.seen().size(), 3U);
}

TEST(Rotation, WhoIsNotWellTakesNothingUntilItIs) {
  Endpoints endpoints(numbered(3), Policy::kLeastRequest);
  endpoints.seen();
  endpoints.at(1).state().set_healthy(false, kNow);
  EXPECT_FALSE(endpoints.seen().contains(endpoints.at(1).state().name()));
  endpoints.at(1).state().set_healthy(true, kNow);
  EXPECT_EQ(endpoints.seen().size(), 3U);
}

TEST(Rotation, WhoIsKnownToBeIllIsTheLastToBeUsed) {
  Endpoints endpoints(numbered(3), Policy::kLeastRequest);
  endpoints.eject(0);
  endpoints.eject(1);
  endpoints.at(2).state().set_healthy(false, kNow);
  EXPECT_FALSE(endpoints.seen().contains(endpoints.at(2).state().name()));
  endpoints.at(0).state().set_healthy(false, kNow);
  endpoints.at(1).state().set_healthy(false, kNow);
  EXPECT_EQ(endpoints.seen().size(), 3U);
}

TEST(Rotation, AnotherAttemptGoesToAnotherEndpoint) {
  for (const Policy policy : {Policy::kLeastRequest, Policy::kRoundRobin, Policy::kHash}) {
    Endpoints endpoints(numbered(2), policy);
    for (std::uint64_t key = 0; key < 100; ++key) {
      EndpointChoice choice{.key = key};
      const Endpoint& first = endpoints.rotation_->pick(choice, kNow);
      EXPECT_EQ(choice.used, first.state().hash());
      choice.avoid = choice.used;
      EXPECT_NE(&endpoints.rotation_->pick(choice, kNow), &first);
    }
    endpoints.eject(0);  // nobody else is left
    EndpointChoice choice{.key = 1, .avoid = endpoints.at(1).state().hash()};
    EXPECT_EQ(&endpoints.rotation_->pick(choice, kNow), &endpoints.at(1));
  }
}

TEST(Rotation, AKeyHasItsEndpointWhateverTheOrderInTheFile) {
  Names names = numbered(7);
  const Names before = Endpoints(names, Policy::kHash).owners();
  std::reverse(names.begin(), names.end());
  EXPECT_EQ(Endpoints(names, Policy::kHash).owners(), before);
}

TEST(Rotation, KeysAreSharedOutEvenly) {
  std::map<std::string, int> share;
  for (const std::string& owner : Endpoints(numbered(8), Policy::kHash).owners()) ++share[owner];
  for (const auto& [name, keys] : share) EXPECT_NEAR(keys, kKeys / 8, 100) << name;  // five standard deviations
}

TEST(Rotation, AnEndpointThatComesOrGoesMovesItsOwnKeysAlone) {
  const Names names = numbered(8);
  const Names before = Endpoints(names, Policy::kHash).owners();
  const Names after = Endpoints(Names(names.begin(), names.end() - 1), Policy::kHash).owners();
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    if (before[key] == names.back()) {
      EXPECT_NE(after[key], names.back());
    } else {
      EXPECT_EQ(after[key], before[key]);
    }
  }
}

TEST(Rotation, AKeyComesBackToItsEndpoint) {
  Endpoints endpoints(numbered(4), Policy::kHash);
  const Names before = endpoints.owners();
  endpoints.eject(2);
  EXPECT_NE(endpoints.owners(), before);
  EndpointChoice choice;
  endpoints.rotation_->pick(choice, kNow + seconds(30));
  EXPECT_EQ(endpoints.owners(), before);
}

// No endpoint takes more than 125 % of the mean, however hot its keys are.
TEST(Rotation, ABusyEndpointsKeysGoToTheirNext) {
  Endpoints endpoints(numbered(4), Policy::kHash);
  std::map<std::string, int> load;
  for (int i = 1; i <= 400; ++i) {
    EndpointChoice choice{.key = 7};
    Endpoint& chosen = endpoints.rotation_->pick(choice, kNow);
    chosen.add_active(1);
    const int bound = (i * 5 + 15) / 16;  // of 4 endpoints 125 % of the mean, rounded up
    EXPECT_LE(static_cast<int>(chosen.active()), bound);
    ++load[chosen.state().name()];
  }
  EXPECT_EQ(load.size(), 4U);
}

TEST(Rotation, WithoutAKeyHashTakesTheLessLoadedOfTwo) {
  Endpoints endpoints(numbered(2), Policy::kHash);
  endpoints.at(0).add_active(1);
  EXPECT_EQ(endpoints.seen(), std::set<std::string>{endpoints.at(1).state().name()});
}

TEST(Rotation, AnEndpointThatIsFullTakesNothing) {
  for (const Policy policy : {Policy::kLeastRequest, Policy::kRoundRobin, Policy::kHash}) {
    Endpoints endpoints(numbered(3), policy);
    for (std::uint32_t i = 0; i < kConnections; ++i) endpoints.at(0).add_connection(1);
    EXPECT_EQ(endpoints.seen().size(), 2U);
    for (std::uint64_t key = 0; key < 100; ++key) EXPECT_NE(endpoints.by_key(key), endpoints.at(0).state().name());
    EXPECT_TRUE(endpoints.rotation_->has_room(kNow));
    for (std::uint32_t i = 0; i < kConnections; ++i) endpoints.at(1).add_connection(1);
    endpoints.eject(2);
    EXPECT_FALSE(endpoints.rotation_->has_room(kNow));
    EXPECT_TRUE(endpoints.rotation_->has_room(kNow + seconds(30)));
  }
}

// What share of 4,000 requests the first so many of four endpoints take together, that have been back for so long.
double share_after(Policy policy, seconds in, std::size_t back = 1) {
  Endpoints endpoints(numbered(4), policy);
  endpoints.balancing_.slow_start = seconds(30);
  std::set<const Endpoint*> cold;
  for (std::size_t i = 0; i < back; ++i) {
    endpoints.at(i).state().came(kNow - in);
    cold.insert(&endpoints.at(i));
  }
  int taken = 0;
  for (std::uint64_t i = 0; i < 4'000; ++i) {
    EndpointChoice choice{.key = i * 0x9e37'79b9'7f4a'7c15};
    taken += cold.contains(&endpoints.rotation_->pick(choice, kNow)) ? 1 : 0;
  }
  return taken / 4'000.0;
}

TEST(Rotation, AnEndpointThatCameBackBeginsSlowly) {
  for (const Policy policy : {Policy::kLeastRequest, Policy::kRoundRobin, Policy::kHash}) {
    EXPECT_NEAR(share_after(policy, seconds(0)), 0.025, 0.015);
    EXPECT_NEAR(share_after(policy, seconds(15)), 0.125, 0.03);
    EXPECT_NEAR(share_after(policy, seconds(30)), 0.25, 0.03);
  }
}

// Nor do those that come together take more than one alone would: of what the others leave, a tenth each at first.
TEST(Rotation, EndpointsThatCameBackTogetherBeginSlowly) {
  for (const Policy policy : {Policy::kLeastRequest, Policy::kRoundRobin, Policy::kHash}) {
    EXPECT_NEAR(share_after(policy, seconds(0), 2), 0.08, 0.04);
    EXPECT_NEAR(share_after(policy, seconds(0), 3), 0.2, 0.09);
    EXPECT_NEAR(share_after(policy, seconds(30), 3), 0.75, 0.03);
  }
}

TEST(Rotation, WhereAllAreColdNobodyWaitsForAnother) {
  for (const Policy policy : {Policy::kLeastRequest, Policy::kRoundRobin, Policy::kHash}) {
    Endpoints endpoints(numbered(2), policy);
    endpoints.balancing_.slow_start = seconds(30);
    for (std::size_t i = 0; i < 2; ++i) endpoints.at(i).state().came(kNow);
    EXPECT_EQ(endpoints.seen().size(), 2U);
  }
}

}  // namespace
}  // namespace weir::proxy
