// Confined to one worker. How a socket is read with no system call that brings nothing.
//
// The problem: Asio watches sockets edge-triggered, so that after a read which emptied the socket the next one may
// simply wait for the next edge. But its own read operation (Boost 1.81, reactive_socket_recv_op.hpp) reports a socket
// as exhausted only when it read nothing at all; after every short read the next operation tries once more and gets
// EAGAIN. That is one wasted recv for each message on each side: two of six for a small request.
//
// The obvious fix, to take a short read for an empty socket, loses an end: a FIN or a reset that was there together with
// the last bytes makes no edge of its own. So epoll is asked to tell of ends too (EPOLLRDHUP; it always tells of a
// broken connection), and a short read leaves an empty socket unless the last report told of one. That is exact: an
// end which comes after that report makes a report of its own.
//
// Through TLS a read decrypts at once what it has received, into the reader's space, and sends what the protocol has to
// say to that; so it receives into a space that a whole thread shares, and an idle connection holds none of its own.
//
// This is the one place that uses Asio's insides: an operation of its reactor, embedded in its owner, so that a read
// allocates nothing either; and what the reactor keeps to itself of a socket's registration.
#pragma once

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/asio.h"
#include "proxy/net/socket_calls.h"
#include "proxy/net/tls_session.h"

namespace weir::proxy {

using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;

// Members that Asio shows to nobody: access is not checked where a template is instantiated by name
// (C++20 [temp.spec.general]/6).
namespace reactor_members {

template <class Name, auto kMember>
struct Shown {
  friend constexpr auto shown(Name) { return kMember; }
};

struct EpollDescriptor {
  friend constexpr auto shown(EpollDescriptor);
};
struct RegisteredEvents {
  friend constexpr auto shown(RegisteredEvents);
};
struct ReportedEvents {
  friend constexpr auto shown(ReportedEvents);
};
template struct Shown<EpollDescriptor, &asio::detail::epoll_reactor::epoll_fd_>;
template struct Shown<RegisteredEvents, &asio::detail::epoll_reactor::descriptor_state::registered_events_>;
template struct Shown<ReportedEvents, &asio::detail::scheduler_operation::task_result_>;

}  // namespace reactor_members

// A socket that shows its registration with the reactor, and is told of the end of what its peer sends.
class ReactorSocket final : public StreamSocket {
 public:
  explicit ReactorSocket(StreamSocket socket)
      : StreamSocket(std::move(socket)), reactor_(asio::use_service<asio::detail::reactor>(get_executor().context())) {
    asio::detail::reactor::per_descriptor_data& data = impl_.get_implementation().reactor_data_;
    if (data == nullptr) return;
    std::uint32_t& registered = data->*shown(reactor_members::RegisteredEvents());
    epoll_event event{registered | EPOLLRDHUP, {.ptr = data}};
    tells_end_ = ::epoll_ctl(reactor_.*shown(reactor_members::EpollDescriptor()), EPOLL_CTL_MOD, native_handle(), &event) == 0;
    if (tells_end_) registered = event.events;
  }

  // By the last report of the kernel: what the peer sends has come to its end, or the connection has broken. Else an end
  // is yet to be reported.
  bool end_reported() const {
    if (!tells_end_) return true;  // for all that is known
    // A private base: no other cast reaches it.
    const auto& operation = (const asio::detail::scheduler_operation&)*impl_.get_implementation().reactor_data_;
    return (operation.*shown(reactor_members::ReportedEvents()) & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  }
  void start(asio::detail::reactor_op& read) {
    auto& implementation = impl_.get_implementation();
    reactor_.start_op(asio::detail::reactor::read_op, implementation.socket_, implementation.reactor_data_, &read,
                      false, true);
  }
  // Completed soon, as one that was aborted; out of the way of others at once.
  void withdraw(asio::detail::reactor_op& started) {
    auto& implementation = impl_.get_implementation();
    reactor_.cancel_ops_by_key(implementation.socket_, implementation.reactor_data_, asio::detail::reactor::read_op,
                               started.cancellation_key_);
  }

 private:
  asio::detail::reactor& reactor_;
  bool tells_end_ = false;
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
  // Bytes that the last read has left behind. Of TLS nothing is known.
  int left() const { return left_behind_; }
  // Started, it would wait for an edge that has been: a try has left something behind it.
  bool would_wait_in_vain() const { return exhausted_ && left_; }
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
    bool all = false;  // what comes later makes an edge
  };

