#include "analysis/stats/user_set.h"

#include <algorithm>
#include <utility>

namespace weir::analysis {

void UserSet::merge_into(UserBitmap& users) const {
  if (bitmap_) return users.merge(*bitmap_);
  for (const std::uint32_t bit : listed_) users.add(bit);
}

void UserSet::clear() {
  listed_.clear();
  bitmap_.reset();
}

std::vector<std::uint32_t> UserSet::bits() const {
  std::vector<std::uint32_t> bits(listed_);
  std::sort(bits.begin(), bits.end());
  bits.erase(std::unique(bits.begin(), bits.end()), bits.end());
  return bits;
}

void UserSet::set(UserBitmap bitmap) {
  listed_.clear();
  bitmap_ = std::move(bitmap);
}

void UserSet::spread() {
  UserBitmap all;
  merge_into(all);
  set(std::move(all));
}

}  // namespace weir::analysis
