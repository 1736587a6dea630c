// Confined to one thread. About how many distinct users an arm had, in 128 KiB: linear counting (Whang, Vander-Zanden,
// Taylor 1990, "A linear-time probabilistic counting algorithm"). Each user sets one of 2^20 bits, by a hash that has
// nothing to do with the assignment; from the bits still unset follows how many users there were. Bitmaps of workers
// and replicas merge by OR, in any order, and a user whom several saw counts once. Only the constructor allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::analysis {

class UserBitmap {
 public:
  static constexpr std::uint32_t kBits = 1U << 20;
  static constexpr std::size_t kWords = kBits / 64;

  UserBitmap() : words_(kWords) {}

  // The low 20 bits of the hash count.
  void add(std::uint32_t user_hash) {
    std::uint64_t& word = words_[(user_hash & (kBits - 1)) / 64];
    const std::uint64_t bit = std::uint64_t{1} << (user_hash % 64);
    population_ += (word & bit) == 0 ? 1 : 0;
    word |= bit;
  }
  void merge(const UserBitmap& other);
  void clear();

  std::uint32_t population() const { return population_; }
  // Distinct users, estimated. Of a full bitmap, which says nothing any more: as if one bit were left.
  double users() const;

  // For saving and restoring.
  std::span<const std::uint64_t, kWords> words() const { return std::span<const std::uint64_t, kWords>(words_); }
  void set_words(std::span<const std::uint64_t, kWords> words);

 private:
  std::vector<std::uint64_t> words_;
  std::uint32_t population_ = 0;
};

}  // namespace weir::analysis
