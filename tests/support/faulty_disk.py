"""Disks that fail: a small one that can be filled or made read-only, one that is slow or whose writes hang, one that
takes decision records a few bytes at a time, and one whose user has no quota left."""
from __future__ import annotations

import ctypes
import os
import pathlib
import subprocess

from preload import preloaded

_LIBC = ctypes.CDLL(None, use_errno=True)


class SmallDisk:
    """A file system of its own in a mount namespace of its own, which ends with it. Needs no root."""

    def __init__(self, directory: pathlib.Path, mib: int = 8):
        self.directory = directory
        directory.mkdir()
        root = os.geteuid() == 0
        self._shell = subprocess.Popen(["unshare", "-m" if root else "-rm", "sh"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self._do(f"mount -t tmpfs -o size={mib}m weir-test '{directory}'")
        # Opened here: what runs between fork and exec should do little.
        kinds = ["mnt"] if root else ["user", "mnt"]
        self._namespaces = [os.open(f"/proc/{self._shell.pid}/ns/{kind}", os.O_RDONLY) for kind in kinds]

    def _do(self, command: str) -> None:
        """Runs it where the disk is."""
        assert self._shell.stdin is not None and self._shell.stdout is not None
        self._shell.stdin.write(f"{command} && echo done || echo failed\n".encode())
        said = b""
        while not said.endswith((b"done\n", b"failed\n")):
            piece = self._shell.stdout.read(4096)
            assert piece, f"the disk's shell has ended: {said!r}"
            said += piece
        assert said == b"done\n", (command, said)

    def enter(self) -> None:
        """Called in a new process, makes it see the disk: weir_harness.Weir.start(prepare=...)."""
        for namespace in self._namespaces:
            if _LIBC.setns(namespace, 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    @property
    def seen_from_here(self) -> pathlib.Path:
        return pathlib.Path(f"/proc/{self._shell.pid}/root{self.directory}")

    def fill(self) -> None:
        """To the last byte."""
        with (self.seen_from_here / "filler").open("ab", buffering=0) as filler:
            for size in (64 * 1024, 4096, 1):
                try:
                    while True:
                        filler.write(b"f" * size)
                except OSError:
                    continue

    def free(self) -> None:
        (self.seen_from_here / "filler").unlink()

    def set_read_only(self, read_only: bool) -> None:
        """Only while nobody has a file open for writing."""
        self._do(f"mount -o remount,{'ro' if read_only else 'rw'} '{self.directory}'")

    def remove(self) -> None:
        self._shell.kill()
        self._shell.wait()
        for pipe in (self._shell.stdin, self._shell.stdout):
            assert pipe is not None
            pipe.close()
        for namespace in self._namespaces:
            os.close(namespace)


# What SQLite writes with. Each call takes a time, and while the flag is there it does not end, as for a disk that has
# gone away.
_SHIM = r"""
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static void wait_for_disk() {
  static const char* const flag = getenv("WEIR_TEST_DISK_HANGS");
  static const char* const delay_ms = getenv("WEIR_TEST_DISK_DELAY_MS");
  if (delay_ms != nullptr) usleep(1000 * atoi(delay_ms));
  while (flag != nullptr && access(flag, F_OK) == 0) usleep(10'000);
}

template <class Function>
static Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

extern "C" {
ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  wait_for_disk();
  return next(file, data, size, at);
}
ssize_t pwrite64(int file, const void* data, size_t size, off64_t at) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  wait_for_disk();
  return next(file, data, size, at);
}
int fsync(int file) {
  static auto* const next = real<int(int)>("fsync");
  wait_for_disk();
  return next(file);
}
int fdatasync(int file) {
  static auto* const next = real<int(int)>("fdatasync");
  wait_for_disk();
  return next(file);
}
}
"""


class HangingDisk:
    """A library to preload; each write of whoever loads it takes a time, and from hang() to go_on() hangs."""

    def __init__(self, directory: pathlib.Path):
        self._flag = directory / "disk-hangs"
        self._preloaded = preloaded("hang", _SHIM, directory)

    def environment(self, delay_ms: int = 0) -> dict[str, str]:
        """For weir_harness.Weir.start()."""
        return {**self._preloaded, "WEIR_TEST_DISK_HANGS": str(self._flag), "WEIR_TEST_DISK_DELAY_MS": str(delay_ms)}

    def hang(self) -> None:
        self._flag.touch()

    def go_on(self) -> None:
        self._flag.unlink(missing_ok=True)


# What the doctored write()s below know the files of decision records by.
_IS_RECORDS = r"""
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static bool is_records(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t size = readlink(link, path, sizeof path);
  constexpr char kSuffix[] = ".records";
  constexpr ssize_t kSize = sizeof kSuffix - 1;
  return size >= kSize && memcmp(path + size - kSize, kSuffix, kSize) == 0;
}

static ssize_t real_write(int file, const void* data, size_t size) {
  static auto* const next = reinterpret_cast<ssize_t (*)(int, const void*, size_t)>(dlsym(RTLD_NEXT, "write"));
  return next(file, data, size);
}
"""

# Short writes, one after the other, to those files alone.
_PIECES = _IS_RECORDS + r"""
extern "C" ssize_t write(int file, const void* data, size_t size) {
  constexpr size_t kPiece = 64;
  if (size <= kPiece || !is_records(file)) return real_write(file, data, size);
  usleep(1'000);
  return real_write(file, data, kPiece);
}
"""

_NO_QUOTA = _IS_RECORDS + r"""
extern "C" ssize_t write(int file, const void* data, size_t size) {
  static const char* const flag = getenv("WEIR_TEST_NO_QUOTA_WHILE");
  if (flag == nullptr || access(flag, F_OK) != 0 || !is_records(file)) return real_write(file, data, size);
  errno = EDQUOT;
  return -1;
}
"""


def in_pieces(directory: pathlib.Path) -> dict[str, str]:
    """For weir_harness.Weir.start(): a block of records takes so long that a kill most likely comes in its midst."""
    return preloaded("pieces", _PIECES, directory)


def no_quota_while(path: pathlib.Path, directory: pathlib.Path) -> dict[str, str]:
    """For weir_harness.Weir.start(): while there is this file, its user may write no more records."""
    return {**preloaded("quota", _NO_QUOTA, directory), "WEIR_TEST_NO_QUOTA_WHILE": str(path)}
