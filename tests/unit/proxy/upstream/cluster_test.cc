// Which endpoint of a version a request goes to, and what becomes of those that cannot be reached.
#include "proxy/upstream/cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/unit/proxy/net/shortage.h"
#include "tests/unit/proxy/upstream/asked_cluster.h"

namespace weir::proxy {
namespace {

using std::chrono::seconds;

using ClusterTest = AskedCluster;

TEST_F(ClusterTest, PrefersTheLessLoadedOfTwo) {
  use({true, true});
  std::vector<EndpointLease> leases;
  std::array<int, 2> held{};
  for (int i = 1; i <= 20; ++i) {
    leases.push_back(lease().value());
    ++held[accept()];
    EXPECT_LE(std::abs(held[0] - held[1]), 1) << i;
  }
}

TEST_F(ClusterTest, KeepsManyEndpointsAlikeLoaded) {
  use({true, true, true, true, true});
  std::vector<EndpointLease> leases;
  std::array<int, 5> held{};
  for (int i = 0; i < 100; ++i) {
    leases.push_back(lease().value());
    ++held[accept()];
  }
  // At random alone one of five differs by more than this almost always.
  for (const int each : held) EXPECT_NEAR(each, 20, 2);
}

TEST_F(ClusterTest, BlamesNobodyElseForAnOriginThatRefuses) {
  use({false});
  for (int i = 0; i < 10; ++i) {
    const Result<EndpointLease> refused = lease();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kConnect);
    EXPECT_EQ(refused.error().side, Side::kUpstream);
    EXPECT_EQ(refused.error().retry, Retry::kIfUnsent);
  }
  EXPECT_EQ(count(Count::kUpstreamConnectFailed), 10);
  EXPECT_EQ(count(Count::kUpstreamEjected), 0);  // a version's only endpoint stays in
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
}

TEST_F(ClusterTest, AvoidsTheEndpointThatJustRefused) {
  avoid_for_ = std::chrono::hours(1);
  use({true, false, false});
  int failures = 0;
  for (int i = 0; i < 200; ++i) failures += lease() ? 0 : 1;
  EXPECT_EQ(failures, 2);  // each once, however often the other is connected to
}

TEST_F(ClusterTest, LeavesOutAnEndpointThatRefusesFiveTimesInARow) {
  avoid_for_ = {};
  use({true, false});
  for (int i = 0; i < 200 && count(Count::kUpstreamEjected) == 0; ++i) static_cast<void>(lease());
  ASSERT_EQ(count(Count::kUpstreamEjected), 1);
  origins_[1]->listen();  // nobody asks it, though it would answer now
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(lease());
    Peer peer;
    EXPECT_FALSE(origins_[1]->accept(peer));
  }
  EXPECT_EQ(count(Count::kUpstreamConnectFailed), 5);
}

TEST_F(ClusterTest, HoldsNoWantOfItsOwnAgainstAnEndpoint) {
  use({true, true});
  {
    const Lacking descriptors(EMFILE);
    for (int i = 0; i < 20; ++i) {
      const Result<EndpointLease> lacking = lease();
      ASSERT_FALSE(lacking);
      EXPECT_EQ(lacking.error().kind, ErrorKind::kNoResources);
      EXPECT_EQ(lacking.error().side, Side::kInternal);
      EXPECT_EQ(lacking.error().context, "no_resources");
    }
    cluster_->open_idle(config::Timeouts());
    loop_.settle();
  }
  EXPECT_EQ(count(Count::kUpstreamNoResources), 24);
  EXPECT_EQ(count(Count::kUpstreamConnectFailed), 0);
  EXPECT_EQ(count(Count::kUpstreamEjected), 0);
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
  EXPECT_TRUE(lease());
}

TEST_F(ClusterTest, LeavesOutHalfOfAVersionAtMost) {
  avoid_for_ = {};
  use({true, false, false, false, false});
  for (int i = 0; i < 500; ++i) static_cast<void>(lease());
  EXPECT_EQ(count(Count::kUpstreamEjected), 2);
  EXPECT_GT(count(Count::kUpstreamConnectFailed), 20);  // the other two are still tried
}

