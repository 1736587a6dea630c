// A version's limits: how many connections, how many requests that wait for one, and who is served when one is free.
#include <gtest/gtest.h>

#include "tests/unit/proxy/upstream/asked_cluster.h"

namespace weir::proxy {
namespace {

using std::chrono::seconds;

using ClusterLimitsTest = AskedCluster;

TEST_F(ClusterLimitsTest, LetsRequestsWaitAndRefusesThoseThatAreTooMany) {
  use({true}, 2, 1);
  EndpointLease first = lease().value();
  EndpointLease second = lease().value();
  const std::unique_ptr<Asking> waiting = begin();
  EXPECT_FALSE(waiting->result);
  EXPECT_EQ(count(Count::kPending), 1);
  const std::unique_ptr<Asking> refused = begin();
  ASSERT_TRUE(refused->result);
  EXPECT_EQ(refused->result->error().kind, ErrorKind::kOverflow);
  EXPECT_EQ(refused->result->error().side, Side::kInternal);
  EXPECT_EQ(count(Count::kPending), 1);
  EXPECT_FALSE(waiting->has_connected);  // waiting for room is the version's own time
  first.drop();
  ASSERT_TRUE(finish(*waiting));
  EXPECT_TRUE(waiting->result->has_value());
  EXPECT_EQ(count(Count::kPending), 0);
  EXPECT_EQ(count(Count::kUpstreamConnections), 2);
}

TEST_F(ClusterLimitsTest, HandsAConnectionOnToWhoeverWaits) {
  use({true}, 1);
  EndpointLease first = lease().value();
  accept();
  const std::unique_ptr<Asking> waiting = begin();
  EXPECT_FALSE(try_lease());  // nobody overtakes it
  exchange(first, peers_[0]);
  first.release(seconds(4));
  ASSERT_TRUE(finish(*waiting));
  EXPECT_TRUE(waiting->result->value().stream().reused());
  EXPECT_EQ(count(Count::kUpstreamOpened), 1);
}

TEST_F(ClusterLimitsTest, ServesThoseThatWaitInTheirOrder) {
  use({true}, 1);
  EndpointLease held = lease().value();
  std::vector<std::unique_ptr<Asking>> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(begin());
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    held.drop();
    ASSERT_TRUE(finish(*waiting[i])) << i;
    for (std::size_t k = i + 1; k < waiting.size(); ++k) EXPECT_FALSE(waiting[k]->result) << k;
    held = std::move(waiting[i]->result->value());
  }
}

TEST_F(ClusterLimitsTest, ServesThoseThatWaitWhenAnEndpointComesBack) {
  ClusterSpec spec;
  spec.group = std::make_shared<EndpointGroup>();
  spec.endpoint_connections = 2;
  for (int i = 0; i < 2; ++i) {
    origins_.push_back(std::make_unique<Listening>(1024));
    spec.origins.push_back({Remote{"127.0.0.1", origins_.back()->port()}, std::to_string(i)});
  }
  const auto group = spec.group;
  use(std::move(spec));
  const SteadyTime now = std::chrono::steady_clock::now();
  group->endpoint("1")->set_healthy(false, now);
  const EndpointLease first = lease().value();
  const EndpointLease second = lease().value();
  std::vector<std::unique_ptr<Asking>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(begin());
  cluster_->look_for_room();
  loop_.settle();
  for (const auto& asking : waiting) EXPECT_FALSE(asking->result);
  group->endpoint("1")->set_healthy(true, now);
  const std::unique_ptr<Asking> newcomer = begin();  // overtakes nobody, and wakes those before it
  ASSERT_TRUE(finish(*waiting[0]));
  ASSERT_TRUE(finish(*waiting[1]));
  EXPECT_FALSE(waiting[2]->result);
  EXPECT_FALSE(newcomer->result);
  group->endpoint("1")->set_healthy(false, now);
  waiting[0]->result->value().drop();
  waiting[1]->result->value().drop();
  loop_.settle();
  EXPECT_FALSE(waiting[2]->result);
  group->endpoint("1")->set_healthy(true, now);
  cluster_->look_for_room();
  ASSERT_TRUE(finish(*waiting[2]));
  ASSERT_TRUE(finish(*newcomer));
}

TEST_F(ClusterLimitsTest, ForgetsAWaiterThatGivesUp) {
  use({true}, 1);
  EndpointLease held = lease().value();
  const std::unique_ptr<Asking> gone = begin();
  const std::unique_ptr<Asking> stays = begin();
  gone->gives_up = true;
  gone->waker.wake();
  ASSERT_TRUE(finish(*gone));
  EXPECT_EQ(gone->result->error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(count(Count::kPending), 1);
  held.drop();
  ASSERT_TRUE(finish(*stays));
  EXPECT_TRUE(stays->result->has_value());
}

// Its turn comes just when it has given up: the next one gets it.
TEST_F(ClusterLimitsTest, PassesOnTheTurnOfAWaiterThatHasGivenUp) {
  use({true}, 1);
  EndpointLease held = lease().value();
  const std::unique_ptr<Asking> gone = begin();
  const std::unique_ptr<Asking> next = begin();
  gone->gives_up = true;
  held.drop();
  ASSERT_TRUE(finish(*gone));
  EXPECT_EQ(gone->result->error().kind, ErrorKind::kCancelled);
  ASSERT_TRUE(finish(*next));
  EXPECT_TRUE(next->result->has_value());
}

TEST_F(ClusterLimitsTest, GivesRoomBackWhenAConnectionCannotBeOpened) {
  use({false}, 1);
  const std::unique_ptr<Asking> first = begin();
  const std::unique_ptr<Asking> second = begin();
  ASSERT_TRUE(finish(*first));
  ASSERT_TRUE(finish(*second));
  EXPECT_EQ(second->result->error().kind, ErrorKind::kConnect);
  EXPECT_EQ(count(Count::kUpstreamConnectFailed), 2);
  EXPECT_TRUE(cluster_->unused());
}

// An idle connection of one endpoint must not keep a request for another waiting.
TEST_F(ClusterLimitsTest, NeverWaitsWhileAConnectionIsIdle) {
  use({true, true, true}, 1);
  for (int i = 0; i < 30; ++i) {
    Result<EndpointLease> leased = lease();
    ASSERT_TRUE(leased) << "request " << i << ": " << leased.error().context;
    EXPECT_EQ(count(Count::kUpstreamConnections), 1);
    if (!leased->stream().reused()) accept();
    exchange(*leased, peers_.back());
    leased->release(seconds(4));
  }
  EXPECT_GT(count(Count::kUpstreamReused), 0);
}

TEST_F(ClusterLimitsTest, ClosesAnIdleConnectionToOpenAFreshOne) {
  use({true}, 1);
  EndpointLease first = lease().value();
  accept();
  exchange(first, peers_[0]);
  first.release(seconds(4));
  const std::unique_ptr<Asking> asking = begin(true);
  ASSERT_TRUE(finish(*asking));
  EXPECT_FALSE(asking->result->value().stream().reused());
  EXPECT_EQ(count(Count::kUpstreamConnections), 1);
  EXPECT_TRUE(loop_.run_until([&] { return peers_[0].ended(); }));
}

// A crowd at a small limit: all are served, and never by more connections than there may be.
TEST_F(ClusterLimitsTest, ServesACrowdWithinTheLimit) {
  use({true, true}, 3);
  std::vector<std::unique_ptr<Asking>> crowd;
  for (int i = 0; i < 200; ++i) crowd.push_back(begin(i % 7 == 0));
  for (const auto& asking : crowd) {
    ASSERT_TRUE(finish(*asking));
    ASSERT_TRUE(*asking->result);
    EXPECT_LE(count(Count::kUpstreamConnections), 3);
    EndpointLease held = std::move(asking->result->value());
    if (random_.below(2) == 0) held.drop();
  }
  EXPECT_EQ(count(Count::kPending), 0);
}

// What a reload changes. Of `address_`, that another endpoint stands at the name.
class ClusterRulesTest : public AskedCluster {
 protected:
  void begin_with(const ClusterSpec& rules) {
    origins_.push_back(std::make_unique<Listening>());
    use(with_origin(rules));
  }
  void become(const ClusterSpec& rules) { cluster_->become(with_origin(rules)); }
  ClusterSpec with_origin(ClusterSpec rules) const {
    rules.group = group_;
    rules.origins = {{remote_of(*origins_[0]), "a"}};
    return rules;
  }
  Remote remote_of(const Listening& origin) const {
    return {.host = "127.0.0.1", .port = origin.port(), .address = address_};
  }

  std::string address_;
  std::shared_ptr<EndpointGroup> group_ = std::make_shared<EndpointGroup>();
};

TEST_F(ClusterRulesTest, WhatIsHeldCountsUnderNewRules) {
  begin_with({.origins = {}, .max_connections = 2});
  EndpointLease first = lease().value();
  const EndpointLease second = lease().value();
  become({.origins = {},
          .balancing = {.policy = config::LoadBalancing::Policy::kRoundRobin, .by = {}},
          .max_connections = 2,
          .max_pending = 1});
  const std::unique_ptr<Asking> third = begin();
  EXPECT_FALSE(third->result);
  const std::unique_ptr<Asking> fourth = begin();
  ASSERT_TRUE(fourth->result);
  EXPECT_EQ(fourth->result->error().kind, ErrorKind::kOverflow);
  first.drop();
  ASSERT_TRUE(finish(*third));
  EXPECT_EQ(count(Count::kUpstreamConnections), 2);
}

TEST_F(ClusterRulesTest, ALargerLimitLetsThoseInThatWait) {
  begin_with({.origins = {}, .max_connections = 1});
  const EndpointLease first = lease().value();
  const std::unique_ptr<Asking> second = begin();
  const std::unique_ptr<Asking> third = begin();
  become({.origins = {}, .max_connections = 3});
  ASSERT_TRUE(finish(*second));
  ASSERT_TRUE(finish(*third));
}

TEST_F(ClusterRulesTest, WhatIsMoreThanALowerLimitClosesAsItIsGivenBack) {
  begin_with({});
  std::vector<EndpointLease> held;
  for (int i = 0; i < 4; ++i) held.push_back(lease().value());
  for (int i = 0; i < 4; ++i) accept();
  for (std::size_t i = 0; i < 4; ++i) exchange(held[i], peers_[i]);
  held[0].release(seconds(4));
  EXPECT_EQ(count(Count::kUpstreamIdle), 1);
  become({.origins = {}, .max_connections = 2});
  EXPECT_EQ(count(Count::kUpstreamIdle), 0);
  EXPECT_EQ(count(Count::kUpstreamConnections), 3);
  held[1].release(seconds(4));
  EXPECT_EQ(count(Count::kUpstreamConnections), 2);
  held[2].release(seconds(4));
  EXPECT_EQ(count(Count::kUpstreamIdle), 1);
  become({.origins = {}, .max_connections = 2, .endpoint_connections = 1});
  EXPECT_EQ(count(Count::kUpstreamConnections), 1);
  held[3].release(seconds(4));
  EXPECT_EQ(count(Count::kUpstreamIdle), 1);
}

TEST_F(ClusterRulesTest, AnotherOriginUnderTheSameNameHasWhatIsLeftOfItsLimit) {
  begin_with({.origins = {}, .endpoint_connections = 2});
  EndpointLease first = lease().value();
  const EndpointLease second = lease().value();
  address_ = "127.0.0.1";
  become({.origins = {}, .endpoint_connections = 2});
  const std::unique_ptr<Asking> third = begin();
  EXPECT_FALSE(third->result);
  first.drop();
  ASSERT_TRUE(finish(*third));
  EXPECT_EQ(count(Count::kUpstreamConnections), 2);
}

TEST_F(ClusterRulesTest, OneThatWasRetiredGoesOn) {
  begin_with({.origins = {}, .max_connections = 1});
  EndpointLease first = lease().value();
  cluster_->retire();
  group_ = std::make_shared<EndpointGroup>();
  become({.origins = {}, .max_connections = 1});
  const std::unique_ptr<Asking> second = begin();
  EXPECT_FALSE(second->result);
  first.drop();
  ASSERT_TRUE(finish(*second));
}

// Requests of one route that may have one place, and of another that has no limit of its own.
class BulkheadTest : public AskedCluster {
 protected:
  std::unique_ptr<Asking> begin_inside() { return begin(false, kRoute); }
  void narrow(std::uint32_t connections, std::uint32_t pending) {
    std::vector<std::uint32_t> places(kRoute + 1, config::kNoCount);
    places[kRoute] = connections;
    cluster_->set_bulkheads(places);
    limits_.pending = pending;
  }

  static constexpr BulkheadId kRoute = 7;
};

TEST_F(BulkheadTest, HoldsItsOwnRequestsBackAndNobodyElses) {
  use({true}, 3);
  narrow(1, 1);
  const std::unique_ptr<Asking> first = begin_inside();
  ASSERT_TRUE(finish(*first));
  const std::unique_ptr<Asking> second = begin_inside();
  const std::unique_ptr<Asking> refused = begin_inside();
  EXPECT_FALSE(second->result);
  ASSERT_TRUE(refused->result);
  EXPECT_EQ(refused->result->error().kind, ErrorKind::kOverflow);
  EXPECT_EQ(count(Count::kPending), 1);
  ASSERT_TRUE(lease().has_value());
  first->result->value().drop();
  ASSERT_TRUE(finish(*second));
  EXPECT_EQ(count(Count::kPending), 0);
}

TEST_F(BulkheadTest, GivesNoKeptConnectionToOneWithoutAPlace) {
  use({true});
  narrow(1, 1);
  EndpointLease kept = lease().value();
  accept();
  exchange(kept, peers_[0]);
  const std::unique_ptr<Asking> first = begin_inside();
  ASSERT_TRUE(finish(*first));
  kept.release(seconds(4));
  EndpointChoice choice;
  EXPECT_FALSE(cluster_->try_lease(nullptr, limits_, choice, kRoute));
  first->result->value().drop();
  EndpointLease inside = cluster_->try_lease(nullptr, limits_, choice, kRoute);
  ASSERT_TRUE(inside);
  const std::unique_ptr<Asking> next = begin_inside();
  EXPECT_FALSE(next->result);
  inside.drop();
  ASSERT_TRUE(finish(*next));
}

TEST_F(BulkheadTest, CountsThoseThatWaitForTheVersion) {
  use({true}, 1);
  narrow(5, 1);
  EndpointLease held = lease().value();
  const std::unique_ptr<Asking> waiting = begin_inside();
  EXPECT_FALSE(waiting->result);
  EXPECT_EQ(begin_inside()->result->error().kind, ErrorKind::kOverflow);
  const std::unique_ptr<Asking> other = begin();
  EXPECT_FALSE(other->result);  // of another route: it may wait
  held.drop();
  ASSERT_TRUE(finish(*waiting));
  waiting->result->value().drop();
  ASSERT_TRUE(finish(*other));
}

TEST_F(BulkheadTest, AttemptsThatFailGiveTheirPlacesBack) {
  use({false});
  narrow(1, 1);
  for (int i = 0; i < 3; ++i) {
    const std::unique_ptr<Asking> asking = begin_inside();
    ASSERT_TRUE(finish(*asking));
    EXPECT_EQ(asking->result->error().kind, ErrorKind::kConnect);
  }
}

TEST_F(BulkheadTest, OneThatGivesUpHandsItsTurnOn) {
  use({true});
  narrow(1, 2);
  const std::unique_ptr<Asking> first = begin_inside();
  ASSERT_TRUE(finish(*first));
  const std::unique_ptr<Asking> gone = begin_inside();
  const std::unique_ptr<Asking> next = begin_inside();
  gone->gives_up = true;
  first->result->value().drop();  // whose turn it is, is just giving up
  ASSERT_TRUE(finish(*next));
  EXPECT_TRUE(next->result->has_value());
  EXPECT_EQ(gone->result->error().kind, ErrorKind::kCancelled);
}

TEST_F(BulkheadTest, LetsThoseThatWaitInAsSoonAsItHasMorePlaces) {
  use({true});
  narrow(1, 5);
  const std::unique_ptr<Asking> first = begin_inside();
  ASSERT_TRUE(finish(*first));
  const std::unique_ptr<Asking> second = begin_inside();
  const std::unique_ptr<Asking> third = begin_inside();
  narrow(2, 5);
  ASSERT_TRUE(finish(*second));
  EXPECT_FALSE(third->result);
  narrow(1, 5);
  first->result->value().drop();
  loop_.settle();
  EXPECT_FALSE(third->result);  // the second has the one place there is
  second->result->value().drop();
  ASSERT_TRUE(finish(*third));
}

TEST_F(BulkheadTest, CountsItsWaitersAsTheVersionsToo) {
  use({true}, 3, 1);
  narrow(1, 5);
  const std::unique_ptr<Asking> first = begin_inside();
  ASSERT_TRUE(finish(*first));
  const std::unique_ptr<Asking> second = begin_inside();
  EXPECT_FALSE(second->result);
  const std::unique_ptr<Asking> third = begin(false, kRoute - 1);
  ASSERT_TRUE(finish(*third));  // has no need to wait
  const std::unique_ptr<Asking> refused = begin_inside();
  ASSERT_TRUE(refused->result);
  EXPECT_EQ(refused->result->error().kind, ErrorKind::kOverflow);
  first->result->value().drop();
  ASSERT_TRUE(finish(*second));
}

TEST_F(BulkheadTest, SharesItsPlacesOutAmongTheWorkers) {
  ClusterSpec spec;
  origins_.push_back(std::make_unique<Listening>(1024));
  spec.origins.push_back({Remote{"127.0.0.1", origins_.back()->port()}});
  spec.workers = 2;
  use(std::move(spec));
  narrow(3, 1);
  const std::unique_ptr<Asking> first = begin_inside();
  const std::unique_ptr<Asking> second = begin_inside();
  ASSERT_TRUE(finish(*first) && finish(*second));
  const std::unique_ptr<Asking> third = begin_inside();
  EXPECT_FALSE(third->result);
  first->result->value().drop();
  ASSERT_TRUE(finish(*third));
}

}  // namespace
}  // namespace weir::proxy
