// Immutable once loaded. What becomes of slashes that servers do not agree on, in the copy of a path that is matched.
#pragma once

#include <cstdint>

namespace weir::config {

enum class SlashPolicy : std::uint8_t {
  kKeep,    // a byte like others
  kReject,  // 400
  kMerge,   // read as the one slash that many servers make of it
};

struct PathPolicy {
  SlashPolicy double_slash = SlashPolicy::kKeep;   // "//", however it came about
  SlashPolicy encoded_slash = SlashPolicy::kKeep;  // "%2F", and "%5C", which some servers take for a slash

  bool operator==(const PathPolicy&) const = default;
};

}  // namespace weir::config
