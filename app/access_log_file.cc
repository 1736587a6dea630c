#include "app/access_log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace weir::app {

LogFile LogFile::open(const std::string& path) {
  LogFile file;
  if (path == "-") {
    file.descriptor_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  } else {
    file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
    if (file.opened()) ::fcntl(file.descriptor_, F_SETFL, O_APPEND);  // it was for the opening alone
  }
  if (!file.opened()) file.error_ = "cannot write the access log " + path + ": " + std::strerror(errno);
  return file;
}

LogFile& LogFile::operator=(LogFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(error_, other.error_);
  return *this;
}

LogFile::~LogFile() {
  if (opened()) ::close(descriptor_);
}

void AccessLogFile::write_to(LogFile file) {
  if (!file.opened()) return stop();
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(file);
  }
  if (thread_.joinable()) return wake_.notify_one();
  stopping_ = false;
  thread_ = std::thread([this] { run(); });
}

void AccessLogFile::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  file_ = LogFile();
}

void AccessLogFile::run() {
  const Visit write_lines = [this](std::string_view lines) { write(lines); };
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_for(lock, kPeriod, [this] { return stopping_ || next_.opened(); });
    LogFile next = std::exchange(next_, LogFile());
    const bool last = stopping_;
    lock.unlock();
    if (file_.opened()) drain_(write_lines);
    if (next.opened()) {
      file_ = std::move(next);
      torn_ = within_ = false;
      if (last) drain_(write_lines);
    }
    if (last) return;
    lock.lock();
  }
}

// A line may come in two pieces: the ring's end and its beginning.
void AccessLogFile::write(std::string_view lines) {
  if (headless_) lines.remove_prefix(std::min(lines.find('\n'), lines.size() - 1) + 1);
  headless_ = headless_ && lines.empty();
  if (torn_ && ::write(file_.descriptor(), "\n", 1) == 1) torn_ = false;
  while (!lines.empty()) {
    const ssize_t wrote = ::write(file_.descriptor(), lines.data(), lines.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return refuse(lines, errno);
    const auto size = static_cast<std::size_t>(wrote);
    if (size > 0) within_ = lines[size - 1] != '\n';
    lines.remove_prefix(size);
  }
  if (std::exchange(failing_, false)) log::info("access_log_written_again", {});
}

void AccessLogFile::refuse(std::string_view lines, int error) {
  torn_ = std::exchange(within_, false) || torn_;
  headless_ = !lines.ends_with('\n');
  const auto count = static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
  refused_.fetch_add(count, std::memory_order_relaxed);
  if (std::exchange(failing_, true)) return;
  log::error("access_log_not_written",
             {{"problem", std::strerror(error)}, {"effect", "its lines are lost, and counted"}});
}

}  // namespace weir::app
