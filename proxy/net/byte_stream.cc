#include "proxy/net/byte_stream.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <utility>

#include "proxy/net/read_op.h"

namespace weir::proxy {

using boost::system::error_code;

struct ByteStream::State {
  explicit State(StreamSocket open) : socket(std::move(open)), read_op(*this) {}

  ReactorSocket socket;
  ReadOp<State> read_op;
  Wakeable* observer = nullptr;
  int handlers = 0;  // completion handlers that still hold a pointer to this
  bool closed = false;
  bool watching = false;
  bool broke = false;
  bool write_pending = false;
  bool write_failed = false;
  ReadResult read;
  std::uint64_t written = 0;
  std::array<asio::const_buffer, kMaxParts> unsent{};

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
    read = result;
    wake();
  }
  void read_done(const error_code& error, std::size_t bytes) {
    ReadState to = ReadState::kData;
    if (error == asio::error::eof) {
      to = ReadState::kEnd;
    } else if (error == asio::error::operation_aborted) {
      to = ReadState::kCancelled;
    } else if (error) {
      to = ReadState::kFailed;
    }
    finish_read({to, bytes});
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
  void send_rest();
  void finish_write(const error_code& error, std::size_t bytes);
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
    pollfd event{state->socket.native_handle(), 0, 0};
    state->broke = !error && ::poll(&event, 1, 0) == 1 && (event.revents & (POLLERR | POLLHUP)) != 0;
    if (state->broke) state->wake();
  }
};

struct ByteStream::OnWrite {
  State* state;
  void operator()(const error_code& error, std::size_t bytes) const { state->finish_write(error, bytes); }
};

void ByteStream::State::send_rest() {
  ++handlers;
  socket.async_write_some(unsent, OnWrite{this});
}

void ByteStream::State::finish_write(const error_code& error, std::size_t bytes) {
  if (last_handler_gone()) return;
  if (!error && !sent(bytes)) return send_rest();
  write_pending = false;
  write_failed = static_cast<bool>(error);
  wake();
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

void ByteStream::start_read(std::span<char> space) {
  state_->read = {ReadState::kPending, 0};
  ++state_->handlers;
  state_->read_op.start(state_->socket, space);
}

bool ByteStream::can_redirect_read() const { return reading() && state_->read_op.waiting(); }

void ByteStream::redirect_read(std::span<char> space) { state_->read_op.redirect(space); }

void ByteStream::start_wait() {
  state_->read = {ReadState::kPending, 0};
  ++state_->handlers;
  const OnWait handler{state_};
  state_->socket.async_wait(StreamSocket::wait_read, handler);
}

void ByteStream::watch_for_break() {
  if (std::exchange(state_->watching, true)) return;
  ++state_->handlers;
  const OnBreak handler{state_};
  state_->socket.async_wait(StreamSocket::wait_error, handler);
}

bool ByteStream::broke() const { return state_ != nullptr && state_->broke; }

void ByteStream::cancel_read() {
  if (state_->read.state != ReadState::kPending) return;
  error_code ignored;  // nothing to cancel is no failure
  state_->socket.cancel(ignored);
}

bool ByteStream::reading() const { return state_ != nullptr && state_->read.state == ReadState::kPending; }

bool ByteStream::unread() const {
  int bytes = 0;
  return state_ != nullptr && ::ioctl(state_->socket.native_handle(), FIONREAD, &bytes) == 0 && bytes > 0;
}

ReadResult ByteStream::take_read() {
  const ReadResult result = state_->read;
  if (result.state != ReadState::kPending) state_->read = {};
  return result;
}

void ByteStream::write(std::span<const std::string_view> parts) {
  State& state = *state_;
  std::size_t count = 0;
  for (const std::string_view part : parts) {
    if (!part.empty()) state.unsent[count++] = asio::const_buffer(part.data(), part.size());
  }
  if (count == 0) return;
  for (std::size_t i = count; i < kMaxParts; ++i) state.unsent[i] = {};
  error_code error;
  const std::size_t bytes =
      count == 1 ? state.socket.write_some(state.unsent[0], error) : state.socket.write_some(state.unsent, error);
  if (error && error != asio::error::would_block) {
    state.write_failed = true;
    return;
  }
  if (state.sent(error ? 0 : bytes)) return;
  state.write_pending = true;
  state.send_rest();
}

bool ByteStream::writing() const { return state_ != nullptr && state_->write_pending; }
bool ByteStream::write_failed() const { return state_ == nullptr || state_->write_failed; }
std::uint64_t ByteStream::bytes_written() const { return state_ == nullptr ? 0 : state_->written; }

void ByteStream::shutdown_send() {
  if (state_ == nullptr) return;
  error_code ignored;  // a peer that is gone needs no goodbye
  state_->socket.shutdown(StreamSocket::shutdown_send, ignored);
}

void ByteStream::close() {
  if (state_ == nullptr) return;
  State* const state = std::exchange(state_, nullptr);
  state->observer = nullptr;
  state->closed = true;
  error_code ignored;  // the descriptor is gone either way
  state->socket.close(ignored);
  if (state->handlers == 0) delete state;
}

void ByteStream::abort() {
  if (state_ == nullptr) return;
  const linger now{1, 0};
  ::setsockopt(state_->socket.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

}  // namespace weir::proxy
