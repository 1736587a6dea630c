#include "tests/unit/proxy/server/sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>
#include <vector>

#include "proxy/net/address.h"

namespace weir::proxy {
namespace {

std::uint16_t bind_loopback(int descriptor) {
  SocketAddress address = *parse_listen_address("127.0.0.1:0");
  if (::bind(descriptor, address.get(), address.size) != 0) throw std::runtime_error("bind");
  address.size = sizeof address.storage;
  ::getsockname(descriptor, address.get(), &address.size);
  return address.port();
}

}  // namespace

Socket::Socket(Socket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), unread_(std::move(other.unread_)), reset_(other.reset_) {}

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Socket Socket::connect(const std::string& address) {
  Socket socket(::socket(AF_INET, SOCK_STREAM, 0));
  const SocketAddress to = *parse_listen_address(address);
  if (::connect(socket.descriptor_, to.get(), to.size) != 0) throw std::runtime_error("connect to " + address);
  const timeval patience{10, 0};
  ::setsockopt(socket.descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

void Socket::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the peer is gone: what it answered tells
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool Socket::fill() {
  char buffer[16 * 1024];
  const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
  if (got < 0 && errno == ECONNRESET) reset_ = true;
  if (got > 0) unread_.append(buffer, static_cast<std::size_t>(got));
  return got > 0;
}

std::string Socket::read_until(std::string_view end) {
  std::size_t at = 0;
  while ((at = unread_.find(end)) == std::string::npos) {
    if (!fill()) return std::exchange(unread_, {});
  }
  std::string head = unread_.substr(0, at + end.size());
  unread_.erase(0, at + end.size());
  return head;
}

std::string Socket::read_all() {
  while (fill()) {
  }
  return std::exchange(unread_, {});
}

void Socket::close_with_reset() {
  const linger now{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(descriptor_, -1));
}

void Socket::shutdown_send() const { ::shutdown(descriptor_, SHUT_WR); }

Origin::Origin(std::function<void(Socket&)> serve) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
  port_ = bind_loopback(listener_);
  ::listen(listener_, 64);
  thread_ = std::thread([this, serve = std::move(serve)] {
    std::vector<std::thread> connections;
    for (int accepted = 0; (accepted = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      connections.emplace_back([accepted, &serve] {
        Socket socket(accepted);
        serve(socket);
      });
    }
    for (std::thread& connection : connections) connection.join();
  });
}

Origin::~Origin() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::uint16_t closed_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  const std::uint16_t port = bind_loopback(descriptor);
  ::close(descriptor);
  return port;
}

}  // namespace weir::proxy
