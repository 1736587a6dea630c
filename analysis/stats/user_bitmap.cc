#include "analysis/stats/user_bitmap.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace weir::analysis {

void UserBitmap::merge(const UserBitmap& other) {
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint64_t added = other.words_[i] & ~words_[i];
    if (added == 0) continue;  // nearly all, of what a tick brings
    words_[i] |= added;
    population_ += static_cast<std::uint32_t>(std::popcount(added));
  }
}

void UserBitmap::clear() {
  std::fill(words_.begin(), words_.end(), 0);
  population_ = 0;
}

double UserBitmap::users() const {
  const std::uint32_t counted = std::min(population_, kBits - 1);
  return -static_cast<double>(kBits) * std::log1p(-static_cast<double>(counted) / kBits);
}

void UserBitmap::set_words(std::span<const std::uint64_t, kWords> words) {
  std::copy(words.begin(), words.end(), words_.begin());
  population_ = 0;
  for (const std::uint64_t word : words_) population_ += static_cast<std::uint32_t>(std::popcount(word));
}

}  // namespace weir::analysis
