// Confined to one thread. The distinct users of a second or two, on their way into a UserBitmap, whose bits they are: a
// list of the first, and a bitmap of its own only for more. A bitmap for every second of every rollout would lie in no
// cache, and each user would be waited for twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/stats/user_bitmap.h"

namespace weir::analysis {

class UserSet {
 public:
  // The low 20 bits of the hash count.
  void add(std::uint32_t user_hash) {
    if (bitmap_) return bitmap_->add(user_hash);
    listed_.push_back(user_hash & (UserBitmap::kBits - 1));
    if (listed_.size() == kMostListed) spread();
  }
  void merge_into(UserBitmap& users) const;
  void clear();

  // For saving: ascending, each once, unless there are so many that they are a bitmap.
  std::vector<std::uint32_t> bits() const;
  const std::optional<UserBitmap>& bitmap() const { return bitmap_; }
  // For restoring.
  void set(UserBitmap bitmap);

  static constexpr std::size_t kMostListed = 16 * 1024;

 private:
  void spread();

  std::vector<std::uint32_t> listed_;  // the same user as often as it came
  std::optional<UserBitmap> bitmap_;   // once there is one, of all of them
};

}  // namespace weir::analysis
