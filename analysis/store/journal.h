// Thread-safe. The StateStore on a disk: a queue, and one thread that writes it to the state file. Whoever appends
// never waits; what fails is tried again until the disk takes it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "analysis/rollout/ports.h"
#include "analysis/store/database.h"
#include "analysis/store/file_lock.h"

namespace weir::analysis {

class Journal final : public StateStore {
 public:
  struct Opened {
    std::unique_ptr<Journal> journal;  // null only when `holder` is set
    std::string holder;                // another weir has the file, and this is what it said of itself
    Database::Contents contents;
    // Not empty: the file was damaged; where it is kept, and why. Nothing is known of the rollouts.
    std::string lost;
  };
  // `owner` is what the next weir on the same file is told.
  static Opened open(const std::string& path, const std::string& owner, std::size_t most_records);
  // Writes what waits, once; what the disk does not take then is lost.
  ~Journal() override;

  Ticket append(StateWrite write) override;
  void discard(Ticket ticket) override;
  Ticket durable_through() const override;
  StoreHealth health() const override;

 private:
  struct Waiting {
    Ticket ticket = 0;
    StateWrite write;
  };

  struct Parts {
    std::string path;
    std::string owner;
    std::unique_ptr<FileLock> lock;
    std::unique_ptr<Database> database;
    std::string problem;
  };
  explicit Journal(Parts parts);
  void run();
  std::string write_out(const std::vector<StateWrite>& batch);

  static constexpr std::chrono::milliseconds kRetry{250};

  // A write that takes longer than this is told as a problem: a disk may hang without an error.
  static constexpr std::chrono::milliseconds kSlow{1'000};

  const std::string path_;
  const std::string owner_;
  // Of the writer's thread once it runs.
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<Database> database_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  std::size_t writing_ = 0;  // of the front of waiting_: being written just now
  std::chrono::steady_clock::time_point writing_since_;
  Ticket last_ = 0;
  Ticket durable_ = 0;
  std::string problem_;
  std::uint64_t failures_ = 0;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace weir::analysis
