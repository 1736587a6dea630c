// Confined to one worker. How a socket is read with no system call that brings nothing.
//
// The problem: Asio watches sockets edge-triggered, so that after a read which emptied the socket the next one may
// simply wait for the next edge. But its own read operation (Boost 1.81, reactive_socket_recv_op.hpp) reports a socket
// as exhausted only when it read nothing at all; after every short read the next operation tries once more and gets
// EAGAIN. That is one wasted recv for each message on each side: two of six for a small request.
//
// The obvious fix, to take a short read for an empty socket, loses the end of a stream: a FIN that was there together
// with the last bytes makes no edge of its own. The kernel tells the truth: with TCP_INQ each read says what is left
// behind it, and says 1 for a FIN alone (tcp(7); tcp_inq_hint() in net/ipv4/tcp.c). Where it does not say (Unix
// sockets), the next operation tries, as Asio's own does.
//
// This is the one place that uses Asio's insides: an operation of its reactor, embedded in its owner, so that a read
// allocates nothing either.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "base/asio.h"

namespace weir::proxy {

using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;

// A socket that shows its registration with the reactor.
class ReactorSocket final : public StreamSocket {
 public:
  explicit ReactorSocket(StreamSocket socket)
      : StreamSocket(std::move(socket)), reactor_(asio::use_service<asio::detail::reactor>(get_executor().context())) {
    const int on = 1;
    tells_rest_ = ::setsockopt(native_handle(), IPPROTO_TCP, TCP_INQ, &on, sizeof on) == 0;
  }

  // Whether each read says what it left behind.
  bool tells_rest() const { return tells_rest_; }
  void start(asio::detail::reactor_op& read) {
    auto& implementation = impl_.get_implementation();
    reactor_.start_op(asio::detail::reactor::read_op, implementation.socket_, implementation.reactor_data_, &read,
                      false, true);
  }

 private:
  asio::detail::reactor& reactor_;
  bool tells_rest_ = false;
};

// One read at a time. `Owner` has `void read_done(const error_code&, std::size_t)`, and lives until that is called, or
// `void read_dropped()` is, because the event loop is being destroyed.
template <class Owner>
class ReadOp final : public asio::detail::reactor_op {
 public:
  explicit ReadOp(Owner& owner) : reactor_op({}, &ReadOp::try_read, &ReadOp::complete), owner_(owner) {}

  void start(ReactorSocket& socket, std::span<char> space) {
    waiting_ = true;
    ec_ = {};
    bytes_transferred_ = 0;
    space_ = space;
    descriptor_ = socket.native_handle();
    tells_rest_ = socket.tells_rest();
    socket.start(*this);
  }

  // Started, and nothing has been read: it is still open where to.
  bool waiting() const { return waiting_; }
  void redirect(std::span<char> space) { space_ = space; }

 private:
  static status try_read(reactor_op* base) {
    auto& self = *static_cast<ReadOp*>(base);
    const status result = self.read();
    if (result != not_done) self.waiting_ = false;
    return result;
  }

  status read() {
    iovec part{space_.data(), space_.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = tells_rest_ ? control.data() : nullptr;
    message.msg_controllen = tells_rest_ ? control.size() : 0;
    ssize_t bytes = 0;
    do {
      bytes = ::recvmsg(descriptor_, &message, 0);
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return not_done;
      ec_.assign(errno, asio::error::get_system_category());
      return done;
    }
    if (bytes == 0) ec_ = asio::error::eof;
    bytes_transferred_ = static_cast<std::size_t>(bytes);
    return left_nothing(message) ? done_and_exhausted : done;
  }

  static bool left_nothing(msghdr& message) {
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_TCP || header->cmsg_type != TCP_CM_INQ) return false;
    int left = 1;
    std::memcpy(&left, CMSG_DATA(header), sizeof left);
    return left == 0;
  }

  static void complete(void* scheduler, asio::detail::operation* base, const boost::system::error_code&, std::size_t) {
    auto& self = *static_cast<ReadOp*>(base);
    if (scheduler == nullptr) return self.owner_.read_dropped();
    self.waiting_ = false;  // cancelled before anything came
    const boost::system::error_code error = self.ec_;
    self.owner_.read_done(error, self.bytes_transferred_);
  }

  Owner& owner_;
  std::span<char> space_;
  int descriptor_ = -1;
  bool tells_rest_ = false;
  bool waiting_ = false;
};

}  // namespace weir::proxy