TEST_F(ClusterTest, UsesAllWhenNoneIsLeft) {
  ClusterSpec spec;
  spec.group = std::make_shared<EndpointGroup>();
  spec.avoid_for = std::chrono::hours(1);
  for (const char* name : {"gone", "back"}) {
    origins_.push_back(std::make_unique<Listening>(1024));
    spec.origins.push_back({Remote{"127.0.0.1", origins_.back()->port()}, name});
  }
  spec.group->endpoint("back")->eject(std::chrono::steady_clock::now(), config::Outlier());
  use(std::move(spec));
  origins_[0] = std::make_unique<Listening>();
  bool served = false;
  for (int i = 0; i < 50 && !served; ++i) served = lease().has_value();
  EXPECT_TRUE(served);
}

TEST_F(ClusterTest, UsesAnIdleConnectionAgain) {
  use({true});
  EndpointLease first = lease().value();
  accept();
  for (int i = 1; i <= 3; ++i) {
    exchange(first, peers_[0]);
    first.release(seconds(4));
    EXPECT_FALSE(first);
    EXPECT_EQ(count(Count::kUpstreamIdle), 1);
    first = try_lease();
    ASSERT_TRUE(first);
    EXPECT_TRUE(first.stream().reused());
    EXPECT_EQ(count(Count::kUpstreamReused), i);
  }
  EXPECT_EQ(count(Count::kUpstreamOpened), 1);
  EXPECT_EQ(count(Count::kUpstreamConnections), 1);
}

TEST_F(ClusterTest, OpensAFreshConnectionWhenAskedForOne) {
  use({true});
  EndpointLease first = lease().value();
  accept();
  exchange(first, peers_[0]);
  first.release(seconds(4));
  const std::unique_ptr<Asking> asking = begin(true);
  ASSERT_TRUE(finish(*asking));
  EXPECT_FALSE(asking->result->value().stream().reused());
  EXPECT_EQ(count(Count::kUpstreamOpened), 2);
  EXPECT_EQ(count(Count::kUpstreamIdle), 1);
}

TEST_F(ClusterTest, ClosesAConnectionThatWasIdleForLongEnough) {
  use({true});
  EndpointLease first = lease().value();
  accept();
  exchange(first, peers_[0]);
  first.release(seconds(4));
  loop_.advance_clock(seconds(5));
  EXPECT_FALSE(try_lease());
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
  EXPECT_TRUE(loop_.run_until([&] { return peers_[0].ended(); }));
}

TEST_F(ClusterTest, ClosesAConnectionInTheMiddleOfAnExchange) {
  use({true});
  EndpointLease first = lease().value();
  accept();
  first.release(seconds(4));  // its request was never sent
  EXPECT_EQ(count(Count::kUpstreamIdle), 0);
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
  EXPECT_TRUE(loop_.run_until([&] { return peers_[0].ended(); }));
}

TEST_F(ClusterTest, GivesUpOnAnOriginThatDoesNotAnswer) {
  const FullListener silent;
  use(ClusterSpec{.origins = {{Remote{"127.0.0.1", silent.port()}}}});
  const std::unique_ptr<Asking> asking = begin();
  EXPECT_TRUE(asking->is_connecting);
  loop_.advance_clock(connect_timeout_ - std::chrono::milliseconds(500));
  loop_.settle();
  EXPECT_FALSE(asking->result);
  loop_.advance_clock(seconds(1));
  ASSERT_TRUE(finish(*asking));
  EXPECT_FALSE(asking->is_connecting);
  const Error error = asking->result->error();
  EXPECT_EQ(error.kind, ErrorKind::kConnect);
  EXPECT_EQ(error.side, Side::kUpstream);
  EXPECT_EQ(error.context, "connect");
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
}

