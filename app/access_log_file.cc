#include "app/access_log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/patient_write.h"

namespace weir::app {
namespace {

// How often it is looked whether somebody still has to be waited for.
constexpr std::chrono::milliseconds kLookPeriod{50};
// What a disk that answers needs for the lines that are left.
constexpr std::chrono::milliseconds kLastWrite{500};

}  // namespace

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

LogFile LogFile::refused(std::string why) {
  LogFile file;
  file.error_ = std::move(why);
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

AccessLogFile::~AccessLogFile() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void AccessLogFile::write_to(LogFile file) {
  if (!file.opened() && !thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    next_.push_back(std::move(file));
    give_up_at_ = std::chrono::steady_clock::now() + kPatience;
  }
  wake_.notify_all();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void AccessLogFile::stop(std::chrono::milliseconds patience) {
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  stopping_ = true;
  give_up_at_ = std::chrono::steady_clock::now() + patience;
  wake_.notify_all();
  if (wake_.wait_for(lock, patience + kLastWrite, [this] { return ended_; })) {
    lock.unlock();
    return thread_.join();
  }
  log::error("access_log_not_written", {{"problem", "its disk does not answer"}, {"effect", "what is left of it is lost"}});
}

bool AccessLogFile::idle() const {
  const std::lock_guard lock(mutex_);
  return !working_;
}

bool AccessLogFile::tell(SteadyTime now) {
  std::unique_lock lock(mutex_);
  const bool late = working_ && now - took_at_ >= kPatience;
  lock.unlock();
  if (late != problem_.empty()) return false;
  if (late) {
    problem_ = "the access log is not taken, and loses lines: its disk does not answer, or nobody reads its pipe";
    log::error("access_log_hangs", {{"effect", "lines that find no room are lost, and counted; requests wait for nothing"}});
  } else {
    problem_.clear();
    log::info("access_log_written_again", {});
  }
  return true;
}

void AccessLogFile::run() {
  const Visit write_lines = [this](std::string_view lines) { write(lines); };
  std::unique_lock lock(mutex_);
  while (!ended_) {
    if (file_.opened()) {
      wake_.wait_for(lock, kPeriod, [this] { return left(); });
    } else {
      wake_.wait(lock, [this] { return left(); });
    }
    std::vector<LogFile> next = std::exchange(next_, {});
    const bool last = stopping_;
    working_ = true;
    took_at_ = std::chrono::steady_clock::now();
    lock.unlock();
    if (file_.opened()) drain_(write_lines);
    if (!next.empty()) {
      file_ = std::move(next.back());
      torn_ = within_ = false;
      if (last && file_.opened()) drain_(write_lines);
    }
    if (last) file_ = LogFile();
    next.clear();
    lock.lock();
    working_ = false;
    ended_ = last;
    if (!left()) give_up_at_ = SteadyTime::max();
  }
  wake_.notify_all();
}

SteadyTime AccessLogFile::give_up_at() const {
  const std::lock_guard lock(mutex_);
  return give_up_at_;
}

void AccessLogFile::took_some() {
  const std::lock_guard lock(mutex_);
  took_at_ = std::chrono::steady_clock::now();
}

// A line may come in two pieces: the ring's end and its beginning.
void AccessLogFile::write(std::string_view lines) {
  if (headless_) lines.remove_prefix(std::min(lines.find('\n'), lines.size() - 1) + 1);
  headless_ = headless_ && lines.empty();
  std::string_view end_of_line = "\n";
  if (torn_ && put(end_of_line) == 0) torn_ = false;
  if (const int error = put(lines); error != 0) return refuse(lines, error);
  if (std::exchange(failing_, false)) log::info("access_log_written_again", {});
}

// Takes what was written off the front. 0, or why not all was.
int AccessLogFile::put(std::string_view& bytes) {
  for (;;) {
    const SteadyTime look_again = std::chrono::steady_clock::now() + kLookPeriod;
    const SteadyTime end = give_up_at();
    const Written written = write_until(file_.descriptor(), bytes, std::min(look_again, end));
    if (written.bytes > 0) {
      within_ = bytes[written.bytes - 1] != '\n';
      took_some();
    }
    bytes.remove_prefix(written.bytes);
    if (written.error != EAGAIN || end <= look_again) return written.error;
  }
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
