// Confined to one thread. Notices that a file is not what it was, by its inode, size and time of change.
//
// Editors and Kubernetes replace a file rather than write into it, often through a symbolic link: watching a path by
// inotify follows the old inode. A stat() a second sees all of that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weir::app {

struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};
// Nothing when the path cannot be read.
std::optional<FileStamp> stamp_of(const std::string& path);

class FileWatch {
 public:
  // What is there now counts as read.
  explicit FileWatch(std::string path);

  // Once a second. True when what is there has not been read yet and has been at rest since the last look: a file is often
  // written in pieces. A file that is gone is no change.
  bool changed();
  // It was read, as it was then.
  void seen(const std::optional<FileStamp>& stamp);
  // It could not be read or used, as it was then, which may pass: changed() says so again after 1, 2, 4 … 64 looks.
  void failed(const std::optional<FileStamp>& stamp);

 private:
  std::string path_;
  std::optional<FileStamp> seen_;
  std::optional<FileStamp> last_;
  std::optional<FileStamp> failed_;  // unless none has
  int pause_ = 0;                    // looks, after the last failure
  int looks_left_ = 0;
};

}  // namespace weir::app
