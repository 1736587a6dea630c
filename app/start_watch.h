// Confined to the control thread, which starts; a thread of its own watches it. A start waits for its files as long as
// their disk takes: people are told for which one, and SIGTERM and SIGINT end the process at once.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"

namespace weir::app {

class StartWatch {
 public:
  // While Signals are there, which nobody takes yet.
  StartWatch();
  ~StartWatch() { end(); }
  StartWatch(const StartWatch&) = delete;
  StartWatch& operator=(const StartWatch&) = delete;

  // What is read next, in words.
  void about_to(std::string_view what);
  // Nothing is waited for any more. Signals are left to whoever takes them.
  void end();

 private:
  void watch();

  std::mutex mutex_;
  std::condition_variable wake_;
  // With the mutex:
  std::string about_;
  SteadyTime begun_{};
  bool told_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace weir::app
