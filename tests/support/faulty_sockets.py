"""A machine that lacks what sockets need, for who connects: who is connected, and who accepts, goes on."""
from __future__ import annotations

import errno
import pathlib

from preload import preloaded

_SHIM = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// The error that the flag's file holds.
static int lacking() {
  static const char* const flag = getenv("WEIR_TEST_SOCKETS_LACK");
  const int file = flag == nullptr ? -1 : open(flag, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char digits[8] = {};
  const ssize_t size = read(file, digits, sizeof digits - 1);
  close(file);
  return size > 0 ? atoi(digits) : 0;
}

extern "C" {
int socket(int family, int type, int protocol) noexcept {
  const int error = (type & SOCK_STREAM) != 0 ? lacking() : 0;
  if (error != 0 && error != EADDRNOTAVAIL) return errno = error, -1;
  return syscall(SYS_socket, family, type, protocol);
}
int connect(int descriptor, const sockaddr* address, socklen_t size) {
  int type = 0;
  socklen_t length = sizeof type;
  getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length);
  if (type == SOCK_STREAM && lacking() == EADDRNOTAVAIL) return errno = EADDRNOTAVAIL, -1;
  return syscall(SYS_connect, descriptor, address, size);
}
}
"""


class LackingSockets:
    """From lack() to recover() whoever loads it can connect to nobody. Not by lowering its limit of descriptors: the
    sanitizers need some of their own."""

    def __init__(self, directory: pathlib.Path):
        self._flag = directory / "sockets-lack"
        self.environment = {**preloaded("lacking_sockets", _SHIM, directory), "WEIR_TEST_SOCKETS_LACK": str(self._flag)}

    def lack(self, error: int = errno.EMFILE) -> None:
        fresh = self._flag.with_suffix(".new")
        fresh.write_text(str(error))
        fresh.replace(self._flag)

    def recover(self) -> None:
        self._flag.unlink()
