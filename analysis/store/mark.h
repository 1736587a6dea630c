// Confined to one thread at a time. What is known of the state file outside of it: a small file beside it.
//
// SQLite takes what it does not find for nothing: of a log with a flipped bit it reads what stands before, and of a
// file that was emptied it makes a new one. Only something else can tell that there was more, so each write to the
// database is counted there, and once it is on the disk its number is written here.
//
// The file has a fixed size and is overwritten in place, which a full disk does not refuse. So it also holds what must
// not be forgotten when the database takes nothing: which rollouts were rolled back. Two slots take turns; a write that
// was cut short leaves the older one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/rollout/ports.h"

namespace weir::analysis {

class Mark {
 public:
  // Rolled-back rollouts beyond so many are no longer told apart.
  static constexpr std::size_t kMostClosed = 256;

  struct Contents {
    std::uint64_t database = 0;              // which one; 0: none was ever marked
    std::uint64_t generation = 0;            // of its last write that is known to be on the disk
    bool lost = false;                       // a file was lost, and not every rollout has been written since
    bool all_closed = false;                 // more than kMostClosed
    std::vector<std::uint64_t> closed = {};  // by closed_key(): rolled back, and the database does not have it

    bool operator==(const Contents&) const = default;
  };
  enum class Found : std::uint8_t { kNothing, kMark, kDamage, kUnreadable };

  explicit Mark(std::string path) : path_(std::move(path)) {}

  Found read();
  // Of the last read or write that did not fail.
  const Contents& contents() const { return contents_; }
  // There is one on the disk, as in contents().
  bool written() const { return written_; }
  // Makes the file where there is none. An empty string once it is durable, else what went wrong. Writes nothing when
  // nothing has changed.
  std::string write(const Contents& contents);
  const std::string& path() const { return path_; }

  static std::uint64_t closed_key(const RolloutKey& key);

 private:
  bool overwrite(const std::string& slot);
  bool create(const std::string& slot);

  const std::string path_;
  Contents contents_;
  std::uint64_t sequence_ = 0;  // of the newest slot; it stands in slot sequence_ % 2
  bool written_ = false;
};

}  // namespace weir::analysis
