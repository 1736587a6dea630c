#include "proxy/net/listener.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <memory>
#include <vector>

#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

using testing::HasSubstr;

void close_all(const ListeningSockets& sockets) {
  for (const int descriptor : sockets.descriptors) ::close(descriptor);
}

TEST(ListenOn, SharesOnePortThatTheKernelChose) {
  const ListeningSockets sockets = listen_on("127.0.0.1:0", 3);
  EXPECT_EQ(sockets.error, "");
  ASSERT_EQ(sockets.descriptors.size(), 3U);
  EXPECT_NE(sockets.address.port(), 0);
  for (const int descriptor : sockets.descriptors) {
    SocketAddress address;
    address.size = sizeof address.storage;
    ASSERT_EQ(::getsockname(descriptor, address.get(), &address.size), 0);
    EXPECT_EQ(to_string(address), to_string(sockets.address));
  }
  close_all(sockets);
}

TEST(ListenOn, TakesNoAddressThatAnotherHas) {
  const ListeningSockets first = listen_on("127.0.0.1:0", 2);
  const std::string address = to_string(first.address);
  const ListeningSockets second = listen_on(address, 2);
  EXPECT_TRUE(second.descriptors.empty());
  EXPECT_THAT(second.error, HasSubstr(address));
  EXPECT_THAT(second.error, HasSubstr("in use"));
  close_all(first);
  const ListeningSockets third = listen_on(address, 2);
  EXPECT_EQ(third.error, "");
  close_all(third);
}

TEST(ListenOn, EveryIpv6AddressIsNoIpv4One) {
  const ListeningSockets v6 = listen_on("[::]:0", 2);
  ASSERT_EQ(v6.error, "");
  const ListeningSockets v4 = listen_on("0.0.0.0:" + std::to_string(v6.address.port()), 2);
  EXPECT_EQ(v4.error, "");
  close_all(v4);
  close_all(v6);
}

// Another process that has bound its socket and does not listen yet: it looks like one that has ended.
TEST(ListenOn, TakesNoFileFromWhoIsAboutToListenThere) {
  const std::string folder = testing::TempDir() + "weir-turn-" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
  const std::string path = folder + "/socket";
  const int turn = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(turn, LOCK_EX), 0);
  const int first = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const SocketAddress address = unix_address(path);
  ASSERT_EQ(::bind(first, address.get(), address.size), 0);
  EXPECT_THAT(listen_on("unix:" + path, 1).error, HasSubstr("another process has locked its folder"));
  ASSERT_EQ(::listen(first, 1), 0);
  ::close(turn);
  EXPECT_THAT(listen_on("unix:" + path, 1).error, HasSubstr("in use"));
  const Peer client = begin_connect(address);
  const int accepted = ::accept4(first, nullptr, nullptr, SOCK_CLOEXEC);
  EXPECT_GE(accepted, 0);
  ::close(accepted);
  ::close(first);
  ::unlink(path.c_str());
  ::rmdir(folder.c_str());
}

TEST(ListenOn, SaysWhatIsWrongWithAnAddress) {
  for (const char* text : {"example.com:80", "127.0.0.1", "192.0.2.1:80"}) {
    const ListeningSockets sockets = listen_on(text, 1);
    EXPECT_TRUE(sockets.descriptors.empty()) << text;
    EXPECT_THAT(sockets.error, HasSubstr(text));
  }
}

// One description behind all descriptors, so one queue: closing one loses nothing of it.
TEST(ListenOn, SharesOneUnixSocketAndItsFile) {
  const std::string path = testing::TempDir() + "weir-listener-" + std::to_string(::getpid()) + ".sock";
  ListeningSockets sockets = listen_on("unix:" + path, 2);
  ASSERT_EQ(sockets.error, "");
  ASSERT_EQ(sockets.descriptors.size(), 2U);
  EXPECT_EQ(to_string(sockets.address), "unix:" + path);
  EXPECT_THAT(listen_on("unix:" + path, 1).error, HasSubstr("in use"));
  const Peer client = begin_connect(unix_address(path));
  ::close(sockets.descriptors[0]);
  EXPECT_GE(::accept(sockets.descriptors[1], nullptr, nullptr), 0);
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  sockets.file = nullptr;
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  ::close(sockets.descriptors[1]);
}

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() {
    const ListeningSockets sockets = listen_on("127.0.0.1:0", 1);
    address_ = sockets.address;
    listener_ =
        std::make_unique<Listener>(loop_.io, loop_.deadlines, Listener::Socket{sockets.descriptors.at(0), AF_INET});
  }
  void start() {
    listener_->start(
        [this](StreamSocket socket, const SocketAddress& peer) {
          accepted_.emplace_back(std::move(socket));
          peers_.push_back(ip_text(peer));
          if (accepted_.size() == pause_at_) listener_->pause();
        },
        [this] { ++errors_; });
  }

  Loop loop_;
  SocketAddress address_;
  std::unique_ptr<Listener> listener_;
  std::vector<ByteStream> accepted_;
  std::vector<std::string> peers_;
  std::size_t pause_at_ = 0;
  int errors_ = 0;
};

