// Confined to one thread. About how many distinct users an arm had, in 128 KiB: linear counting (Whang, Vander-Zanden,
// Taylor 1990, "A linear-time probabilistic counting algorithm"). Each user sets one of 2^20 bits, by a hash that has
// nothing to do with the assignment; from the bits still unset follows how many users there were. Bitmaps of workers
// and replicas merge by OR, in any order, and a user whom several saw counts once. Only the constructor allocates.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::analysis {

class UserBitmap {
 public:
  static constexpr std::uint32_t kBits = 1U << 20;
  static constexpr std::size_t kWords = kBits / 64;

  UserBitmap() : words_(kWords), used_(kWords / 64) {}

  // The low 20 bits of the hash count.
  void add(std::uint32_t user_hash) {
    const std::size_t at = (user_hash & (kBits - 1)) / 64;
    const std::uint64_t bit = std::uint64_t{1} << (user_hash % 64);
    population_ += (words_[at] & bit) == 0 ? 1 : 0;
    words_[at] |= bit;
    used_[at / 64] |= std::uint64_t{1} << (at % 64);
  }
  void merge(const UserBitmap& other);
  void clear();

  std::uint32_t population() const { return population_; }
  // Distinct users, estimated. Of a full bitmap, which says nothing any more: as if one bit were left.
  double users() const;

  // Calls `each` with the number of each set bit, ascending.
  template <class Each>
  void each_bit(const Each& each) const {
    each_word([&](std::size_t at) {
      for (std::uint64_t word = words_[at]; word != 0; word &= word - 1) {
        each(static_cast<std::uint32_t>(64 * at + static_cast<std::size_t>(std::countr_zero(word))));
      }
    });
  }

  // For saving and restoring.
  std::span<const std::uint64_t, kWords> words() const { return std::span<const std::uint64_t, kWords>(words_); }
  void set_words(std::span<const std::uint64_t, kWords> words);

 private:
  // Calls `each` with the index of each word that is not 0, ascending: few are, of what a second brings.
  template <class Each>
  void each_word(const Each& each) const {
    for (std::size_t i = 0; i < used_.size(); ++i) {
      for (std::uint64_t used = used_[i]; used != 0; used &= used - 1) {
        each(64 * i + static_cast<std::size_t>(std::countr_zero(used)));
      }
    }
  }

  std::vector<std::uint64_t> words_;
  std::vector<std::uint64_t> used_;  // a bit for each word that is not 0
  std::uint32_t population_ = 0;
};

}  // namespace weir::analysis
