// Confined to the control thread. Reads files while the weir runs, on a thread of its own: a disk that hangs, such as a
// mount whose server has gone away, holds up that thread, and nothing that is decided.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"

namespace weir::app {

// Called on the thread with what it is about to read, in words: who waits in vain is told of it.
using AboutTo = std::function<void(std::string_view what)>;

class DiskThread {
 public:
  // After it people are told.
  static constexpr std::chrono::seconds kPatience{3};

  using Done = std::function<void()>;
  // Is run on the thread, and shares nothing with who goes on meanwhile. What it returns is run by take().
  using Job = std::function<Done(const AboutTo& about_to)>;

  // After signals are blocked.
  DiskThread();
  // Waits for the job under way.
  ~DiskThread();
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  // No job is under way, and none's end waits to be taken.
  bool idle() const { return !busy_; }
  // Only while idle().
  void run(Job job);
  // Readable when take() has something to do.
  int descriptor() const { return event_; }
  // Does what is left to do of a job that has ended.
  void take();

  // Once a tick. True: problem() is another.
  bool tell(SteadyTime now);
  // What it waits for, of a job that has been under way too long; else empty.
  const std::string& problem() const { return problem_; }

  // Whether the thread waits for its next job. Waits for that as long as this.
  bool at_rest(std::chrono::milliseconds patience);

 private:
  void work();

  bool busy_ = false;
  SteadyTime begun_{};
  std::string problem_;
  int event_ = -1;
  std::mutex mutex_;
  std::condition_variable wake_;
  // With the mutex:
  Job job_;
  Done done_;
  std::string about_;
  bool working_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace weir::app
