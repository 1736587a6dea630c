// Thread-safe. recv(2) and send(2) as the data plane calls them, four times a request: on sockets that do not block,
// repeated after a signal, and not by way of the C library's functions. Those are points at which a thread can be cancelled,
// which costs two locked instructions a call wherever there are several threads, and nobody cancels any here.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <string_view>

namespace weir::proxy {

// How many bytes came; 0: the end. Below 0: errno says why none did.
inline ssize_t receive_now(int socket, std::span<char> space) {
  for (;;) {
    const long bytes = ::syscall(SYS_recvfrom, socket, space.data(), space.size(), MSG_DONTWAIT, nullptr, nullptr);
    if (bytes >= 0 || errno != EINTR) return bytes;
  }
}

// How many of the bytes the kernel has taken. Below 0: errno says why none. A broken pipe is told by that, and by no signal.
inline ssize_t send_now(int socket, std::string_view bytes, int flags = 0) {
  for (;;) {
    const long taken =
        ::syscall(SYS_sendto, socket, bytes.data(), bytes.size(), flags | MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
    if (taken >= 0 || errno != EINTR) return taken;
  }
}

}  // namespace weir::proxy
