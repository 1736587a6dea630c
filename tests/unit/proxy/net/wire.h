// Confined to one thread. An event loop that a test drives by hand, and the far ends of its connections: plain sockets
// that never block, so that one thread plays both sides in an order of its own.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/asio.h"
#include "proxy/net/address.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/deadline_list.h"

namespace weir::proxy {

class Loop {
 public:
  IoContext io{1};
  DeadlineList deadlines{std::chrono::steady_clock::now()};

  // What a closed stream leaves behind goes with its last handler.
  ~Loop() { settle(); }

  // Until `condition` holds; false after 10 s.
  template <class Condition>
  bool run_until(Condition condition) {
    const SteadyTime end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io.run_one_for(std::chrono::milliseconds(1));
      advance();
    }
    return true;
  }
  // All that can be done without waiting.
  void settle() {
    while (io.poll() > 0) {
    }
  }
  // From now on deadlines see a clock that is ahead.
  void advance_clock(std::chrono::milliseconds by) {
    ahead_ += by;
    advance();
  }

 private:
  void advance() { deadlines.advance(std::chrono::steady_clock::now() + ahead_); }

  asio::executor_work_guard<Executor> busy_{io.get_executor()};
  std::chrono::milliseconds ahead_{0};
};

// The far end of a connection.
class Peer {
 public:
  Peer() = default;
  explicit Peer(int descriptor) : descriptor_(descriptor) { ::fcntl(descriptor_, F_SETFL, O_NONBLOCK); }
  Peer(Peer&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        received_(std::move(other.received_)),
        ended_(other.ended_),
        reset_(other.reset_) {}
  Peer& operator=(Peer&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    received_ = std::move(other.received_);
    ended_ = other.ended_;
    reset_ = other.reset_;
    return *this;
  }
  ~Peer() { close(); }

  // As much as the kernel takes at once.
  std::size_t send(std::string_view bytes) const {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  // All that has come so far, what was taken before excepted.
  const std::string& received() {
    std::array<char, 16 * 1024> buffer;
    while (descriptor_ >= 0 && !reset_) {
      const ssize_t got = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
      if (got > 0) {
        received_.append(buffer.data(), static_cast<std::size_t>(got));
        continue;
      }
      ended_ = ended_ || got == 0;
      reset_ = reset_ || (got < 0 && errno == ECONNRESET);
      break;
    }
    return received_;
  }
  std::string take() {
    received();
    return std::exchange(received_, {});
  }
  // It finished sending, or closed.
  bool ended() {
    received();
    return ended_;
  }
  bool reset() {
    received();
    return reset_;
  }
  void shutdown_send() const { ::shutdown(descriptor_, SHUT_WR); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  void close_with_reset() {
    const linger now{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  // Before the connection is used: so that its buffers fill soon.
  void shrink_buffers() const {
    const int bytes = 4 * 1024;
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }

 private:
  int descriptor_ = -1;
  std::string received_;
  bool ended_ = false;
  bool reset_ = false;
};

struct Connected {
  ByteStream near;
  Peer far;
};

// A Unix socket: what one side has sent is at the other at once.
inline Connected connect_pair(IoContext& io) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
  const asio::generic::stream_protocol protocol(AF_UNIX, 0);
  return {ByteStream(StreamSocket(io, protocol, ends[0])), Peer(ends[1])};
}

// A listening socket on loopback that takes connections when told to.
class Listening {
 public:
  // A negative backlog: the port is taken, and nobody listens.
  explicit Listening(int backlog = 64, const SocketAddress& on = *parse_ip("127.0.0.1", 0))
      : descriptor_(::socket(on.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), address_(on) {
    if (::bind(descriptor_, address_.get(), address_.size) != 0) throw std::runtime_error("bind");
    address_.size = sizeof address_.storage;
    ::getsockname(descriptor_, address_.get(), &address_.size);
    if (backlog >= 0) listen(backlog);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { ::close(descriptor_); }

  std::uint16_t port() const { return address_.port(); }
  const SocketAddress& address() const { return address_; }
  void listen(int backlog = 64) const { ::listen(descriptor_, backlog); }
  // The next connection that waits, if one does.
  bool accept(Peer& peer) const {
    const int accepted = ::accept(descriptor_, nullptr, nullptr);
    if (accepted >= 0) peer = Peer(accepted);
    return accepted >= 0;
  }

 private:
  int descriptor_;
  SocketAddress address_;
};

// A client's connect() that does not wait for its end.
inline Peer begin_connect(const SocketAddress& to) {
  const int descriptor = ::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, to.get(), to.size) != 0 && errno != EINPROGRESS) throw std::runtime_error("connect");
  return Peer(descriptor);
}

// A listening socket that answers nobody: its queue is full.
class FullListener {
 public:
  FullListener() {
    for (Peer& waiting : waiting_) waiting = begin_connect(listening_.address());
  }
  std::uint16_t port() const { return listening_.port(); }

 private:
  Listening listening_{0};
  std::array<Peer, 4> waiting_;
};

// A connection over loopback, with TCP's resets.
inline Connected connect_tcp(IoContext& io) {
  const Listening listener;
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, listener.address().get(), listener.address().size) != 0)
    throw std::runtime_error("connect");
  Peer far;
  while (!listener.accept(far)) {
  }
  return {ByteStream(StreamSocket(io, asio::generic::stream_protocol(AF_INET, IPPROTO_TCP), descriptor)),
          std::move(far)};
}

}  // namespace weir::proxy
