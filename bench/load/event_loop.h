// Confined to one thread. What both ends of the load benches are made of: sockets at loopback, and a loop that looks for
// work without ever sleeping. To wake a sleeping core costs the one who sends, between virtual cores as much as a
// request, and how often it happens depends on how fast the others are.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <utility>

namespace weir::bench {

using SteadyClock = std::chrono::steady_clock;

[[noreturn]] inline void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

inline sockaddr_in loopback(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline void send_at_once(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// Owned by the caller.
inline int listening_at(unsigned port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  const sockaddr_in address = loopback(port);
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(descriptor, SOMAXCONN) != 0) fail("listen");
  return descriptor;
}

// Likewise; it blocks.
inline int connected_to(unsigned port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
  send_at_once(descriptor);
  return descriptor;
}

// Something that the loop calls when its descriptor, which it owns, can be read, or written to again.
class Peer {
 public:
  explicit Peer(int descriptor) : descriptor_(descriptor) {}
  virtual ~Peer() { hang_up(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  int descriptor() const { return descriptor_; }
  virtual void on_ready() = 0;

 protected:
  // Is not called any more.
  void hang_up() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

class Loop {
 public:
  Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) fail("epoll_create1");
  }
  ~Loop() { ::close(epoll_); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void watch(Peer& peer) const {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &peer;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, peer.descriptor(), &event) != 0) fail("epoll_ctl");
  }
  // Calls those that are ready, at most every kTurn.
  void turn() {
    while (SteadyClock::now() < next_turn_) continue;
    next_turn_ = SteadyClock::now() + kTurn;
    const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 0);
    for (int i = 0; i < count; ++i) static_cast<Peer*>(events_[static_cast<std::size_t>(i)].data.ptr)->on_ready();
  }

 private:
  // Much less than a request takes with all connections in use, and enough for several to come together.
  static constexpr std::chrono::microseconds kTurn{50};

  int epoll_;
  SteadyClock::time_point next_turn_;
  std::array<epoll_event, 256> events_{};
};

}  // namespace weir::bench
