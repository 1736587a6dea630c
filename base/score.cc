#include "base/score.h"

#include "base/hash.h"

namespace weir {

std::uint64_t join_key(JoinKind kind, std::string_view id) {
  // Far from each other: to XXH3 a short text under the next seed is another short text.
  constexpr std::uint64_t kSeed = 0x9e3779b97f4a7c15;
  if (id.empty()) return 0;
  const std::uint64_t key = xxh3_64(id, kSeed * (1 + static_cast<std::uint64_t>(kind)));
  return key == 0 ? 1 : key;
}

}  // namespace weir
