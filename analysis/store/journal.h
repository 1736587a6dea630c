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
#include "analysis/store/storage.h"

namespace weir::analysis {

class Journal final : public StateStore {
 public:
  struct Opened {
    std::unique_ptr<Journal> journal;  // null only when `holder` is set
    std::string holder;                // another weir has the file, and this is what it said of itself
    Database::Contents contents;
    // Not empty: the file was damaged; where it is kept, and why. What the rollouts were that `contents` does not have
    // is not known.
    std::string lost;
  };
  // `owner` is what the next weir on the same file is told.
  static Opened open(const std::string& path, const std::string& owner, std::size_t most_records);
  // Writes what waits, once; what the disk does not take then is lost.
  ~Journal() override;

  Ticket append(StateWrite write) override;
  bool discard(Ticket ticket) override;
  Ticket durable_through() const override;
  StoreHealth health() const override;

 private:
  struct Waiting {
    Ticket ticket = 0;
    StateWrite write;
    bool withdrawn = false;   // while it was being written
    std::int64_t record = 0;  // its id, once it is committed
  };

  struct Parts {
    std::string path;
    std::unique_ptr<Storage> storage;
    std::string problem;
  };
  explicit Journal(Parts parts);
  void run();
  // Called with the lock, which they let go of while they wait for the disk.
  std::string write_out(std::unique_lock<std::mutex>& guard);
  std::string confirm(std::unique_lock<std::mutex>& guard);
  void take_back();
  bool withdrawn_among(std::size_t from, std::size_t to) const;

  static constexpr std::chrono::milliseconds kRetry{250};

  // A write that takes longer than this is told as a problem: a disk may hang without an error.
  static constexpr std::chrono::milliseconds kSlow{1'000};

  const std::string path_;
  const std::unique_ptr<Storage> storage_;  // of the writer's thread once it runs

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  std::size_t written_ = 0;  // of the front of waiting_: committed, and not confirmed yet
  std::size_t writing_ = 0;  // of the front of waiting_: those, and what is being written just now
  bool busy_ = false;        // the writer waits for the disk
  std::chrono::steady_clock::time_point writing_since_;
  Ticket last_ = 0;
  Ticket durable_ = 0;
  std::string problem_;
  std::uint64_t failures_ = 0;
  Ticket kept_ = 0;  // rollbacks up to here are in the mark, if not in the database
  std::string notice_;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace weir::analysis
