"""Files that cannot be read for a while: a mount whose server is gone, or a process that may open no more."""
from __future__ import annotations

import pathlib

from preload import preloaded

# What files are opened, looked at and written with. The flag's file says what becomes of those below a folder: "hang", or the
# number of the error with which they are not opened, nor written.
_SHIM = r"""
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_really(const char* path, int flags, mode_t mode) {
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

// The error; 0: none.
static int fault_of(const char* path) {
  static const char* const flag = getenv("WEIR_TEST_FILES_FAIL");
  static const char* const folder = getenv("WEIR_TEST_FILES");
  if (flag == nullptr || folder == nullptr || strncmp(path, folder, strlen(folder)) != 0) return 0;
  for (;;) {
    const int file = open_really(flag, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) return 0;
    char word[8] = {};
    const ssize_t size = read(file, word, sizeof word - 1);
    close(file);
    if (size <= 0 || strcmp(word, "hang") != 0) return size <= 0 ? 0 : atoi(word);
    usleep(10'000);
  }
}

static int open_or_fail(const char* path, int flags, mode_t mode) {
  const int error = fault_of(path);
  if (error != 0) {
    const int tries = open_really(getenv("WEIR_TEST_FILES_TRIES"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (write(tries, "x", 1) == 1) close(tries);
    return errno = error, -1;
  }
  return open_really(path, flags, mode);
}

extern "C" {
int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_or_fail(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_or_fail(path, flags, mode);
}
ssize_t write(int file, const void* data, size_t size) {
  char link[64], path[4096] = {};
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const int error = readlink(link, path, sizeof path - 1) > 0 ? fault_of(path) : 0;
  if (error != 0) return errno = error, -1;
  return syscall(SYS_write, file, data, size);
}
int stat(const char* path, struct stat* found) noexcept {
  fault_of(path);
  return static_cast<int>(fstatat(AT_FDCWD, path, found, 0));
}
int stat64(const char* path, struct stat64* found) noexcept {
  fault_of(path);
  return static_cast<int>(fstatat64(AT_FDCWD, path, found, 0));
}
}
"""


class FaultyFiles:
    """The files below `folder`, for whoever loads the library."""

    def __init__(self, directory: pathlib.Path, folder: pathlib.Path):
        self._flag = directory / "files-fail"
        self._tries = directory / "files-tries"
        self.environment = {**preloaded("faulty_files", _SHIM, directory), "WEIR_TEST_FILES_FAIL": str(self._flag),
                            "WEIR_TEST_FILES": str(folder), "WEIR_TEST_FILES_TRIES": str(self._tries)}

    def _say(self, word: str) -> None:
        fresh = self._flag.with_suffix(".new")
        fresh.write_text(word)
        fresh.replace(self._flag)

    def hang(self) -> None:
        self._say("hang")

    def fail(self, error: int) -> None:
        self._say(str(error))

    def tries(self) -> int:
        """How often opening one has failed."""
        return self._tries.stat().st_size if self._tries.exists() else 0

    def recover(self) -> None:
        self._flag.unlink(missing_ok=True)
