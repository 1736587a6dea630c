// Not thread-safe. A machine that lacks something: sockets are not made, or not connected. The limit of the process
// would not do, for the sanitizers need descriptors of their own.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace weir::proxy {

// For as long as it lives, stream sockets fail so: EADDRNOTAVAIL when they connect, all others when they are made.
class Lacking {
 public:
  explicit Lacking(int with) { error_ = with; }
  ~Lacking() { error_ = 0; }
  Lacking(const Lacking&) = delete;
  Lacking& operator=(const Lacking&) = delete;

  static bool fails(bool connecting) {
    if (error_ == 0 || connecting != (error_ == EADDRNOTAVAIL)) return false;
    errno = error_;
    return true;
  }

 private:
  static inline int error_ = 0;
};

}  // namespace weir::proxy

// In the place of libc's, in a test's program alone.
extern "C" {

[[gnu::weak, gnu::used]] int socket(int family, int type, int protocol) noexcept {
  if (weir::proxy::Lacking::fails(false)) return -1;
  return static_cast<int>(::syscall(SYS_socket, family, type, protocol));
}

[[gnu::weak, gnu::used]] int connect(int descriptor, const sockaddr* address, socklen_t size) {
  int type = 0;
  socklen_t length = sizeof type;
  ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length);
  if (type == SOCK_STREAM && weir::proxy::Lacking::fails(true)) return -1;
  return static_cast<int>(::syscall(SYS_connect, descriptor, address, size));
}

}  // extern "C"
