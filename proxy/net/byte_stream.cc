#include "proxy/net/byte_stream.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <cerrno>
#include <utility>

#include "proxy/net/read_op.h"
#include "proxy/net/socket_calls.h"

namespace weir::proxy {

using boost::system::error_code;

struct ByteStream::State {
  explicit State(StreamSocket open) : socket(std::move(open)), read_op(*this), end_watch(*this) {}

  ReactorSocket socket;
  ReadOp<State> read_op;
  EndWatch<State> end_watch;
  Wakeable* observer = nullptr;
  int handlers = 0;  // completion handlers that still hold a pointer to this
  bool closed = false;
  bool watching = false;      // for a break
  bool watching_end = false;  // or has just been told not to
  bool end_wanted = false;
  bool ended = false;
  bool broke = false;
  bool write_pending = false;
  bool write_failed = false;
  bool break_told = false;  // to a write: the kernel says it once, and what is read behind it looks like an end
  ReadResult read;
  int in_a_row = 0;  // reads since the last that the event loop brought
  std::uint64_t written = 0;
  std::array<asio::const_buffer, kMaxParts> unsent{};

  // Of TLS. Its read may run without an observer's, to shake hands for a write.
  std::unique_ptr<TlsSession> session;
  std::array<std::string_view, kMaxParts> plain{};  // what of a write is not encrypted yet
  std::span<char> read_space;                       // of the observer's read
  bool reading_socket = false;
  bool shaking_hands = false;  // is what the observer's read is for
  bool flushing = false;       // waits until the kernel takes more
  bool ends_when_flushed = false;
  bool aborted = false;

  TlsSession* tls() const { return session.get(); }
  bool write_waits() const { return write_pending; }
  void wake() {
    if (observer != nullptr) observer->wake();
  }
  bool last_handler_gone() {
    if (--handlers > 0 || !closed) return closed;
    delete this;
    return true;
  }
  void finish_read(ReadResult result) {
    if (last_handler_gone()) return;
    in_a_row = 0;
    read = result;
    wake();
  }
  void read_done(const error_code& error, std::size_t bytes) {
    if (session != nullptr) return secure_read_done(error, bytes);
    finish_read({state_of(error), bytes});
  }
  ReadState state_of(const error_code& error) const {
    ReadState to = ReadState::kData;
    if (error == asio::error::eof) {
      to = break_told ? ReadState::kFailed : ReadState::kEnd;
    } else if (error == asio::error::operation_aborted) {
      to = ReadState::kCancelled;
    } else if (error) {
      to = ReadState::kFailed;
    }
    return to;
  }
  void read_dropped() { last_handler_gone(); }
  // Drops `bytes` from the front of what is unsent; true when nothing is left.
  bool sent(std::size_t bytes) {
    written += bytes;
    bool left = false;
    for (asio::const_buffer& part : unsent) {
      const std::size_t gone = std::min(bytes, part.size());
      part += gone;
      bytes -= gone;
      left = left || part.size() > 0;
    }
    return !left;
  }
  // At once, as much of what is unsent as the kernel takes.
  std::size_t send_unsent(std::size_t parts, int flags, error_code& error);
  void send_rest();
  void finish_write(const error_code& error, std::size_t bytes);
  // A broken pipe is what a peer leaves that has ended, and then wants no more: that end was one.
  void fail_write(const error_code& error) {
    write_failed = true;
    break_told = break_told || error != asio::error::broken_pipe;
  }

  // Whether there is news.
  bool look_for_end() {
    pollfd event{socket.native_handle(), POLLRDHUP, 0};
    if (::poll(&event, 1, 0) != 1) return false;
    const bool breaks = (event.revents & (POLLERR | POLLHUP)) != 0;
    const bool news = !ended || (breaks && !broke);
    ended = true;
    broke = broke || breaks;
    return news;
  }
  void watch_for_end() {
    end_wanted = true;
    if (std::exchange(watching_end, true)) return;
    ++handlers;
    end_watch.start(socket);
  }
  // A read is about to be started.
  void stop_watch() {
    if (std::exchange(end_wanted, false)) socket.withdraw(end_watch);
  }
  void end_watched(bool cancelled) {
    if (last_handler_gone()) return;
    watching_end = false;
    if (!std::exchange(end_wanted, false)) return;
    if (look_for_end()) return wake();
    if (cancelled) watch_for_end();  // for a read that is over by now
  }

