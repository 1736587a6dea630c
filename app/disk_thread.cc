#include "app/disk_thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "base/log.h"

namespace weir::app {

DiskThread::DiskThread() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), thread_([this] { work(); }) {}

DiskThread::~DiskThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
  if (event_ >= 0) ::close(event_);
}

void DiskThread::run(Job job) {
  busy_ = true;
  begun_ = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    job_ = std::move(job);
    working_ = true;
  }
  wake_.notify_all();
}

void DiskThread::take() {
  eventfd_t ended = 0;
  if (!busy_ || ::eventfd_read(event_, &ended) != 0) return;
  Done done;
  {
    const std::lock_guard lock(mutex_);
    done = std::exchange(done_, {});
  }
  busy_ = false;
  if (done) done();
}

bool DiskThread::tell(SteadyTime now) {
  const bool late = busy_ && now - begun_ >= kPatience;
  if (late != problem_.empty()) return false;
  if (!late) {
    problem_.clear();
    log::info("disk_answers_again", {});
    return true;
  }
  const std::lock_guard lock(mutex_);
  problem_ = "files are not read, as a disk does not answer: " + about_;
  log::error("disk_hangs", {{"reading", about_},
                            {"effect", "what is served and decided goes on; changed files and a reload wait for it"}});
  return true;
}

bool DiskThread::at_rest(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, patience, [this] { return !working_; });
}

void DiskThread::work() {
  const AboutTo about_to = [this](std::string_view what) {
    const std::lock_guard lock(mutex_);
    about_ = what;
  };
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || job_; });
    if (!job_) return;
    Job job = std::exchange(job_, {});
    lock.unlock();
    Done done = job(about_to);
    job = {};
    lock.lock();
    done_ = std::move(done);
    working_ = false;
    static_cast<void>(::eventfd_write(event_, 1));
    wake_.notify_all();
  }
}

}  // namespace weir::app
