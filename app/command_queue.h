// Thread-safe. Commands on their way from the admin thread to the control thread, bounded; a descriptor wakes the
// reader.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include "app/admin/api.h"

namespace weir::app {

struct QueuedCommand {
  ApiCommand command;
  std::function<void(ApiReply)> done;  // called once, or dropped
};

class CommandQueue {
 public:
  static constexpr std::size_t kCapacity = 256;

  CommandQueue();
  ~CommandQueue();
  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;

  // When it is full or closed, the command is refused by an answer at once.
  void push(QueuedCommand command);
  // All that waits, in order.
  std::vector<QueuedCommand> take();
  // Drops what waits and refuses what comes.
  void close();

  // Readable while something waits.
  int descriptor() const { return event_; }

 private:
  std::mutex mutex_;
  std::vector<QueuedCommand> waiting_;
  bool closed_ = false;
  int event_ = -1;
};

}  // namespace weir::app
