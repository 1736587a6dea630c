// Confined to the control thread, but for refused(), which any thread may ask. The access log's file, and the thread
// that empties the workers' rings into it: neither who answers requests nor who decides ever waits for a disk.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace weir::app {

// An open file, or why it is none.
class LogFile {
 public:
  LogFile() = default;
  // Appended to, and made where there is none; "-": standard output. Waits for nobody: a pipe that nobody reads is
  // none.
  static LogFile open(const std::string& path);
  static LogFile refused(std::string why);
  LogFile(LogFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), error_(std::move(other.error_)) {}
  LogFile& operator=(LogFile&& other) noexcept;
  ~LogFile();

  bool opened() const { return descriptor_ >= 0; }
  const std::string& error() const { return error_; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  std::string error_;
};

class AccessLogFile {
 public:
  // How long a line waits at the most, unless the disk is slow. A worker's ring holds what comes in this time many
  // times over.
  static constexpr std::chrono::milliseconds kPeriod{20};

  using Visit = std::function<void(std::string_view lines)>;

  // `drain` visits the lines that have come, in pieces of which each ends with a line or within the one that the next
  // begins with; it is called by one thread at a time.
  explicit AccessLogFile(std::function<void(const Visit&)> drain) : drain_(std::move(drain)) {}
  // Waits for a write under way.
  ~AccessLogFile();
  AccessLogFile(const AccessLogFile&) = delete;
  AccessLogFile& operator=(const AccessLogFile&) = delete;

  // For how long a file that is left is still written to when it is a pipe that nobody reads. After as long without
  // a byte taken, people are told.
  static constexpr std::chrono::milliseconds kPatience{2'000};

  // What has been left so far goes to the file before, all else to this one: so a file that was renamed is followed to
  // its end, and no line is lost. One that is not open: later lines wait for the next write_to().
  void write_to(LogFile file);
  // Writes out what waits, and ends for good. Of a disk that hangs it returns a moment after its patience, and idle()
  // is false.
  void stop(std::chrono::milliseconds patience = kPatience);
  // Nothing is being written: the thread ends when it is asked to.
  bool idle() const;

  // Once a tick. True: problem() is another.
  bool tell(SteadyTime now);
  // That nothing takes the lines, for too long; else empty.
  const std::string& problem() const { return problem_; }

  // Lines that the disk refused.
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  void run();
  bool left() const { return stopping_ || !next_.empty(); }
  SteadyTime give_up_at() const;
  void took_some();
  void write(std::string_view lines);
  int put(std::string_view& bytes);
  void refuse(std::string_view lines, int error);

  std::function<void(const Visit&)> drain_;
  std::string problem_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // With the mutex:
  std::vector<LogFile> next_;  // the last is written to; the thread closes them all, as a disk may hang in that, too
  bool stopping_ = false;
  bool working_ = false;
  bool ended_ = false;
  SteadyTime took_at_{};                       // while it works: when something was written last
  SteadyTime give_up_at_ = SteadyTime::max();  // whoever reads the file no more is not waited for
  LogFile file_;                               // the thread's
  // The thread's:
  bool within_ = false;    // the last byte that was written was no line's end
  bool torn_ = false;      // and the rest of that line was refused
  bool headless_ = false;  // the rest of what was refused is still to come
  bool failing_ = false;
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace weir::app
