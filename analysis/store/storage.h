// Confined to one thread at a time. The files of one state: the database, the mark that tells what the database must
// hold, and the lock. Nothing is written into a database that was not read: what is found in its place is set aside.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "analysis/rollout/ports.h"
#include "analysis/store/database.h"
#include "analysis/store/file_lock.h"
#include "analysis/store/mark.h"

namespace weir::analysis {

class Storage {
 public:
  struct Opened {
    std::unique_ptr<Storage> storage;  // null only when `holder` is set
    std::string holder;                // another process has the files, and this is what it said of itself
    Database::Contents contents;
    std::string lost;     // not empty: why it is not known of rollouts that are not in `contents` what they were
    std::string problem;  // not empty: why nothing can be written just now
  };
  // `owner` is what the next one on the same files is told.
  static Opened open(const std::string& path, const std::string& owner, std::size_t most_records);

  // As Database::write(). When it is not done, the rollouts that the writes close are kept in the mark.
  Database::Written write(std::span<const StateWrite> writes, const std::function<bool()>& wanted);
  // What was written counts once it is confirmed. An empty string, or what went wrong.
  std::string confirm();
  // The next write takes this record out again.
  void withdraw(std::int64_t record) { withdrawn_.push_back(record); }

  // Rollouts were rolled back, and no file could be made to say so.
  bool forgets_rollbacks() const { return forgets_rollbacks_; }
  // What happened to the files since they were opened, the last of it; for people.
  const std::string& notice() const { return notice_; }

 private:
  Storage(std::string path, std::string owner);
  void read(std::size_t most_records, Opened& opened);
  std::string why_not(const Database::Contents& contents) const;
  void lose(const std::string& why, Opened& opened);
  std::string set_aside();
  Database::Written commit(std::span<const StateWrite> writes, const std::function<bool()>& wanted);
  std::string ready();
  std::string open_database();
  void take_along();
  void settle(std::span<const StateWrite> writes);
  void keep_closed(std::span<const StateWrite> writes, std::string& error);

  const std::string path_;
  const std::string owner_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<Database> database_;
  Mark mark_;
  Database::Version version_;            // of what was read or written last
  Mark::Contents known_;                 // what the mark should say
  bool proven_ = false;                  // all that is known of the past has been written
  std::vector<StateWrite> taken_along_;  // from a file whose name is gone
  std::vector<std::int64_t> withdrawn_;
  bool forgets_rollbacks_ = false;
  std::string notice_;
};

}  // namespace weir::analysis