  void begin_secure_read(std::span<char> space);
  void secure_read_done(const error_code& error, std::size_t bytes);
  // Encrypts and sends as much of the write as the kernel takes. True: all of it; else it goes on by itself, or failed.
  bool send_secure();
  void flush_later();
  void flushed(const error_code& error);
  void end_sending();
};

struct ByteStream::OnWait {
  State* state;
  void operator()(const error_code& error) const {
    ReadState to = ReadState::kReadable;
    if (error) to = error == asio::error::operation_aborted ? ReadState::kCancelled : ReadState::kFailed;
    state->finish_read({to, 0});
  }
};

struct ByteStream::OnBreak {
  State* state;
  void operator()(const error_code& error) const {
    if (state->last_handler_gone()) return;
    state->watching = false;
    // Urgent data ends the wait too, and breaks nothing.
    if (!error && state->look_for_end()) state->wake();
  }
};

struct ByteStream::OnFlush {
  State* state;
  void operator()(const error_code& error) const {
    if (!state->last_handler_gone()) state->flushed(error);
  }
};

// A read that needed no event of the socket.
struct ByteStream::OnRead {
  State* state;
  void operator()() const { state->read_op.finish(); }
};

struct ByteStream::OnWrite {
  State* state;
  void operator()(const error_code& error, std::size_t bytes) const { state->finish_write(error, bytes); }
};

std::size_t ByteStream::State::send_unsent(std::size_t parts, int flags, error_code& error) {
  if (parts > 1) return socket.send(unsent, flags, error);
  const ssize_t taken =
      send_now(socket.native_handle(), {static_cast<const char*>(unsent[0].data()), unsent[0].size()}, flags);
  if (taken >= 0) return static_cast<std::size_t>(taken);
  error.assign(errno, asio::error::get_system_category());
  return 0;
}

void ByteStream::State::send_rest() {
  ++handlers;
  socket.async_write_some(unsent, OnWrite{this});
}

void ByteStream::State::finish_write(const error_code& error, std::size_t bytes) {
  if (last_handler_gone()) return;
  if (!error && !sent(bytes)) return send_rest();
  write_pending = false;
  if (error) fail_write(error);
  wake();
}

void ByteStream::State::begin_secure_read(std::span<char> space) {
  stop_watch();
  reading_socket = true;
  ++handlers;
  if (!session->holds_input() && !read_op.would_wait_in_vain()) return read_op.start(socket, space);
  if (read_op.try_now(socket, space)) {
    asio::post(socket.get_executor(), OnRead{this});
  } else {
    read_op.start(socket, space);
  }
}

void ByteStream::State::secure_read_done(const error_code& error, std::size_t bytes) {
  if (last_handler_gone()) return;
  reading_socket = false;
  if (session->output_waits()) flush_later();
  if (read_op.stalled()) return;
  const bool wanted = read.state == ReadState::kPending;
  const bool writes = write_pending && !flushing && session->established();
  if (wanted) {
    if (bytes == 0 && !error && !shaking_hands) {
      begin_secure_read(read_space);  // the hands were shaken for a write
    } else {
      read = {read_op.cut_off() ? ReadState::kCutOff : state_of(error), bytes};
      if (std::exchange(shaking_hands, false) && read.state == ReadState::kData) read.state = ReadState::kReadable;
    }
  }
  // What waited for the peer's part of the handshake.
  if (writes && send_secure()) write_pending = false;
  if (error && error != asio::error::operation_aborted && write_pending && !session->established()) {
    write_pending = false;
    write_failed = true;
  }
  wake();
}

bool ByteStream::State::send_secure() {
  for (;;) {
    if (!session->send_output(socket.native_handle())) break;
    if (session->output_waits()) {
      flush_later();
      return false;
    }
    const auto is_empty = [](std::string_view part) { return part.empty(); };
    if (std::all_of(plain.begin(), plain.end(), is_empty)) return true;
    TlsSession::Step step = TlsSession::Step::kBytes;
    while (step == TlsSession::Step::kBytes && session->has_room() &&
           !std::all_of(plain.begin(), plain.end(), is_empty))
      step = session->write(plain);
    if (step == TlsSession::Step::kHungry) {
      // Once the hands are shaken, what the peer owes us comes with the observer's reads.
      if (!reading_socket && !read_op.stalled() && !session->established()) begin_secure_read({});
      return false;
    }
    if (step == TlsSession::Step::kFailed) break;
  }
  write_failed = true;
  write_pending = false;
  return false;
}

void ByteStream::State::flush_later() {
  if (std::exchange(flushing, true)) return;
  ++handlers;
  const OnFlush handler{this};
  socket.async_wait(StreamSocket::wait_write, handler);
}

void ByteStream::State::flushed(const error_code& error) {
  flushing = false;
  // A read was cancelled, and this with it.
  if (error == asio::error::operation_aborted) return flush_later();
  const bool wrote = write_pending;
  const bool done = send_secure();
  if (done) write_pending = false;
  if (flushing) return;
  if (ends_when_flushed && done) end_sending();
  if (read_op.stalled() && !reading_socket) {
    if (done) begin_secure_read(read.state == ReadState::kPending && !shaking_hands ? read_space : std::span<char>());
    if (!done && read.state == ReadState::kPending) read = {ReadState::kFailed, 0};
  }
  if (wrote || !done) wake();
}

void ByteStream::State::end_sending() {
  error_code ignored;  // a peer that is gone needs no goodbye
  socket.shutdown(StreamSocket::shutdown_send, ignored);
}

ByteStream::ByteStream(StreamSocket socket) : state_(new State(std::move(socket))) {
  error_code ignored;  // a socket that cannot be set so fails at its first use
  state_->socket.non_blocking(true, ignored);
  state_->socket.set_option(asio::ip::tcp::no_delay(true), ignored);  // a Unix socket has no such option
}

ByteStream::ByteStream(ByteStream&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

ByteStream& ByteStream::operator=(ByteStream&& other) noexcept {
  if (this == &other) return *this;
  close();
  state_ = std::exchange(other.state_, nullptr);
  return *this;
}

void ByteStream::set_observer(Wakeable* observer) {
  if (state_ != nullptr) state_->observer = observer;
}

void ByteStream::start_tls(std::unique_ptr<TlsSession> session, std::string_view received) {
  state_->session = std::move(session);
  state_->session->keep(received);
}

const TlsSession* ByteStream::tls() const { return state_ == nullptr ? nullptr : state_->tls(); }

void ByteStream::start_handshake() {
  state_->read = {ReadState::kPending, 0};
  state_->shaking_hands = true;
  state_->begin_secure_read({});
}

void ByteStream::start_read(std::span<char> space) {
  state_->read = {ReadState::kPending, 0};
  if (state_->tls() != nullptr) {
    state_->read_space = space;
    if (!state_->reading_socket && !state_->read_op.stalled()) {
      state_->begin_secure_read(space);
    } else if (state_->read_op.waiting()) {
      state_->read_op.redirect(space);
    }
    return;
  }
  state_->stop_watch();
  ++state_->handlers;
  if (state_->read_op.would_wait_in_vain() && state_->read_op.try_now(state_->socket, space)) {
    asio::post(state_->socket.get_executor(), OnRead{state_});
  } else {
    state_->read_op.start(state_->socket, space);
  }
}

bool ByteStream::read_rest(std::span<char> space) {
  State& state = *state_;
  if (state.read_op.left() == 0 || state.in_a_row >= kReadsInARow) return false;
  ++state.in_a_row;
  if (!state.read_op.try_now(state.socket, space)) return false;
  state.read = {state.state_of(state.read_op.ec_), state.read_op.bytes_transferred_};
  return true;
}

bool ByteStream::rest_waits() const { return state_->read_op.left() > 0; }

bool ByteStream::can_redirect_read() const { return reading() && state_->read_op.waiting(); }

void ByteStream::redirect_read(std::span<char> space) {
  state_->read_space = space;
  state_->read_op.redirect(space);
}

void ByteStream::start_wait() {
  state_->read = {ReadState::kPending, 0};
  state_->stop_watch();
  ++state_->handlers;
  const OnWait handler{state_};
  if (state_->tls() != nullptr && state_->tls()->holds_input()) {
    asio::post(state_->socket.get_executor(), [handler] { handler({}); });
    return;
  }
  state_->socket.async_wait(StreamSocket::wait_read, handler);
}

void ByteStream::watch_for_end() {
  if (!state_->ended) return state_->watch_for_end();
  if (state_->broke || std::exchange(state_->watching, true)) return;
  ++state_->handlers;
  const OnBreak handler{state_};
  state_->socket.async_wait(StreamSocket::wait_error, handler);
}

bool ByteStream::ended() const { return state_ != nullptr && state_->ended; }

bool ByteStream::broke() const { return state_ != nullptr && state_->broke; }

void ByteStream::cancel_read() {
  if (state_->read.state != ReadState::kPending) return;
  error_code ignored;  // nothing to cancel is no failure
  state_->socket.cancel(ignored);
}

bool ByteStream::reading() const { return state_ != nullptr && state_->read.state == ReadState::kPending; }

bool ByteStream::unread() const {
  int bytes = 0;
  if (state_ != nullptr && state_->tls() != nullptr && state_->tls()->holds_input()) return true;
  return state_ != nullptr && ::ioctl(state_->socket.native_handle(), FIONREAD, &bytes) == 0 && bytes > 0;
}

ReadResult ByteStream::peek(std::span<char> space) const {
  const ssize_t bytes = ::recv(state_->socket.native_handle(), space.data(), space.size(), MSG_PEEK | MSG_DONTWAIT);
  if (bytes > 0) return {ReadState::kData, static_cast<std::size_t>(bytes)};
  if (bytes == 0) return {ReadState::kEnd, 0};
  return {errno == EAGAIN || errno == EINTR ? ReadState::kPending : ReadState::kFailed, 0};
}

void ByteStream::skip(std::size_t bytes) {
  std::array<char, 512> nowhere{};
  while (bytes > 0) {
    const ssize_t gone =
        ::recv(state_->socket.native_handle(), nowhere.data(), std::min(bytes, nowhere.size()), MSG_DONTWAIT);
    if (gone <= 0) return;  // the next read says why
    bytes -= static_cast<std::size_t>(gone);
  }
}

ReadResult ByteStream::take_read() {
  const ReadResult result = state_->read;
  if (result.state != ReadState::kPending) state_->read = {};
  return result;
}

void ByteStream::write(std::span<const std::string_view> parts, bool more) {
  State& state = *state_;
  if (state.tls() != nullptr) {
    state.plain = {};
    std::copy(parts.begin(), parts.end(), state.plain.begin());
    state.write_pending = true;
    if (!state.flushing && state.send_secure()) state.write_pending = false;
    return;
  }
  std::size_t count = 0;
  for (const std::string_view part : parts) {
    if (!part.empty()) state.unsent[count++] = asio::const_buffer(part.data(), part.size());
  }
  if (count == 0) return;
  for (std::size_t i = count; i < kMaxParts; ++i) state.unsent[i] = {};
  error_code error;
  const std::size_t bytes = state.send_unsent(count, more ? MSG_MORE : 0, error);
  if (error && error != asio::error::would_block) return state.fail_write(error);
  if (state.sent(error ? 0 : bytes)) return;
  state.write_pending = true;
  state.send_rest();
}

bool ByteStream::writing() const { return state_ != nullptr && state_->write_pending; }
bool ByteStream::write_failed() const { return state_ == nullptr || state_->write_failed; }
std::uint64_t ByteStream::bytes_written() const {
  if (state_ == nullptr) return 0;
  return state_->tls() == nullptr ? state_->written : state_->tls()->bytes_sent();
}

void ByteStream::shutdown_send() {
  if (state_ == nullptr) return;
  if (state_->tls() != nullptr) {
    state_->tls()->end();
    state_->ends_when_flushed = true;
    if (state_->flushing || !state_->send_secure()) return;
  }
  state_->end_sending();
}

void ByteStream::close() {
  if (state_ == nullptr) return;
  State* const state = std::exchange(state_, nullptr);
  state->observer = nullptr;
  state->closed = true;
  if (state->tls() != nullptr && !state->aborted && !state->write_pending && !state->flushing) {
    state->tls()->end();
    state->tls()->send_output(state->socket.native_handle());
  }
  error_code ignored;  // the descriptor is gone either way
  state->socket.close(ignored);
  if (state->handlers == 0) delete state;
}

void ByteStream::abort() {
  if (state_ == nullptr) return;
  state_->aborted = true;
  const linger now{1, 0};
  ::setsockopt(state_->socket.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

}  // namespace weir::proxy