TEST_F(ClusterTest, BlamesNoOriginWhenTheClientDoesNotWaitForIt) {
  const FullListener silent;
  use(ClusterSpec{.origins = {{Remote{"127.0.0.1", silent.port()}}}});
  const std::unique_ptr<Asking> asking = begin();
  asking->gives_up = true;
  asking->waker.wake();
  ASSERT_TRUE(finish(*asking));
  EXPECT_EQ(asking->result->error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(count(Count::kUpstreamConnectFailed), 0);
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
  EXPECT_TRUE(cluster_->unused());
}

TEST_F(ClusterTest, IsUnusedOnceItsLastLeaseIsBack) {
  use({true});
  EndpointLease first = lease().value();
  accept();
  EndpointLease second = lease().value();
  accept();
  exchange(first, peers_[0]);
  first.release(seconds(4));
  cluster_->retire();
  EXPECT_EQ(count(Count::kUpstreamIdle), 0);
  EXPECT_FALSE(cluster_->unused());
  second.drop();
  EXPECT_TRUE(cluster_->unused());
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
}

TEST_F(ClusterTest, IsUsedWhileAConnectionIsBeingOpened) {
  const FullListener silent;
  use(ClusterSpec{.origins = {{Remote{"127.0.0.1", silent.port()}}}});
  const std::unique_ptr<Asking> asking = begin();
  EXPECT_FALSE(cluster_->unused());
  loop_.advance_clock(seconds(3));
  ASSERT_TRUE(finish(*asking));
  EXPECT_TRUE(cluster_->unused());
}

TEST_F(ClusterTest, OpensAFewConnectionsBeforeTheyAreAskedFor) {
  use({true, true});
  cluster_->open_idle(config::Timeouts());
  ASSERT_TRUE(loop_.run_until([&] { return count(Count::kUpstreamIdle) == 4; }));
  cluster_->open_idle(config::Timeouts());  // enough are there
  EXPECT_EQ(count(Count::kUpstreamConnections), 4);
  EndpointLease first = try_lease();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first.stream().reused());  // its end would be mere age
  Peer peer;
  for (const auto& origin : origins_) {
    while (origin->accept(peer)) peers_.push_back(std::move(peer));
  }
  ASSERT_EQ(peers_.size(), 4U);
  first.drop();
  cluster_->retire();
  EXPECT_TRUE(cluster_->unused());
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
}

TEST_F(ClusterTest, CountsConnectionsThatCannotBeOpenedInAdvance) {
  use({false});
  cluster_->open_idle(config::Timeouts());
  ASSERT_TRUE(loop_.run_until([&] { return count(Count::kUpstreamConnectFailed) == 2; }));
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
}

TEST_F(ClusterTest, OpensNothingInAdvanceForARetiredVersion) {
  const FullListener silent;
  use(ClusterSpec{.origins = {{Remote{"127.0.0.1", silent.port()}}}});
  cluster_->open_idle(config::Timeouts());
  EXPECT_EQ(count(Count::kUpstreamConnections), 2);
  cluster_->retire();
  EXPECT_TRUE(cluster_->unused());
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
}

TEST_F(ClusterTest, OpensNoMoreInAdvanceThanItMay) {
  use({true, true}, 3);
  cluster_->open_idle(config::Timeouts());
  EXPECT_EQ(count(Count::kUpstreamConnections), 3);
}

class ClusterOriginsTest : public AskedCluster {
 protected:
  // From now on those of the origins.
  void take(const std::vector<std::size_t>& which) {
    std::vector<ClusterSpec::Origin> origins;
    for (const std::size_t i : which) origins.push_back({Remote{"127.0.0.1", origins_[i]->port()}});
    cluster_->set_origins(std::move(origins));
  }
  // A connection to each of both origins, idle.
  void park_two() {
    EndpointLease first = lease().value();
    const std::size_t at = accept();
    EndpointLease second = lease().value();  // the less loaded one
    ASSERT_NE(accept(), at);
    exchange(first, peers_[0]);
    exchange(second, peers_[1]);
    first.release(seconds(4));
    second.release(seconds(4));
    if (at == 1) std::swap(peers_[0], peers_[1]);
  }
  // The index of the origin that the next request goes to.
  std::size_t accept_of_next() {
    const EndpointLease next = lease().value();
    return accept();
  }
};

TEST_F(ClusterOriginsTest, KeepsTheConnectionsOfAnEndpointThatStays) {
  use({true, true});
  park_two();
  take({1});
  EXPECT_EQ(count(Count::kUpstreamIdle), 1);
  EXPECT_TRUE(loop_.run_until([&] { return peers_[0].ended(); }));
  EXPECT_FALSE(peers_[1].ended());
  EndpointLease kept = try_lease();
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept.stream().reused());
  EXPECT_EQ(count(Count::kUpstreamOpened), 2);
}

