#include "base/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace weir {
namespace {

FileText failed(int error) { return {{}, std::generic_category().message(error)}; }

FileText read_from(int file, FileKind kind) {
  struct stat found {};
  if (::fstat(file, &found) != 0) return failed(errno);
  if (S_ISDIR(found.st_mode)) return {{}, "it is a directory"};
  if (kind == FileKind::kRegular && !S_ISREG(found.st_mode)) return {{}, "it is no regular file"};
  FileText result;
  std::array<char, 16 * 1024> piece{};
  for (;;) {
    const ssize_t size = ::read(file, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed(errno);
    if (size == 0) return result;
    result.text.append(piece.data(), static_cast<std::size_t>(size));
    if (result.text.size() > kLargestFile) return {{}, "it has more than 16 MiB"};
  }
}

}  // namespace

FileText read_file(const std::string& path, FileKind kind) {
  // A pipe is opened without a writer so, to be refused.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | (kind == FileKind::kRegular ? O_NONBLOCK : 0));
  if (file < 0) return failed(errno);
  FileText result = read_from(file, kind);
  ::close(file);
  return result;
}

}  // namespace weir
