// Pure functions. The hash of several strings, which also tells where one ends and the next begins. Its values are on
// disks.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "base/hash.h"

namespace weir::analysis {

inline std::uint64_t hash_of(std::initializer_list<std::string_view> parts) {
  std::uint64_t hash = 0;
  for (const std::string_view part : parts) hash = xxh3_64(part, hash + part.size());
  return hash;
}

}  // namespace weir::analysis
