// Confined to one thread, but for secure_random_bytes(), which is thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir {

// Fills from the kernel's generator: keys and ids that others must not guess.
void secure_random_bytes(void* out, std::size_t size);

// xoshiro256++ (Blackman and Vigna), seeded by splitmix64: endpoint choice, the split of unkeyed requests, jitter,
// simulations. Equal seeds give equal sequences on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  static Random from_entropy();

  std::uint64_t next();
  // Uniform below `bound` (> 0); bias below 2^-32 for bounds below 2^32 (Lemire's multiplication).
  std::uint32_t below(std::uint32_t bound);
  // Uniform in [0, 1).
  double uniform();

 private:
  std::uint64_t state_[4];
};

}  // namespace weir
