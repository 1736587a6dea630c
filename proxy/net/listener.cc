#include "proxy/net/listener.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::proxy {
namespace {

using boost::system::error_code;

constexpr std::chrono::milliseconds kRetryAfterError{100};

int open_socket(const SocketAddress& address, bool share) {
  const int descriptor = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // IPv4 has listeners of its own, perhaps at the same port.
  if (address.family() == AF_INET6) ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (share) ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(descriptor, address.get(), address.size) == 0) return descriptor;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

// Sharing would let us take half the connections of another process unnoticed: first see whether the address is free.
bool address_is_free(const SocketAddress& address) {
  const int probe = open_socket(address, false);
  if (probe < 0) return false;
  const bool free = ::listen(probe, 1) == 0;
  const int error = errno;
  ::close(probe);
  errno = error;
  return free;
}

// Drops segments that ask for a new connection (SYN without ACK: byte 13 of the TCP header), lets all else through.
void refuse_new_handshakes(int descriptor) {
  sock_filter code[] = {
      {BPF_LD | BPF_B | BPF_ABS, 0, 0, 13},    {BPF_ALU | BPF_AND | BPF_K, 0, 0, 0x12},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x02}, {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, 0xffffffff},
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  ::setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

// No SO_REUSEPORT here: the descriptors share one listening description, hence one queue.
ListeningSockets listen_at_file(const SocketAddress& address, std::size_t count) {
  ListeningSockets sockets;
  sockets.address = address;
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockets.descriptors.push_back(descriptor);
  if (descriptor < 0) sockets.error = std::strerror(errno);
  if (sockets.error.empty()) sockets.file = SocketFile::listen(descriptor, address, sockets.error);
  while (sockets.error.empty() && sockets.descriptors.size() < count) {
    const int another = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (another < 0) sockets.error = std::strerror(errno);
    sockets.descriptors.push_back(another);
  }
  if (sockets.error.empty()) return sockets;
  sockets.error = "cannot listen on " + to_string(address) + ": " + sockets.error;
  for (const int open : sockets.descriptors) ::close(open);
  sockets.descriptors.clear();
  sockets.file = nullptr;
  return sockets;
}

}  // namespace

ListeningSockets listen_on(const std::string& text, std::size_t count) {
  ListeningSockets sockets;
  const std::optional<SocketAddress> address = parse_listen_address(text);
  if (!address) {
    sockets.error = "cannot listen on " + text + ": expected host:port with the host in digits, or unix:/path";
    return sockets;
  }
  if (address->family() == AF_UNIX) return listen_at_file(*address, count);
  sockets.address = *address;
  bool ok = address->port() == 0 || address_is_free(*address);
  while (ok && sockets.descriptors.size() < count) {
    const int descriptor = open_socket(sockets.address, true);
    ok = descriptor >= 0;
    if (!ok) break;
    sockets.descriptors.push_back(descriptor);
    sockets.address.size = sizeof sockets.address.storage;
    ok = ::listen(descriptor, SocketFile::kBacklog) == 0 &&
         ::getsockname(descriptor, sockets.address.get(), &sockets.address.size) == 0;
  }
  if (!ok) {
    sockets.error = "cannot listen on " + text + ": " + std::strerror(errno);
    for (const int descriptor : sockets.descriptors) ::close(descriptor);
    sockets.descriptors.clear();
  }
  return sockets;
}

struct Listener::Shared {
  Listener* listener;
  asio::generic::stream_protocol::endpoint peer;
};

struct Listener::OnAccepted {
  std::shared_ptr<Shared> shared;
  void operator()(const error_code& error, StreamSocket socket) const {
    Listener* const listener = shared->listener;
    if (listener == nullptr) return;
    listener->accepting_ = false;
    if (error == asio::error::operation_aborted) return;
    if (error) {
      // No descriptors, or a handshake that went away: never a reason to stop listening.
      if (listener->on_error_) listener->on_error_();
      listener->retry_.set(std::chrono::steady_clock::now() + kRetryAfterError);
      return;
    }
    SocketAddress peer;
    peer.size = static_cast<socklen_t>(shared->peer.size());
    std::memcpy(peer.get(), shared->peer.data(), peer.size);
    listener->on_accept_(std::move(socket), peer);
    if (shared->listener != nullptr) listener->accept();
  }
};

Listener::Listener(IoContext& io, DeadlineList& deadlines, Socket socket)
    : acceptor_(io.get_executor()),
      file_(std::move(socket.file)),
      retry_(
          deadlines, [](void* self) { static_cast<Listener*>(self)->accept(); }, this),
      close_(
          deadlines, [](void* self) { static_cast<Listener*>(self)->close(); }, this),
      shared_(std::make_shared<Shared>(Shared{this, {}})) {
  acceptor_.assign(asio::generic::stream_protocol(socket.family, 0), socket.descriptor);
  error_code ignored;  // it is already so
  acceptor_.non_blocking(true, ignored);
}

Listener::~Listener() {
  shared_->listener = nullptr;
  // While somebody still listens there, nobody else may take the place of the file that goes.
  if (file_ != nullptr) file_->remove();
  error_code ignored;  // the descriptor is gone either way
  acceptor_.close(ignored);
}

void Listener::start(OnAccept on_accept, OnError on_error) {
  on_accept_ = std::move(on_accept);
  on_error_ = std::move(on_error);
  accept();
}

void Listener::accept() {
  if (accepting_ || paused_ || closed_) return;
  accepting_ = true;
  acceptor_.async_accept(acceptor_.get_executor(), shared_->peer, OnAccepted{shared_});
}

void Listener::pause() { paused_ = !closing_; }

void Listener::resume() {
  paused_ = false;
  accept();
}

void Listener::begin_close() {
  if (closing_) return;
  closing_ = true;
  if (file_ != nullptr) {
    file_->remove();
  } else {
    refuse_new_handshakes(acceptor_.native_handle());
  }
  resume();
  close_.set(std::chrono::steady_clock::now() + kCloseGrace);
}

void Listener::close() {
  closed_ = true;
  retry_.clear();
  error_code ignored;  // the descriptor is gone either way
  acceptor_.close(ignored);
}

}  // namespace weir::proxy
