// Confined to one thread. That a state file belongs to one running weir: an exclusive lock on a file beside it, which
// the kernel lets go of however its holder ends.
#pragma once

#include <memory>
#include <string>

namespace weir::analysis {

class FileLock {
 public:
  struct Result {
    std::unique_ptr<FileLock> lock;
    std::string holder;  // not empty: another process has it, and this is what it said of itself
    std::string error;   // not empty: there can be no lock here, for nobody
  };
  // `owner` is what the next one is told, on one line.
  static Result take(const std::string& path, const std::string& owner);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace weir::analysis