TEST_F(ListenerTest, AcceptsNothingBeforeItsStart) {
  Peer client = begin_connect(address_);
  loop_.settle();
  EXPECT_TRUE(accepted_.empty());
  start();
  ASSERT_TRUE(loop_.run_until([&] { return accepted_.size() == 1; }));
  EXPECT_EQ(peers_[0], "127.0.0.1");
  const std::array<std::string_view, 1> parts{"hello"};
  accepted_[0].write(parts);
  EXPECT_TRUE(loop_.run_until([&] { return client.received() == "hello"; }));
  EXPECT_EQ(errors_, 0);
}

TEST_F(ListenerTest, AcceptsWhatWaitsOnlyAfterAPause) {
  pause_at_ = 2;
  std::vector<Peer> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(begin_connect(address_));
  start();
  ASSERT_TRUE(loop_.run_until([&] { return accepted_.size() == 2; }));
  loop_.settle();
  EXPECT_EQ(accepted_.size(), 2U);
  listener_->resume();
  EXPECT_TRUE(loop_.run_until([&] { return accepted_.size() == 5; }));
}

TEST_F(ListenerTest, LosesNoConnectionWhenItCloses) {
  start();
  std::vector<Peer> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(begin_connect(address_));
  listener_->begin_close();
  EXPECT_FALSE(listener_->closed());
  EXPECT_TRUE(loop_.run_until([&] { return accepted_.size() == clients.size(); }));
  loop_.advance_clock(Listener::kCloseGrace + DeadlineList::kTick);
  EXPECT_TRUE(loop_.run_until([&] { return listener_->closed(); }));
  for (ByteStream& connection : accepted_) {
    const std::array<std::string_view, 1> parts{"served"};
    connection.write(parts);
  }
  for (Peer& client : clients) EXPECT_TRUE(loop_.run_until([&] { return client.received() == "served"; }));
}

TEST_F(ListenerTest, LosesNoConnectionThatWaitedWhileItWasPaused) {
  pause_at_ = 1;
  start();
  std::vector<Peer> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(begin_connect(address_));
  ASSERT_TRUE(loop_.run_until([&] { return accepted_.size() == 1; }));
  listener_->begin_close();
  EXPECT_TRUE(loop_.run_until([&] { return accepted_.size() == clients.size(); }));
}

// A handshake that begins while it closes is not answered; the client's kernel tries again, and is then refused.
TEST_F(ListenerTest, BeginsNoConnectionWhileItCloses) {
  start();
  listener_->begin_close();
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(client, address_.get(), address_.size), -1);
  ASSERT_EQ(errno, EINPROGRESS);
  loop_.settle();
  EXPECT_TRUE(accepted_.empty());
  loop_.advance_clock(Listener::kCloseGrace + DeadlineList::kTick);
  ASSERT_TRUE(loop_.run_until([&] { return listener_->closed(); }));
  pollfd waiting{client, POLLOUT, 0};
  ASSERT_EQ(::poll(&waiting, 1, 10'000), 1);
  int error = 0;
  socklen_t size = sizeof error;
  ASSERT_EQ(::getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size), 0);
  EXPECT_EQ(error, ECONNREFUSED);
  EXPECT_TRUE(accepted_.empty());
  ::close(client);
}

TEST_F(ListenerTest, MayBeDestroyedWhileItAccepts) {
  start();
  const Peer client = begin_connect(address_);
  listener_.reset();
  loop_.settle();
  EXPECT_TRUE(accepted_.empty());
}

}  // namespace
}  // namespace weir::proxy