TEST_F(ClusterOriginsTest, AsksAnEndpointThatCame) {
  use({true, true, true});
  take({0, 1});
  EXPECT_NE(accept_of_next(), 2U);
  take({2});
  EXPECT_EQ(accept_of_next(), 2U);
  take({0, 2});
  std::array<int, 3> asked{};
  std::vector<EndpointLease> held;
  for (int i = 0; i < 10; ++i) {
    held.push_back(lease().value());
    ++asked[accept()];
  }
  EXPECT_GE(asked[0], 4);
  EXPECT_EQ(asked[1], 0);
  EXPECT_GE(asked[2], 4);
}

TEST_F(ClusterOriginsTest, LetsARequestFinishAtAnEndpointThatLeft) {
  use({true, true});
  take({0});
  EndpointLease under_way = lease().value();
  ASSERT_EQ(accept(), 0U);
  take({1});
  take({1});  // and does not forget it the next time
  exchange(under_way, peers_[0]);
  under_way.succeeded();
  under_way.release(seconds(4));
  EXPECT_EQ(count(Count::kUpstreamIdle), 0);
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
  EXPECT_TRUE(loop_.run_until([&] { return peers_[0].ended(); }));
  take({0, 1});
  EXPECT_FALSE(try_lease());
}

TEST_F(ClusterOriginsTest, LetsAConnectionToOneThatLeftBeOpened) {
  const FullListener silent;
  use(ClusterSpec{.origins = {{Remote{"127.0.0.1", silent.port()}}}});
  origins_.push_back(std::make_unique<Listening>());
  const std::unique_ptr<Asking> asking = begin();
  take({0});
  take({0});
  loop_.advance_clock(seconds(3));
  ASSERT_TRUE(finish(*asking));
  EXPECT_FALSE(asking->result->has_value());
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
  EXPECT_TRUE(lease().has_value());
}

TEST_F(ClusterOriginsTest, WakesThoseThatWaitForRoom) {
  for (int i = 0; i < 3; ++i) origins_.push_back(std::make_unique<Listening>());
  use(ClusterSpec{.origins = {{Remote{"127.0.0.1", origins_[0]->port()}}}, .endpoint_connections = 1});
  const EndpointLease first = lease().value();
  const std::unique_ptr<Asking> third = begin();
  const std::unique_ptr<Asking> fourth = begin();
  EXPECT_FALSE(third->result);
  take({1, 2});
  ASSERT_TRUE(finish(*third));
  ASSERT_TRUE(finish(*fourth));
  EXPECT_TRUE(third->result->has_value());
  EXPECT_TRUE(fourth->result->has_value());
}

TEST_F(ClusterOriginsTest, CountsWhatOneThatLeftStillHolds) {
  use({true, true}, 2);
  take({0});
  EndpointLease first = lease().value();
  const EndpointLease second = lease().value();
  take({1});
  const std::unique_ptr<Asking> third = begin();
  EXPECT_FALSE(third->result);
  first.drop();
  ASSERT_TRUE(finish(*third));
  EXPECT_EQ(count(Count::kUpstreamConnections), 2);
}

TEST_F(ClusterOriginsTest, OneThatComesBackIsTheSame) {
  for (int i = 0; i < 2; ++i) origins_.push_back(std::make_unique<Listening>());
  use(ClusterSpec{.origins = {{Remote{"127.0.0.1", origins_[0]->port()}}}, .endpoint_connections = 1});
  EndpointLease under_way = lease().value();
  accept();
  take({1});
  take({0});
  const std::unique_ptr<Asking> second = begin();
  EXPECT_FALSE(second->result);
  exchange(under_way, peers_[0]);
  under_way.release(seconds(4));
  ASSERT_TRUE(finish(*second));
  EXPECT_TRUE(second->result->value().stream().reused());
}

TEST_F(ClusterOriginsTest, OpensNothingInAdvanceForOneThatLeft) {
  const FullListener silent;
  use(ClusterSpec{.origins = {{Remote{"127.0.0.1", silent.port()}}}});
  origins_.push_back(std::make_unique<Listening>());
  cluster_->open_idle(config::Timeouts());
  EXPECT_EQ(count(Count::kUpstreamConnections), 2);
  take({0});
  EXPECT_EQ(count(Count::kUpstreamConnections), 0);
}

}  // namespace
}  // namespace weir::proxy
