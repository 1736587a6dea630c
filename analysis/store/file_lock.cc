#include "analysis/store/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace weir::analysis {

FileLock::Result FileLock::take(const std::string& path, const std::string& owner) {
  Result result;
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  // A lock needs no writing: on a disk that takes none, an old lock file still tells that somebody has it.
  if (descriptor < 0) descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    result.error = path + ": " + std::generic_category().message(errno);
    return result;
  }
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 256> text{};
    const auto size = ::pread(descriptor, text.data(), text.size(), 0);
    if (size > 0) result.holder.assign(text.data(), static_cast<std::size_t>(size));
    while (result.holder.ends_with('\n')) result.holder.pop_back();
    if (result.holder.empty()) result.holder = "another process";
    ::close(descriptor);
    return result;
  }
  // Who holds it is a courtesy: a full disk does not keep anybody from holding it.
  const std::string line = owner + "\n";
  if (::ftruncate(descriptor, 0) == 0 && ::pwrite(descriptor, line.data(), line.size(), 0) < 0) errno = 0;
  result.lock.reset(new FileLock(descriptor));
  return result;
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace weir::analysis
