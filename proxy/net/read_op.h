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
// A reset behind the last bytes is told by nobody: its edge was theirs, and TCP_INQ does not count it (tcp_reset() sets
// no SOCK_DONE). So inside a message, where the peer owes more, a read tries all the same (but for the later parts of a
// stream, where its owner looks for a break when it goes silent). Between messages, where
// nothing is owed, a reset that came with the last bytes shows in the next write.
//
// Through TLS a read decrypts at once what it has received, into the reader's space, and sends what the protocol has to
// say to that; so it receives into a space that a whole thread shares, and an idle connection holds none of its own.
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
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/asio.h"
#include "proxy/net/tls_session.h"

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
// `void read_dropped()` is, because the event loop is being destroyed; `TlsSession* tls()`, null for plain
// bytes, and `bool write_waits()`.
template <class Owner>
class ReadOp final : public asio::detail::reactor_op {
 public:
  explicit ReadOp(Owner& owner) : reactor_op({}, &ReadOp::try_read, &ReadOp::complete), owner_(owner) {}

  void start(ReactorSocket& socket, std::span<char> space) {
    prepare(socket, space);
    socket.start(*this);
  }
  // Instead: reads what is there to be read without the socket telling of it. True: done, read_finished() says how.
  bool try_now(ReactorSocket& socket, std::span<char> space) {
    prepare(socket, space);
    const status result = read_now();
    left_ = result == done;
    return result != not_done;
  }
  // What the last read is known to have left behind: bytes; 1 may be an end alone. Of TLS nothing is known.
  int left() const { return left_behind_; }
  // Started, it would wait for an edge, and it is not certain that there will be one.
  bool may_wait_in_vain(bool more_is_due) const { return exhausted_ && (more_is_due || left_); }
  void finish() {
    waiting_ = false;  // cancelled before anything came
    const boost::system::error_code error = ec_;
    owner_.read_done(error, bytes_transferred_);
  }

  // Started, and nothing has been read: it is still open where to.
  bool waiting() const { return waiting_; }
  void redirect(std::span<char> space) { space_ = space; }
  // Of TLS: it ended because what it has to send does not get away, and should go on when it does.
  bool stalled() const { return stalled_; }
  // Of TLS: the connection ended, and the peer had not said that it would.
  bool cut_off() const { return cut_off_; }

 private:
  struct Received {
    ssize_t bytes = 0;
    int error = 0;
    std::optional<int> left_behind;  // unset: the kernel does not say
  };

  void prepare(ReactorSocket& socket, std::span<char> space) {
    waiting_ = true;
    left_behind_ = 0;
    stalled_ = false;
    cut_off_ = false;
    ec_ = {};
    bytes_transferred_ = 0;
    space_ = space;
    descriptor_ = socket.native_handle();
    tells_rest_ = socket.tells_rest();
  }

  static status try_read(reactor_op* base) {
    auto& self = *static_cast<ReadOp*>(base);
    const status result = self.read_now();
    self.exhausted_ = result == done_and_exhausted;
    self.left_ = false;
    return result;
  }

  status read_now() {
    TlsSession* const tls = owner_.tls();
    const status result = tls == nullptr ? read() : read(*tls);
    if (result != not_done) waiting_ = false;
    return result;
  }

  status read() {
    const Received received = receive(space_);
    if (received.error == EAGAIN || received.error == EWOULDBLOCK) return not_done;
    if (received.error != 0) return failed(received.error);
    if (received.bytes == 0) ec_ = asio::error::eof;
    left_behind_ = received.left_behind.value_or(0);
    bytes_transferred_ = static_cast<std::size_t>(received.bytes);
    return received.left_behind == 0 ? done_and_exhausted : done;
  }

  status read(TlsSession& tls) {
    Received received;
    std::string_view ciphertext;
    const bool strangers = !tls.established();
    for (;;) {
      const TlsSession::Read got = tls.read(space_, ciphertext);
      // Whether it gets away shows where it is sent again: what the peer has said by then is read all the same.
      tls.send_output(descriptor_);
      bytes_transferred_ = got.bytes;
      if (got.step == TlsSession::Step::kEnded) ec_ = asio::error::eof;
      if (got.step == TlsSession::Step::kFailed) ec_ = asio::error::connection_aborted;
      if (got.step != TlsSession::Step::kHungry)
        return received.left_behind == 0 && !tls.holds_input() ? done_and_exhausted : done;
      // Who lets us answer and does not read is read no further. Data of ours that waits is another matter: a peer that
      // takes none of it may have answered already.
      stalled_ = tls.output_waits() && !owner_.write_waits();
      if (stalled_) return done;
      // What waited for the handshake is written before more is waited for.
      if (strangers && tls.established() && owner_.write_waits()) return done;
      // A part of a record: more is due, so the socket is asked until it has nothing.
      const std::span<char> into = TlsSession::receive_space(space_.size());
      received = receive(into);
      if (received.error == EAGAIN || received.error == EWOULDBLOCK) return not_done;
      if (received.error != 0) return failed(received.error);
      cut_off_ = received.bytes == 0;
      if (cut_off_) return failed_with(asio::error::eof);
      ciphertext = {into.data(), static_cast<std::size_t>(received.bytes)};
    }
  }

  status failed(int error) {
    ec_.assign(error, asio::error::get_system_category());
    return done;
  }
  status failed_with(const boost::system::error_code& error) {
    ec_ = error;
    return done;
  }

  Received receive(std::span<char> into) const {
    iovec part{into.data(), into.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = tells_rest_ ? control.data() : nullptr;
    message.msg_controllen = tells_rest_ ? control.size() : 0;
    Received received;
    do {
      received.bytes = ::recvmsg(descriptor_, &message, 0);
    } while (received.bytes < 0 && errno == EINTR);
    if (received.bytes < 0) {
      received.error = errno;
    } else {
      received.left_behind = left_behind(message);
    }
    return received;
  }

  static std::optional<int> left_behind(msghdr& message) {
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_TCP || header->cmsg_type != TCP_CM_INQ) return {};
    int left = 0;
    std::memcpy(&left, CMSG_DATA(header), sizeof left);
    return left;
  }

  static void complete(void* scheduler, asio::detail::operation* base, const boost::system::error_code&, std::size_t) {
    auto& self = *static_cast<ReadOp*>(base);
    if (scheduler == nullptr) return self.owner_.read_dropped();
    self.finish();
  }

  Owner& owner_;
  std::span<char> space_;
  int descriptor_ = -1;
  bool tells_rest_ = false;
  bool waiting_ = false;
  bool exhausted_ = false;  // the reactor takes the socket for empty
  bool left_ = false;       // and is wrong: try_now() has left something
  int left_behind_ = 0;
  bool stalled_ = false;
  bool cut_off_ = false;
};

}  // namespace weir::proxy
