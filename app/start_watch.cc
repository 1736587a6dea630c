#include "app/start_watch.h"

#include <chrono>
#include <cstdlib>
#include <utility>

#include "app/cli/invocation.h"
#include "app/disk_thread.h"
#include "app/signals.h"
#include "base/log.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kWatchPeriod{50};

}  // namespace

StartWatch::StartWatch() : thread_([this] { watch(); }) {}

void StartWatch::about_to(std::string_view what) {
  const std::lock_guard lock(mutex_);
  about_ = what;
  begun_ = std::chrono::steady_clock::now();
  told_ = false;
}

void StartWatch::end() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

// What hangs cannot be left in order; all that a start writes survives that.
void StartWatch::watch() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kWatchPeriod, [this] { return ending_; })) {
    if (termination_waits()) {
      log::warn("ending_while_starting", {{"reading", about_}});
      std::_Exit(kExitEndedAtOnce);
    }
    const bool late = !about_.empty() && std::chrono::steady_clock::now() - begun_ >= DiskThread::kPatience;
    if (!late || std::exchange(told_, true)) continue;
    log::error("start_waits", {{"reading", about_}, {"effect", "nothing is served until its disk answers"}});
  }
}

}  // namespace weir::app
