#include "proxy/net/connector.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "tests/unit/proxy/net/shortage.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

struct Observer final : Wakeable {
  void wake() override { ++woken; }
  int woken = 0;
};

class ConnectorTest : public testing::Test {
 protected:
  Connector::State connect(const std::string& host, std::uint16_t port) {
    connector_.emplace(loop_.io, Remote{host, port}, observer_);
    EXPECT_EQ(connector_->state(), Connector::State::kPending);
    EXPECT_EQ(observer_.woken, 0);
    EXPECT_TRUE(loop_.run_until([&] { return connector_->state() != Connector::State::kPending; }));
    EXPECT_EQ(observer_.woken, 1);
    observer_.woken = 0;
    return connector_->state();
  }

  Loop loop_;
  Observer observer_;
  std::optional<Connector> connector_;
};

TEST_F(ConnectorTest, ConnectsToAnAddress) {
  const Listening origin;
  ASSERT_EQ(connect("127.0.0.1", origin.port()), Connector::State::kConnected);
  Peer peer;
  ASSERT_TRUE(loop_.run_until([&] { return origin.accept(peer); }));
  ByteStream stream = connector_->take();
  connector_.reset();  // the stream does not need it
  const std::array<std::string_view, 1> parts{"hello"};
  stream.write(parts);
  EXPECT_TRUE(loop_.run_until([&] { return peer.received() == "hello"; }));
}

TEST_F(ConnectorTest, SaysThatAnOriginRefuses) {
  const Listening bound(-1);  // its port is nobody else's, and nobody listens
  EXPECT_EQ(connect("127.0.0.1", bound.port()), Connector::State::kFailed);
}

TEST_F(ConnectorTest, BlamesNoOriginForWhatIsLackingHere) {
  const Listening origin;
  // Of localhost's two addresses nobody listens at the other one: that one refuses says nothing of the first.
  for (const char* host : {"127.0.0.1", "localhost"}) {
    for (const int lack : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL}) {
      {
        const Lacking lacking(lack);
        EXPECT_EQ(connect(host, origin.port()), Connector::State::kFailed) << host;
      }
      EXPECT_EQ(connector_->reason(), "no_resources") << host << " " << lack;
      EXPECT_EQ(connector_->shortage(), std::strerror(lack)) << host;
      EXPECT_EQ(connect(host, origin.port()), Connector::State::kConnected) << host;
      EXPECT_EQ(connector_->shortage(), "") << host;
    }
  }
  const Listening bound(-1);
  EXPECT_EQ(connect("127.0.0.1", bound.port()), Connector::State::kFailed);
  EXPECT_EQ(connector_->reason(), "connect");
  EXPECT_EQ(connector_->shortage(), "");
  // Shut off by a rule, and no address to come from: neither passes with time.
  for (const int lack : {EACCES, EPERM}) {
    const Lacking lacking(lack);
    EXPECT_EQ(connect("127.0.0.1", origin.port()), Connector::State::kFailed);
    EXPECT_EQ(connector_->reason(), "connect");
  }
}

// No name is looked up here, not even one that is in /etc/hosts.
TEST_F(ConnectorTest, SaysThatANameHasNoAddress) { EXPECT_EQ(connect("weir.invalid", 80), Connector::State::kFailed); }

TEST_F(ConnectorTest, ConnectsToTheAddressOfAName) {
  const Listening origin;
  Remote remote{"weir.invalid", origin.port()};
  remote.address = "127.0.0.1";
  connector_.emplace(loop_.io, remote, observer_);
  EXPECT_TRUE(loop_.run_until([&] { return connector_->state() != Connector::State::kPending; }));
  EXPECT_EQ(connector_->state(), Connector::State::kConnected);
}

// Whichever of a name's addresses answers: how many "localhost" has is the machine's affair.
TEST_F(ConnectorTest, TriesEachAddressOfAName) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  ASSERT_EQ(::getaddrinfo("localhost", nullptr, &hints, &found), 0);
  int addresses = 0;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next, ++addresses) {
    SocketAddress address;
    address.size = entry->ai_addrlen;
    std::memcpy(address.get(), entry->ai_addr, entry->ai_addrlen);
    const Listening origin(64, address);
    EXPECT_EQ(connect("localhost", origin.port()), Connector::State::kConnected) << to_string(origin.address());
  }
  ::freeaddrinfo(found);
  EXPECT_GT(addresses, 0);
  const Listening bound(-1);
  EXPECT_EQ(connect("localhost", bound.port()), Connector::State::kFailed);
}

TEST_F(ConnectorTest, WakesNobodyOnceDestroyed) {
  const Listening origin;
  const FullListener full;
  const std::vector<std::pair<std::string, std::uint16_t>> targets = {
      {"127.0.0.1", origin.port()}, {"127.0.0.1", full.port()}, {"localhost", origin.port()}, {"weir.invalid", 80}};
  for (const auto& [host, port] : targets) {
    connector_.emplace(loop_.io, Remote{host, port}, observer_);
    connector_.reset();
    connector_.emplace(loop_.io, Remote{host, port}, observer_);
    loop_.io.poll_one();
    connector_.reset();
  }
  // What is still under way by then has come to its end once a connection begun later has.
  ASSERT_EQ(connect("localhost", origin.port()), Connector::State::kConnected);
  loop_.settle();
  EXPECT_EQ(observer_.woken, 0);
}

TEST_F(ConnectorTest, StaysPendingWhileNobodyAnswersUntilItExpires) {
  const FullListener full;
  connector_.emplace(loop_.io, Remote{"127.0.0.1", full.port()}, observer_);
  loop_.settle();
  EXPECT_EQ(connector_->state(), Connector::State::kPending);
  connector_->expire();
  loop_.settle();
  EXPECT_EQ(connector_->state(), Connector::State::kFailed);
  EXPECT_EQ(connector_->reason(), "connect");
  EXPECT_EQ(connector_->tls_failure(), "");
  EXPECT_EQ(observer_.woken, 0);
}

}  // namespace
}  // namespace weir::proxy
