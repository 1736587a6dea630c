// Confined to one worker. A few field names, kept when the bytes that said them are gone: those that a Connection field
// has nominated, until the trailers come. Allocates nothing. It may hold a name too many, never one too few.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::http {

class NameSet {
 public:
  void add(std::string_view name) {
    if (size_ < kMost) hashes_[size_] = hash(name);
    if (size_ <= kMost) ++size_;
  }
  bool holds(std::string_view name) const {
    if (size_ == 0) return false;
    return size_ > kMost || std::find(hashes_.begin(), hashes_.begin() + size_, hash(name)) != hashes_.begin() + size_;
  }

 private:
  static constexpr std::uint8_t kMost = 8;  // with more, all names are held

  // FNV-1a; field names are case-insensitive.
  static std::uint64_t hash(std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : name) {
      const bool upper = c >= 'A' && c <= 'Z';
      hash = (hash ^ static_cast<std::uint8_t>(upper ? c | 0x20 : c)) * 0x100000001b3;
    }
    return hash;
  }

  std::array<std::uint64_t, kMost> hashes_{};
  std::uint8_t size_ = 0;
};

}  // namespace weir::http
