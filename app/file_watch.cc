#include "app/file_watch.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace weir::app {
namespace {

constexpr int kLongestPause = 64;

}  // namespace

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return FileStamp{.device = found.st_dev,
                   .inode = found.st_ino,
                   .size = static_cast<std::uint64_t>(found.st_size),
                   .changed_ns = found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec};
}

FileWatch::FileWatch(std::string path) : path_(std::move(path)), seen_(stamp_of(path_)), last_(seen_) {}

void FileWatch::seen(const std::optional<FileStamp>& stamp) {
  seen_ = last_ = stamp;
  failed_.reset();
}

void FileWatch::failed(const std::optional<FileStamp>& stamp) {
  pause_ = stamp == failed_ ? std::min(2 * pause_, kLongestPause) : 1;
  looks_left_ = pause_;
  failed_ = last_ = stamp;
  if (seen_ == stamp) seen_.reset();
}

bool FileWatch::changed() {
  const std::optional<FileStamp> now = stamp_of(path_);
  const bool at_rest = now == last_;
  last_ = now;
  if (!now || now == seen_ || !at_rest) return false;
  return now != failed_ || --looks_left_ <= 0;
}

}  // namespace weir::app
