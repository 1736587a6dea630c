// Pure functions. The hashes that assign users; their values are a contract with other programs and with the past.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

// MurmurHash3_x86_32 (Austin Appleby's public-domain algorithm), seed 0 in every use of ours.
std::uint32_t murmur3_32(std::string_view data, std::uint32_t seed = 0);
// The same over the concatenation of two strings, without building it.
std::uint32_t murmur3_32(std::string_view head, std::string_view tail, std::uint32_t seed);

std::uint64_t xxh3_64(std::string_view data, std::uint64_t seed = 0);

// A number for bytes that come in pieces (XXH64), whatever the pieces. Confined to one thread.
class HashStream {
 public:
  HashStream() { reset(); }
  void reset();
  void add(std::string_view piece);
  // Of all that has been added.
  std::uint64_t value() const;
  bool empty() const { return size_ == 0; }

 private:
  alignas(std::uint64_t) std::array<std::byte, 88> state_;  // XXH64_state_t
  std::uint64_t size_ = 0;
};

// Tells rollouts apart: by service, baseline, candidate, revision and salt. Never 0.
std::uint64_t rollout_identity(const std::array<std::string_view, 5>& words);

// The bucket of a 32-bit hash among a million (PRODUCT.md section 2): flagd's `fractional` v2.
constexpr std::uint32_t bucket_ppm(std::uint32_t hash) {
  return static_cast<std::uint32_t>((std::uint64_t{hash} * 1'000'000) >> 32);
}

}  // namespace weir
