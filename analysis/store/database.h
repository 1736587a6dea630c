// Confined to one thread at a time. The state file: SQLite in WAL mode, each transaction on the disk before it counts.
//
// Damage must be seen rather than believed: SQLite checks its pages' structure, not their bytes, so each row carries a
// hash of what it holds. That what it found was all is for the Mark to say: the database counts its writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "analysis/rollout/ports.h"

namespace weir::analysis {

class Database {
 public:
  // Opens or creates. The log that is there stays there until the first write. Null, with `error` set, when that
  // cannot be done; `damaged` then tells whether the file's contents are to blame.
  struct OpenResult {
    std::unique_ptr<Database> database;
    std::string error;
    bool damaged = false;
  };
  static OpenResult open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Records beyond this many are dropped, oldest first.
  static constexpr std::size_t kRecordsKept = 10'000;

  // Which database it is, and its how manieth write was the last.
  struct Version {
    bool empty = true;           // nothing was ever written
    std::uint64_t database = 0;  // drawn at random with the first write; 0: by a weir that did not do so
    std::uint64_t generation = 0;

    bool operator==(const Version&) const = default;
  };

  struct Contents {
    std::vector<StoredRollout> rollouts;
    std::vector<std::string> records;  // newest last
    Version version;
    std::string error;
    bool damaged = false;
  };
  Contents read(std::size_t most_records);

  struct Batch {
    std::span<const StateWrite> writes = {};
    std::span<const std::int64_t> withdrawn = {};  // records that go: ids of an earlier write
    std::function<bool()> wanted = {};             // asked last of all; no: nothing is written
  };
  struct Written {
    bool done = false;
    bool unwanted = false;
    std::string error;                  // neither done nor unwanted
    std::vector<std::int64_t> records;  // by write: the id of its record, 0 when it had none
    Version version;
  };
  // All of it in one transaction, which is durable when it is done.
  Written write(const Batch& batch);

  // The file could only be read when it was opened, and so it stays until it is opened again.
  bool read_only() const;
  // Its name is gone, or another file's: what is written now nobody would find again.
  bool moved() const;
  // The log that its writes went to has lost its name. Destroying the database brings what is in it into the file.
  bool lost_its_log() const;

 private:
  struct Handle;
  explicit Database(std::unique_ptr<Handle> handle);
  static OpenResult open_as(const std::string& path, int flags);

  std::unique_ptr<Handle> handle_;
};

}  // namespace weir::analysis