  void prepare(ReactorSocket& socket, std::span<char> space) {
    waiting_ = true;
    left_behind_ = 0;
    stalled_ = false;
    cut_off_ = false;
    ec_ = {};
    bytes_transferred_ = 0;
    space_ = space;
    socket_ = &socket;
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
    bytes_transferred_ = static_cast<std::size_t>(received.bytes);
    if (bytes_transferred_ == space_.size()) ::ioctl(socket_->native_handle(), FIONREAD, &left_behind_);
    return received.all ? done_and_exhausted : done;
  }

  status read(TlsSession& tls) {
    Received received;
    std::string_view ciphertext;
    const bool strangers = !tls.established();
    for (;;) {
      const TlsSession::Read got = tls.read(space_, ciphertext);
      // Whether it gets away shows where it is sent again: what the peer has said by then is read all the same.
      tls.send_output(socket_->native_handle());
      bytes_transferred_ = got.bytes;
      if (got.step == TlsSession::Step::kEnded) ec_ = asio::error::eof;
      if (got.step == TlsSession::Step::kFailed) ec_ = asio::error::connection_aborted;
      if (got.step != TlsSession::Step::kHungry)
        return received.all && !tls.holds_input() ? done_and_exhausted : done;
      // Who lets us answer and does not read is read no further. Data of ours that waits is another matter: a peer that
      // takes none of it may have answered already.
      stalled_ = tls.output_waits() && !owner_.write_waits();
      if (stalled_) return done;
      // What waited for the handshake is written before more is waited for.
      if (strangers && tls.established() && owner_.write_waits()) return done;
      if (received.all) return not_done;  // a part of a record
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
    Received received;
    received.bytes = receive_now(socket_->native_handle(), into);
    if (received.bytes < 0) {
      received.error = errno;
    } else {
      received.all = static_cast<std::size_t>(received.bytes) < into.size() && !socket_->end_reported();
    }
    return received;
  }

  static void complete(void* scheduler, asio::detail::operation* base, const boost::system::error_code&, std::size_t) {
    auto& self = *static_cast<ReadOp*>(base);
    if (scheduler == nullptr) return self.owner_.read_dropped();
    self.finish();
  }

  Owner& owner_;
  std::span<char> space_;
  ReactorSocket* socket_ = nullptr;
  bool waiting_ = false;
  bool exhausted_ = false;  // the reactor takes the socket for empty
  bool left_ = false;       // and is wrong: try_now() has left something
  int left_behind_ = 0;
  bool stalled_ = false;
  bool cut_off_ = false;
};

// Waits in the place of a read for the end of what the peer sends, and reads nothing: what stands before it may be more
// than there is room for. A read that is started behind it waits for it, so it is cancelled first. `Owner` has
// `void end_watched(bool cancelled)`, and lives as with a read.
template <class Owner>
class EndWatch final : public asio::detail::reactor_op {
 public:
  explicit EndWatch(Owner& owner) : reactor_op({}, &EndWatch::look, &EndWatch::complete), owner_(owner) {
    cancellation_key_ = this;
  }

  void start(ReactorSocket& socket) {
    ec_ = {};
    socket_ = &socket;
    socket.start(*this);
  }

 private:
  static status look(reactor_op* base) {
    return static_cast<EndWatch*>(base)->socket_->end_reported() ? done : not_done;
  }
  static void complete(void* scheduler, asio::detail::operation* base, const boost::system::error_code&, std::size_t) {
    auto& self = *static_cast<EndWatch*>(base);
    if (scheduler == nullptr) return self.owner_.read_dropped();
    self.owner_.end_watched(self.ec_ == asio::error::operation_aborted);
  }

  Owner& owner_;
  const ReactorSocket* socket_ = nullptr;
};

}  // namespace weir::proxy
