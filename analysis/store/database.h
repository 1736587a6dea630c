// Confined to one thread at a time. The state file: SQLite in WAL mode, each transaction on the disk before it counts.
//
// Damage must be seen rather than believed: SQLite checks its pages' structure, not their bytes, so each row carries a
// hash of what it holds.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "analysis/rollout/ports.h"

namespace weir::analysis {

class Database {
 public:
  // Opens or creates. Null, with `error` set, when that cannot be done; `damaged` then tells whether the file's
  // contents are to blame.
  struct OpenResult {
    std::unique_ptr<Database> database;
    std::string error;
    bool damaged = false;
  };
  static OpenResult open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  struct Contents {
    std::vector<StoredRollout> rollouts;
    std::vector<std::string> records;  // newest last
    std::string error;
    bool damaged = false;
  };
  Contents read(std::size_t most_records);

  // All of them in one transaction; an empty string once they are durable, else what went wrong, and nothing is
  // written.
  std::string write(std::span<const StateWrite> writes);

  // The file could only be read when it was opened, and so it stays until it is opened again.
  bool read_only() const;

 private:
  struct Handle;
  explicit Database(std::unique_ptr<Handle> handle);
  static OpenResult open_as(const std::string& path, int flags);

  std::unique_ptr<Handle> handle_;
};

}  // namespace weir::analysis
