#include "analysis/stats/user_bitmap.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace weir::analysis {

void UserBitmap::merge(const UserBitmap& other) {
  other.each_word([&](std::size_t at) {
    const std::uint64_t added = other.words_[at] & ~words_[at];
    words_[at] |= added;
    population_ += static_cast<std::uint32_t>(std::popcount(added));
  });
  for (std::size_t i = 0; i < used_.size(); ++i) used_[i] |= other.used_[i];
}

void UserBitmap::clear() {
  each_word([&](std::size_t at) { words_[at] = 0; });
  std::fill(used_.begin(), used_.end(), 0);
  population_ = 0;
}

double UserBitmap::users() const {
  const std::uint32_t counted = std::min(population_, kBits - 1);
  return -static_cast<double>(kBits) * std::log1p(-static_cast<double>(counted) / kBits);
}

void UserBitmap::set_words(std::span<const std::uint64_t, kWords> words) {
  clear();
  for (std::size_t at = 0; at < kWords; ++at) {
    if (words[at] == 0) continue;
    words_[at] = words[at];
    used_[at / 64] |= std::uint64_t{1} << (at % 64);
    population_ += static_cast<std::uint32_t>(std::popcount(words[at]));
  }
}

}  // namespace weir::analysis
