#include "app/command_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace weir::app {

CommandQueue::CommandQueue() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

CommandQueue::~CommandQueue() {
  close();
  if (event_ >= 0) ::close(event_);
}

void CommandQueue::push(QueuedCommand command) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_ && waiting_.size() < kCapacity) {
      waiting_.push_back(std::move(command));
      // Fails only when the counter is full, and then the reader is awake already.
      static_cast<void>(::eventfd_write(event_, 1));
      return;
    }
  }
  command.done(
      error_reply({.status = 503, .code = "busy", .message = "too many commands wait; try again", .problems = {}}));
}

std::vector<QueuedCommand> CommandQueue::take() {
  const std::lock_guard lock(mutex_);
  eventfd_t count = 0;
  if (::eventfd_read(event_, &count) != 0) count = 0;
  return std::exchange(waiting_, {});
}

void CommandQueue::close() {
  std::vector<QueuedCommand> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(waiting_);
}

}  // namespace weir::app
